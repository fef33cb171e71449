package upstream_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
	"pgregory.net/rapid"

	"scrim/internal/rules"
)

var update = flag.Bool("update", false, "write scrim's copy of the rules anew")

// TestCopyIsTheModules holds scrim's file of rules to that of the module.
func TestCopyIsTheModules(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "gitleaks.toml.gz")
	if *update {
		if err := os.WriteFile(path, pack(t, config.DefaultConfig), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	packed, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != config.DefaultConfig {
		t.Error("the copy is not the module's file: run make rules")
	}
}

func pack(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// building is held while gitleaks builds a detector: its configuration goes
// through viper's one global instance, which two tests at once tear.
var building sync.Mutex

// detector is gitleaks' own.
func detector(t *testing.T) *detect.Detector {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	d, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// theirs returns what gitleaks finds, as "rule: secret".
func theirs(d *detect.Detector, name, text string) []string {
	found := []string{}
	for _, f := range d.Detect(detect.Fragment{Raw: text, FilePath: name}) {
		found = append(found, f.RuleID+": "+f.Secret)
	}
	slices.Sort(found)
	return found
}

// ours returns what scrim finds, in the same form.
func ours(t interface{ Fatal(...any) }, set *rules.Set, name, text string) []string {
	found := []string{}
	findings, err := set.Find(context.Background(), name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		found = append(found, f.Rule+": "+text[f.Start:f.End])
	}
	byName, err := set.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range byName {
		found = append(found, id+": ")
	}
	slices.Sort(found)
	return found
}

// TestEveryRule makes texts that each rule's pattern matches, in several
// surroundings, and expects the same of both.
func TestEveryRule(t *testing.T) {
	t.Parallel()
	theirDetector, set := detector(t), rules.New()
	names := []string{"", "", "", "src/main.go", "config/app.yaml", "web/index.php", "nuget.config", "main.tf", "package-lock.json", "recipe.bb", "keys/store.p12", "a/@octokit/auth-token/README.md"}
	around := []string{"%s\n", "first line\n  token = \"%s\"\nlast line\n", "%s %[1]s\n", "\n\n%s\n\nSECRET_KEY=%[1]s;\n", "{\"api_key\":\"%s\"}\n", "x = %s # gitleaks:allow\n%[1]s\n"}
	hits := map[string]bool{}
	for _, id := range theirDetector.Config.OrderedRules {
		rule := theirDetector.Config.Rules[id]
		if rule.Regex == nil {
			continue
		}
		samples := rapid.StringMatching(rule.Regex.String())
		for seed := range 40 {
			text := fmt.Sprintf(around[seed%len(around)], samples.Example(seed))
			name := names[seed%len(names)]
			want := theirs(theirDetector, name, text)
			if diff := cmp.Diff(want, ours(t, set, name, text)); diff != "" {
				t.Errorf("%s in %q (-gitleaks +scrim):\n%s", id, name, diff)
			}
			for _, found := range want {
				hits[strings.SplitN(found, ": ", 2)[0]] = true
			}
		}
	}
	if len(hits) < 200 {
		t.Errorf("only %d rules found anything", len(hits))
	}
}

// TestAnyText expects the same of both for texts made of pieces that matter to
// the rules.
func TestAnyText(t *testing.T) {
	t.Parallel()
	theirDetector, set := detector(t), rules.New()
	var pieces []string
	for word := range theirDetector.Config.Keywords {
		pieces = append(pieces, word, strings.ToUpper(word))
	}
	slices.Sort(pieces)
	for _, id := range theirDetector.Config.OrderedRules {
		if regex := theirDetector.Config.Rules[id].Regex; regex != nil {
			pieces = append(pieces, rapid.StringMatching(regex.String()).Example(7))
		}
	}
	pieces = append(pieces, "\n", "\n\n", "\r\n", " ", "=", ":", "\"", "'", ";", "EXAMPLE", "gitleaks:allow", "${VAR}", "true", "\xff", "é", "\u212a")
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 40).Draw(t, "pieces"), rapid.SampledFrom([]string{"", " ", "=", "\n"}).Draw(t, "between")) + "\n"
		name := rapid.SampledFrom([]string{"", "a.go", "a.tf", "values.yml"}).Draw(t, "name")
		if diff := cmp.Diff(theirs(theirDetector, name, text), ours(t, set, name, text)); diff != "" {
			t.Fatalf("(-gitleaks +scrim):\n%s", diff)
		}
	})
}
