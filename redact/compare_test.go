package redact_test

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"scrim/internal/bench/corpus"
	"scrim/internal/secret"
)

var (
	docs    = flag.String("docs", "", "rewrite the figures in this folder's performance.md, and its performance.svg")
	largest = flag.Int("automaton", 1000, "the most secrets that the Aho-Corasick automaton is built for")
	mib     = flag.Int("mib", 1, "how much of each text there is, in MiB")
	large   = flag.Int("large", 16, "how much of the large one there is, in MiB")
)

// rounds is how often each engine has its turn with each text, and turn how long
// that lasts. The best one counts: what else runs on a machine only ever slows.
const (
	rounds = 9
	turn   = 30 * time.Millisecond
)

// sizes are the numbers of secrets, and shorts how many of a hundred are short.
var (
	sizes  = []int{10, 100, 1000, 10000}
	shorts = []int{0, 10}
)

// The names of texts.
const (
	logText    = "log"
	largeText  = "log, larger than caches"
	jsonText   = "JSON"
	base64Text = "base64"
	nearText   = "near misses"
	hitsText   = "all hits"
)

// textNames are the texts in the order of the tables.
var textNames = []string{logText, largeText, jsonText, base64Text, nearText, hitsText}

// cell says what a rate was measured on.
type cell struct {
	known
	text, engine string
}

// figures is everything that was measured.
type figures struct {
	rates   map[cell]float64 // MB/s
	builds  map[cell]float64 // ms; the text is empty
	build   footprint        // of the largest set
	learned map[int]spread   // µs for one more, by the number known
	frames  map[int]float64  // ns for 1 KB without hits, by the number known
	allocs  map[string]float64
}

// footprint is what it costs to build.
type footprint struct{ milliseconds, peakMB, staysMB float64 }

// spread is the middle and the worst of several.
type spread struct{ median, worst float64 }

// BenchmarkCompare measures the redactor beside what else masks text, in one
// run, and prints tables. One pass is a measurement: run it with -benchtime 1x.
func BenchmarkCompare(b *testing.B) {
	for b.Loop() {
		f := measure(b)
		sections := report(f)
		fmt.Println()
		for _, s := range sections {
			s.write(os.Stdout)
		}
		if *docs != "" {
			writeDocs(b, *docs, sections, plot(f))
		}
	}
	b.ReportMetric(0, "ns/op")
}

func measure(tb testing.TB) figures {
	tb.Helper()
	f := figures{rates: map[cell]float64{}, builds: map[cell]float64{}, learned: map[int]spread{}, frames: map[int]float64{}, allocs: map[string]float64{}}
	// Before there is much else on the heap, which would put off collections.
	f.build = measureBuild(tb, corpus.Secrets(10000, 10))
	for _, n := range []int{1000, 10000} {
		f.learned[n] = measureLearn(tb, corpus.Secrets(n+learns, 10), n)
	}
	size := *mib << 20
	for _, n := range sizes {
		f.frames[n] = measureFrames(tb, n, f.allocs)
	}
	texts := map[string][]byte{logText: corpus.Log(size), largeText: corpus.Log(*large << 20), jsonText: corpus.JSON(size), base64Text: corpus.Base64(size)}
	measureAllocs(tb, texts[logText], f.allocs)
	for _, short := range shorts {
		for _, n := range sizes {
			f.measureWorld(tb, known{secrets: n, short: short}, texts)
		}
	}
	return f
}

// measureWorld measures all engines for one set of secrets over all texts.
func (f *figures) measureWorld(tb testing.TB, k known, texts map[string][]byte) {
	tb.Helper()
	fmt.Fprintf(os.Stderr, "bench: %s %d secrets, %d %% short\n", time.Now().Format(time.TimeOnly), k.secrets, k.short)
	w := newWorld(tb, k, corpus.Secrets(k.secrets, k.short), *largest)
	for _, e := range w.engines {
		f.builds[cell{known: k, engine: e.name}] = float64(e.built.Microseconds()) / 1000
	}
	r := learnAll(tb, w.values)
	texts[nearText] = corpus.NearMisses(len(texts[logText]), w.forms, func(fragment []byte) bool {
		_, hits := r.Bytes(nil, fragment)
		return len(hits) > 0
	})
	texts[hitsText] = corpus.Hits(len(texts[logText]), w.values, w.forms)
	for _, name := range textNames {
		if _, hits := r.Bytes(nil, texts[name]); (len(hits) > 0) != (name == hitsText) {
			tb.Fatalf("%s has %d hits", name, len(hits))
		}
		for engine, rate := range takeTurns(w.engines, texts[name]) {
			f.rates[cell{known: k, text: name, engine: engine}] = rate
		}
	}
}

// takeTurns returns the rate of each engine over text, in MB/s. They run in
// turn, so that a slower second of the machine hits all alike.
func takeTurns(engines []engine, text []byte) map[string]float64 {
	took := map[string][]float64{}
	for range rounds {
		for _, e := range engines {
			runtime.GC()
			e.run(text) // so that nobody pays for what others left behind, in memory or caches
			took[e.name] = append(took[e.name], e.rate(text))
		}
	}
	rates := map[string]float64{}
	for name, all := range took {
		rates[name] = slices.Max(all)
	}
	return rates
}

// measureBuild returns what it costs to learn values and to be ready: the time,
// the memory taken from the system while it is built, garbage and all, and what
// is held afterwards.
func measureBuild(tb testing.TB, values []string) footprint {
	tb.Helper()
	var times, peaks, stays []float64
	for range rounds {
		debug.FreeOSMemory()
		before := memory()
		begun := time.Now()
		r := learnAll(tb, values)
		r.String("build now")
		times = append(times, float64(time.Since(begun).Microseconds())/1000)
		peaks = append(peaks, float64(taken(memory())-taken(before))/1e6)
		runtime.GC()
		stays = append(stays, (float64(memory().HeapAlloc)-float64(before.HeapAlloc))/1e6)
		runtime.KeepAlive(r)
	}
	return footprint{milliseconds: slices.Min(times), peakMB: slices.Max(peaks), staysMB: slices.Max(stays)}
}

func memory() runtime.MemStats {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m
}

// taken is how much of the heap the system has given and not got back.
func taken(m runtime.MemStats) int64 { return int64(m.HeapSys) - int64(m.HeapReleased) }

// learns is how many secrets more are learned, one by one.
const learns = 64

// measureLearn returns how long it takes, where n values are known, to learn
// one more and be ready, in µs.
func measureLearn(tb testing.TB, values []string, n int) spread {
	tb.Helper()
	r := learnAll(tb, values[:n])
	r.String("build now")
	var all []float64
	for i, value := range values[n:] {
		name, v := ref(tb, fmt.Sprintf("MORE_%d", i)), secret.NewValue(value)
		begun := time.Now()
		r.Learn(name, v)
		r.String("build now")
		all = append(all, float64(time.Since(begun).Nanoseconds())/1000)
	}
	return spread{median: median(all), worst: slices.Max(all)}
}

// measureFrames returns how long a frame of 1 KB without hits takes, in ns.
func measureFrames(tb testing.TB, n int, allocs map[string]float64) float64 {
	tb.Helper()
	w, line := learnAll(tb, corpus.Secrets(n, 0)).Frames(io.Discard), frame(tb)
	write := func() {
		if _, err := w.Write(line); err != nil {
			tb.Fatal(err)
		}
	}
	allocs["frame"] = max(allocs["frame"], testing.AllocsPerRun(100, write))
	var all []float64
	for range 4 * rounds {
		const frames = 1000
		begun := time.Now()
		for range frames {
			write()
		}
		all = append(all, float64(time.Since(begun).Nanoseconds())/frames)
	}
	return slices.Min(all)
}

// measureAllocs counts allocations where nothing is hit, with 1,000 secrets.
func measureAllocs(tb testing.TB, text []byte, allocs map[string]float64) {
	tb.Helper()
	r := learnAll(tb, corpus.Secrets(1000, 10))
	out := make([]byte, 0, len(text))
	allocs["bytes"] = testing.AllocsPerRun(3, func() { out, _ = r.Bytes(out[:0], text) })
	w, piece := r.Stream(io.Discard), text[:4<<10]
	allocs["stream"] = testing.AllocsPerRun(1000, func() {
		if _, err := w.Write(piece); err != nil {
			tb.Fatal(err)
		}
	})
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
