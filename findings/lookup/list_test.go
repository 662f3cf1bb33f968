package lookup_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings/lookup"
	"github.com/securitybot/securitybot/internal/fakes/lookupfake"
)

func TestListsAreFetchedOnceAndRefreshedByTheirTag(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { w.ask("198.51.100.7", false) })
	}
	group.Wait()
	if n := len(w.Calls("tor")); n != 1 {
		t.Errorf("fetched %d times", n)
	}
	w.clock.Advance(59 * time.Minute)
	w.ask("198.51.100.7", false)
	if n := len(w.Calls("tor")); n != 1 {
		t.Errorf("fetched %d times within the hour", n)
	}
	w.clock.Advance(2 * time.Minute)
	if got := told(w.ask("198.51.100.7", false), "Tor exit list"); got != "Tor exit" {
		t.Error(got)
	}
	if c := w.Calls("tor"); len(c) != 2 || c[1].Status != 304 {
		t.Errorf("%+v", c)
	}
	w.AddHost("192.0.2.66", lookupfake.Host{Tor: true})
	w.clock.Advance(61 * time.Minute)
	if got := told(w.ask("192.0.2.66", false), "Tor exit list"); got != "Tor exit" {
		t.Errorf("the new list was not taken: %s", got)
	}
}

func TestAListThatCannotBeRefreshedIsUsedAndSaysSo(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]lookupfake.Failure{
		"503": lookupfake.Status(503), "html": lookupfake.Says("text/html", "<html>sign in</html>"), "empty": lookupfake.Says("text/plain", ""),
		"redirect": lookupfake.Redirect("http://169.254.169.254/"), "dropped": lookupfake.Drop(), "404": lookupfake.Status(404),
	} {
		w := newWorld(t, nil)
		w.ask("198.51.100.7", false)
		w.Down("tor", f)
		w.clock.Advance(2 * time.Hour)
		for range 3 {
			if got := told(w.ask("198.51.100.7", false), "Tor exit list"); got != "Tor exit | (the list is of 2026-03-04 05:06 UTC and could not be refreshed)" {
				t.Errorf("%s: %s", name, got)
			}
		}
		if n := len(w.Calls("tor")); n != 2 && name != "dropped" { // there net/http asks again by itself
			t.Errorf("%s: asked %d times", name, n)
		}
		w.Up("tor")
		w.clock.Advance(11 * time.Minute)
		if got := told(w.ask("198.51.100.7", false), "Tor exit list"); got != "Tor exit" {
			t.Errorf("%s: afterwards %s", name, got)
		}
	}
}

// Spamhaus blocks who asks more than once an hour, failures included.
func TestSpamhausIsAskedOnceAnHourAtMost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.Down("drop", lookupfake.Status(503))
	for range 11 {
		if got := told(w.ask("198.51.100.7", false), "Spamhaus DROP"); !strings.HasPrefix(got, "failed: ") {
			t.Error(got)
		}
		w.clock.Advance(5 * time.Minute)
	}
	if n := len(w.Calls("drop")); n != 1 {
		t.Errorf("asked %d times in 55 minutes", n)
	}
	w.Up("drop")
	w.clock.Advance(20 * time.Minute)
	w.ask("198.51.100.7", false)
	if n := len(w.Calls("drop")); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

func TestListsOutliveARestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "lists")
	w := newWorld(t, func(c *lookup.Config) { c.CacheDir = dir })
	w.clock.Advance(time.Since(w.clock.Now()) + time.Minute) // a link has a time of its own
	again := func() string {
		cfg := lookup.Config{Endpoints: w.Endpoints(), CacheDir: dir}
		cfg.Now = w.clock.Now
		v, err := lookup.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return told(v.Investigate(context.Background(), lookup.Query{Indicator: indicator(t, "198.51.100.7")}, func(lookup.Report) {}), "Tor exit list")
	}
	w.ask("198.51.100.7", false)
	if got := again(); got != "Tor exit" || len(w.Calls("tor")) != 1 {
		t.Errorf("%s; fetched %d times", got, len(w.Calls("tor")))
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.WriteFile(elsewhere, []byte("\"v1\"\n192.0.2.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fresh := func(path string) error { return os.Chtimes(path, w.clock.Now(), w.clock.Now()) }
	for name, spoil := range map[string]func(string) error{
		"other text":     func(p string) error { return os.WriteFile(p, []byte("\"v1\"\nhello\n"), 0o600) },
		"no first line":  func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"from tomorrow":  func(p string) error { at := w.clock.Now().Add(24 * time.Hour); return os.Chtimes(p, at, at) },
		"a directory":    func(p string) error { _ = os.Remove(p); return os.Mkdir(p, 0o700) },
		"a link outside": func(p string) error { _ = os.RemoveAll(p); _ = fresh(elsewhere); return os.Symlink(elsewhere, p) },
		"enormous": func(p string) error {
			_ = os.Remove(p)
			_ = os.WriteFile(p, []byte("\"x\"\n"+strings.Repeat("192.0.2.1\n", 200_000)), 0o600)
			return fresh(p)
		},
	} {
		if err := spoil(filepath.Join(dir, "tor.list")); err != nil {
			t.Fatal(err)
		}
		before := len(w.Calls("tor"))
		if got := again(); got != "Tor exit" || len(w.Calls("tor")) != before+1 {
			t.Errorf("%s: %s; fetched %d times more", name, got, len(w.Calls("tor"))-before)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		if !strings.HasSuffix(f, ".list") {
			t.Errorf("%s was left behind", f)
		}
	}
}
