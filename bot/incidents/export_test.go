package incidents

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
)

var update = flag.Bool("update", false, "write the golden files")

// told is an incident with one line of every sort, and outside text that would
// do harm if it were believed.
func told(t *testing.T) *Incident {
	t.Helper()
	o := opening()
	o.Title, o.Members, o.Cases = "Keys of <!channel> leaked [click](https://evil.example)", []string{"U0GUEST"}, []string{caseA}
	c, effects := started(t, o, rules())
	w := newWorld(c)
	w.plan(effects)
	w.drain(t, t0.Add(time.Minute))
	at := t0.Add(10 * time.Minute)
	for _, err := range []error{
		errOf(c.SetLead(omar, omar, at)), errOf(c.SetSeverity(omar, findings.Critical, rules(), at)),
		errOf(c.Note(zoe, KindNote, "# see www.evil.example or `rm -rf` | mail a@corp.example\n- *done*", at)),
		errOf(c.Note(omar, KindDecision, "isolate i-0a1b2c3d4e5f60718", at)), errOf(c.Note(zoe, KindTask, "rotate the keys of 111122223333", at)),
		errOf(c.Evidence("", "snapshot taken", "arn:aws:ec2:eu-west-1:111122223333:snapshot/snap-0a1b", at)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w.plan(c.replan(at))
	w.drain(t, at)
	c.Members = append(c.Members, Member{ID: "U0GUEST2", For: "invited by hand", State: Refused, Reason: "is a guest"})
	c.fail(StepPin, "too_many_pins", at)
	return c
}

func errOf(_ any, err error) error { return err }

func names(id string) string {
	return map[string]string{ana: "Ana Reyes", omar: "Omar *the* Lead", zoe: "zoe@corp.example"}[id]
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; if that is meant, go test ./bot/incidents -update. Now:\n%s", path, got)
	}
}

func TestGoldenMessages(t *testing.T) {
	t.Parallel()
	c := told(t)
	golden(t, "summary.txt", shown(c.SummaryMessage("/ir")))
	golden(t, "document.txt", shown(c.DocumentMessage("/ir")))
	if got, want := flatAll(c), "‹Keys of <!channel> leaked [click](https://evil.example)›"; strings.Count(got, want) != 6 || strings.Contains(strings.ReplaceAll(got, want, ""), "evil") {
		t.Errorf("the title is somewhere outside a value:\n%s", got)
	}
}

// flatAll is every text that shows the title.
func flatAll(c *Incident) string {
	m := c.SummaryMessage("/ir")
	m = m.Para(m.Fallback).Para(c.Topic()).Para(c.Line()).Para(c.Purpose("/ir")).Para(c.Timeline[0].Sentence())
	return shown(m) + shown(c.DocumentMessage("/ir"))
}

func TestGoldenExports(t *testing.T) {
	t.Parallel()
	c := told(t)
	if _, _, err := c.Close(omar, "rotated _everything_", time.Minute, t0.Add(3*time.Hour)); err != nil {
		t.Fatal(err)
	}
	md := c.Markdown(names)
	golden(t, "timeline.md", md)
	body, err := c.JSON(names)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "timeline.json", string(body))
	var x Export
	if err := json.Unmarshal(body, &x); err != nil || x.Format != "securitybot/incident/1" || len(x.Timeline) != len(c.Timeline) {
		t.Errorf("%v %+v", err, x)
	}
	if x.Title != c.Title {
		t.Errorf("programs get the title as it is, not %q", x.Title)
	}
	if c.FileName() != "inc-7f3kqx-timeline" {
		t.Error(c.FileName())
	}
}

func TestOutsideTextIsNoMarkdown(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain text, 203.0.113.9": "plain text, 203.0.113.9",
		"[x](https://evil)":       `\[x\](https\://evil)`,
		"WWW.evil.example":        `WWW\.evil.example`,
		"<script>":                `\<script\>`,
		"a\n# b\n---":             `a \# b ---`,
		"`a` *b* _c_ ~d~ | e":     "\\`a\\` \\*b\\* \\_c\\_ \\~d\\~ \\| e",
		"a@corp.example &amp;":    `a\@corp.example \&amp;`,
		"back\\slash":             `back\\slash`,
		"bidi \u202e zero\u200b":  "bidi zero",
		"bad \xff utf-8":          "bad \ufffd utf-8",
	} {
		if got := escape(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
