package archive_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/bot/archive"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

func closed(id, outcome string) archive.Line {
	return archive.Line{Kind: archive.Closed, ID: id, At: noon, CaseID: "ABCDEFGHIJKLMNOP", Ref: "SB-ABCDEFGH", Outcome: outcome}
}

// Whatever stands in a file, the good lines around it are read, and what was left
// out is counted with its place.
func TestHostileLines(t *testing.T) {
	t.Parallel()
	good := func(n int) string { return encode(t, closed(fmt.Sprint("c", n), "benign")) }
	bare := func(s string) string { return s + "\n" }
	for name, tc := range map[string]struct {
		text  string
		lines int
		why   string // part of the one reason, empty for none
		n     int
		at    int
	}{
		"fine":                {good(1) + good(2), 2, "", 0, 0},
		"nothing":             {"", 0, "", 0, 0},
		"blank lines":         {"\n\n" + good(1) + "  \n\r\n", 1, "", 0, 0},
		"line ends of DOS":    {strings.ReplaceAll(good(1)+good(2), "\n", "\r\n"), 2, "", 0, 0},
		"last without end":    {good(1) + strings.TrimSpace(good(2)), 2, "", 0, 0},
		"torn at the end":     {good(1) + good(2)[:40], 1, "ends in the middle", 1, 2},
		"torn and gone on":    {good(1)[:40] + "\n" + good(2), 1, "not a JSON object", 1, 1},
		"not JSON at 128":     {strings.Repeat("\n", 127) + bare("{}x") + good(2), 1, "not a JSON object", 1, 128},
		"not JSON":            {good(1) + bare("hello") + bare("[1,2]") + bare("null") + bare("17") + good(2), 2, "", 4, 2},
		"a newer version":     {good(1) + bare(`{"v":2,"kind":"closed","id":"x","case_id":"y","at":"2026-11-01T12:00:00Z","outcome":["new"]}`) + bare(`{"v":9}`) + good(2), 2, "newer version", 2, 2},
		"another kind":        {bare(strings.Replace(strings.TrimSpace(good(1)), `"closed"`, `"praised"`, 1)) + good(2), 1, "does not know", 1, 1},
		"nothing in it":       {bare(`{"v":1,"kind":"decided","id":"x","case_id":"y","at":"2026-11-01T12:00:00Z"}`) + bare(`{"v":1,"kind":"asked","id":"x","case_id":"y","at":"2026-11-01T12:00:00Z"}`) + bare(`{"v":1}`) + bare(`{}`) + bare(`{"v":-1,"kind":"closed"}`), 0, "not complete", 5, 1},
		"an impossible step":  {bare(`{"v":1,"kind":"decided","id":"x","case_id":"y","at":"2026-11-01T12:00:00Z","finding":{"id":"f"},"decision":{"step":"launch"}}`), 0, "not complete", 1, 1},
		"zeroes from a crash": {good(1) + bare(strings.Repeat("\x00", 4096)) + good(2), 2, "not a JSON object", 1, 2},
		"too long":            {good(1) + bare(`{"v":1,"kind":"`+strings.Repeat("x", archive.MaxLine)+`"}`) + good(2), 2, "longer than 512 KiB", 1, 2},
		"too long at the end": {good(1) + strings.Repeat("x", 3*archive.MaxLine), 1, "longer than 512 KiB", 1, 2},
		"deep":                {good(1) + bare(strings.Repeat(`{"case":`, 60_000)) + good(2), 2, "not a JSON object", 1, 2},
		"not UTF-8":           {good(1) + bare("\xff\xfe{}") + good(2), 2, "not a JSON object", 1, 2},
	} {
		lines, tally := read(t, tc.text)
		if len(lines) != tc.lines || tally.Lines != tc.lines || tally.Skipped() != tc.n {
			t.Errorf("%s: %d lines and %d left out, want %d and %d: %+v", name, len(lines), tally.Skipped(), tc.lines, tc.n, tally.LeftOut)
			continue
		}
		if tc.n > 0 && tally.LeftOut[0].First.Line != tc.at || tc.why != "" && (len(tally.LeftOut) != 1 || !strings.Contains(tally.LeftOut[0].Why, tc.why)) {
			t.Errorf("%s: %+v, want %q from line %d", name, tally.LeftOut, tc.why, tc.at)
		}
	}
}

// A line that is written again, in whatever file, counts once.
func TestRepeatedLinesCountOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"findings-2026-10.ndjson": encode(t, closed("a", "benign")) + encode(t, closed("a", "benign")),
		"findings-2026-11.ndjson": encode(t, closed("b", "benign")) + encode(t, closed("a", "benign")),
		"other.txt":               "not read",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := archive.Files([]string{dir, filepath.Join(dir, "findings-2026-11.ndjson"), dir})
	if err != nil || len(files) != 2 || filepath.Base(files[0]) != "findings-2026-10.ndjson" {
		t.Fatalf("%v %v", files, err)
	}
	var ids []string
	tally, err := archive.Read(files, func(l *archive.Line) string { return l.ID }, func(id string) { ids = append(ids, id) })
	if err != nil || !slices.Equal(ids, []string{"a", "b"}) || tally.Repeated != 2 || tally.Skipped() != 0 {
		t.Errorf("%v %+v %v", ids, tally, err)
	}
}

func TestFilesThatCannotBeReadAreSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := archive.Files([]string{filepath.Join(dir, "none")}); err == nil {
		t.Error("a file that is not there is not missed")
	}
	if _, err := archive.Files([]string{dir}); err == nil || !strings.Contains(err.Error(), "has no file findings-*.ndjson") {
		t.Errorf("an empty directory: %v", err)
	}
	n := 0
	_, err := archive.Read([]string{filepath.Join(dir, "none")}, func(*archive.Line) int { return 0 }, func(int) { n++ })
	if err == nil || n != 0 {
		t.Errorf("read %d lines of nothing: %v", n, err)
	}
}

// The order is that of the files, however many work on it.
func TestOrderIsThatOfTheFile(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	var want []string
	for i := range 3000 {
		id := fmt.Sprint("c", i)
		text.WriteString(encode(t, closed(id, "benign")))
		want = append(want, id)
	}
	lines, _ := read(t, text.String())
	var got []string
	for _, l := range lines {
		got = append(got, l.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("with %d processors the order is another", runtime.GOMAXPROCS(0))
	}
}

// A line never gets longer than what is read again.
func TestWhatIsTooMuchIsLeftOut(t *testing.T) {
	t.Parallel()
	f := finding()
	for range 400 {
		f.Tags = append(f.Tags, findings.Tag{Key: "k", Value: strings.Repeat("\x01", 512)})
	}
	many := make([]string, 4000)
	for i := range many {
		many[i] = fmt.Sprintf("service:Call%d", i)
	}
	reasons := slices.Repeat([]string{strings.Repeat("é", 5000)}, 200)
	d := policy.Decision{Rule: "r", Step: policy.Page, Steps: []policy.Step{policy.Page}, Reasons: reasons, Digest: "d"}
	l := archive.OfDecision(f, d, map[string]any{"api_calls": map[string]any{"total": 4000, "names": many}, "owner": findings.Owner{Team: "t"}}, nil, noon)
	l.ID, l.CaseID = "x", "ABCDEFGHIJKLMNOP"
	if l.Facts.APICalls != nil || l.Facts.Owner == nil {
		t.Errorf("a look-up is kept in part: %+v", l.Facts)
	}
	text := encode(t, l)
	lines, tally := read(t, text)
	if len(text) > archive.MaxLine || len(lines) != 1 {
		t.Fatalf("%d bytes, read as %d lines: %+v", len(text), len(lines), tally)
	}
	if got := lines[0]; !got.Cut || got.Decision.Rule != "r" || got.Decision.Step != policy.Page || got.Finding.ID != "f1" || got.Finding.Tags != nil {
		t.Errorf("%+v", got)
	}
	f.Tags = nil
	l = archive.OfDecision(f, d, nil, nil, noon)
	if n := len(encode(t, l)); n > 40_000 {
		t.Errorf("reasons take %d bytes", n)
	}
	f.Type = strings.Repeat("\x01", archive.MaxLine)
	if _, err := l.Encode(); err == nil {
		t.Error("a line that nobody reads again is written")
	}
}
