package redact

import (
	"strings"
	"testing"
)

// TestKinds holds the tables to what they stand for.
func TestKinds(t *testing.T) {
	t.Parallel()
	for i := range 256 {
		c := byte(i)
		kinds := kindsOf(c)
		token := c < 0x80 && (isAlphanumeric(c) || strings.IndexByte("+-/_\x7f", c) >= 0)
		if got := kinds&tokenKinds != 0; got != token {
			t.Errorf("%#02x: token %v", c, got)
		}
		trigger := strings.IndexByte(`\%&`, c) >= 0 || c < ' ' && strings.IndexByte("\t\n\r\x19\x1a\x1d", c) < 0
		if got := kinds&triggerKinds != 0; got != trigger {
			t.Errorf("%#02x: trigger %v", c, got)
		}
		if got := kinds&lineFeed != 0; got != (c == '\n') {
			t.Errorf("%#02x: line feed %v", c, got)
		}
	}
}

// FuzzClassify holds the instructions to the plain code.
func FuzzClassify(f *testing.F) {
	var every []byte
	for i := range 256 {
		every = append(every, byte(i))
	}
	f.Add(every)
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, text []byte) {
		text = text[:min(len(text), chunk)]
		var got, want masks
		words := got.classify(text)
		for w := range words {
			want.classifyBlock(w, text[w*block:min(len(text), (w+1)*block)])
		}
		if got != want || words != (len(text)+block-1)/block {
			t.Fatalf("%d words, %+v, not %+v", words, got, want)
		}
	})
}
