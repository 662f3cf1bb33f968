package nodetest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fakeNPM writes a program that records each run and then exits with code.
func fakeNPM(t *testing.T, code string) (path, runs string) {
	t.Helper()
	dir := t.TempDir()
	path, runs = filepath.Join(dir, "npm"), filepath.Join(dir, "runs")
	script := "#!/bin/sh\necho \"$@\" >> '" + runs + "'\necho broken registry >&2\nexit " + code + "\n"
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path, runs
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' })
}

func TestInstallOnceForManyCallers(t *testing.T) {
	t.Parallel()
	npm, runs := fakeNPM(t, "0")
	dir := filepath.Join(t.TempDir(), "set")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := install(t.Context(), npm, dir, []string{"left@1.0.0"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := lines(t, runs)
	if len(got) != 1 || !strings.HasSuffix(got[0], "-- left@1.0.0") {
		t.Errorf("npm ran %q", got)
	}
}

func TestFailedInstallIsDoneAgain(t *testing.T) {
	t.Parallel()
	npm, runs := fakeNPM(t, "7")
	dir := filepath.Join(t.TempDir(), "set")
	for range 2 {
		err := install(t.Context(), npm, dir, []string{"left@1.0.0"})
		if err == nil || !strings.Contains(err.Error(), "broken registry") {
			t.Errorf("error %v", err)
		}
	}
	if got := lines(t, runs); len(got) != 2 {
		t.Errorf("npm ran %d times", len(got))
	}
}

func TestKeyIgnoresOrder(t *testing.T) {
	t.Parallel()
	if key([]string{"a@1", "b@1"}) != key([]string{"b@1", "a@1"}) {
		t.Error("order matters")
	}
	if key([]string{"a@1"}) == key([]string{"a@2"}) {
		t.Error("versions do not matter")
	}
}

// recorder stands in for a test that is skipped or failed.
type recorder struct {
	testing.TB
	skipped, failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Skipf(string, ...any)  { r.skipped = true }
func (r *recorder) Fatalf(string, ...any) { r.failed = true }

func TestMissing(t *testing.T) {
	for ci, want := range map[string]recorder{"true": {failed: true}, "": {skipped: true}, "false": {skipped: true}} {
		t.Setenv("CI", ci)
		var got recorder
		missing(&got, "no node")
		if got != want {
			t.Errorf("CI=%q: %+v", ci, got)
		}
	}
}
