package message

import "testing"

func TestTopLevel(t *testing.T) {
	t.Parallel()
	for label, want := range map[string]bool{"com": true, "uk": true, "example": true, "internal": true, "com-x": true, "xn--p1ai": true, "рф": true,
		"severity": false, "yaml": false, "": false, "-com": false, "20": false} {
		if got := TopLevel(label); got != want {
			t.Errorf("%q: %v", label, got)
		}
	}
}

func TestRegistrable(t *testing.T) {
	t.Parallel()
	for domain, want := range map[string]bool{"corp.example": true, "a.co.uk": true, "co.uk": false, "com": false, "github.io": false, "": false} {
		if got := Registrable(domain); got != want {
			t.Errorf("%q: %v", domain, got)
		}
	}
}
