package message

import "testing"

func TestCut(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "four": "four", "fünf": "fünf", "fives": "fiv…", "äöüßé": "äöü…", "四四四四四": "四四四…"} {
		if got := Cut(in, 4); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
