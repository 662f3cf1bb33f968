// Package archivetest writes archives for tests of what reads them.
package archivetest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/securitybot/securitybot/bot/archive"
)

// File writes lines to an archive of a month and returns its name.
func File(t testing.TB, lines []archive.Line) string {
	t.Helper()
	var text []byte
	for _, l := range lines {
		b, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, b...)
	}
	name := filepath.Join(t.TempDir(), "findings-2026-11.ndjson")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
