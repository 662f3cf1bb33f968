package archive_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/securitybot/securitybot/bot/archive"
	"github.com/securitybot/securitybot/findings/policy"
)

// Whatever stands in a file, reading ends, and what is read can be decided about.
func FuzzRead(f *testing.F) {
	p, err := policy.Default()
	if err != nil {
		f.Fatal(err)
	}
	good, err := decided("x", everything(), map[string]string{"owner": "down"}, p).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"at":"2026-10-01T10:00:00Z","case":{"f":{"id":"f"},"d":{"step":"page"},"em":{"why":"x"}},"case_id":"A"}` + "\n{\"v\":1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		name := filepath.Join(t.TempDir(), "a")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := archive.Read([]string{name}, func(l *archive.Line) bool {
			if l.Kind == archive.Decided {
				p.Decide(l.Input())
			}
			return true
		}, func(bool) {})
		if err != nil {
			t.Fatal(err)
		}
	})
}
