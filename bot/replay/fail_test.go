package replay_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/bot/archive/archivetest"
	"github.com/securitybot/securitybot/bot/replay"
	"github.com/securitybot/securitybot/findings/policy"
)

func TestEveryConditionByItself(t *testing.T) {
	t.Parallel()
	old := compile(t, "old.yaml", `
  - {id: miner, on: "CryptoCurrency:*", then: page}
  - {id: recon, on: "Recon:*", then: ticket}
  - {id: default, then: notify}`)
	lessMiner := compile(t, "a.yaml", `
  - {id: miner, on: "CryptoCurrency:*", then: ticket}
  - {id: recon, on: "Recon:*", then: ticket}
  - {id: default, then: notify}`)
	lessRecon := compile(t, "b.yaml", `
  - {id: miner, on: "CryptoCurrency:*", then: page}
  - {id: scans, on: "Recon:*", then: record}
  - {id: default, then: notify}`)
	more := compile(t, "c.yaml", "\n  - {id: default, then: page}")
	unsure := compile(t, "d.yaml", `
  - {id: gone, on: "CryptoCurrency:*", when: resource.terminated, then: ticket}
  - {id: miner, on: "CryptoCurrency:*", then: page}
  - {id: recon, on: "Recon:*", then: ticket}
  - {id: default, then: notify}`)
	for name, tc := range map[string]struct {
		new   *policy.Policy
		tell  func(c *chronicle)
		allow []string
		fails []replay.Condition
	}{
		"the same":           {old, func(c *chronicle) { c.found(0, miner, 8, old, nil, nil) }, nil, nil},
		"a page of medium":   {lessMiner, func(c *chronicle) { c.found(0, miner, 5, old, nil, nil) }, nil, []replay.Condition{"page", "less", "change"}},
		"a high page":        {lessMiner, func(c *chronicle) { c.found(0, miner, 7, old, nil, nil) }, nil, []replay.Condition{"page", "high", "less", "change"}},
		"a low ticket":       {lessRecon, func(c *chronicle) { c.found(0, probe, 2, old, nil, nil) }, nil, []replay.Condition{"less", "change"}},
		"a low real ticket":  {lessRecon, func(c *chronicle) { c.found(0, probe, 2, old, nil, nil); c.closed(0, "true_positive") }, nil, []replay.Condition{"confirmed", "less", "change"}},
		"allowed":            {lessRecon, func(c *chronicle) { c.found(0, probe, 8, old, nil, nil); c.closed(0, "true_positive") }, []string{"scans"}, nil},
		"another is allowed": {lessRecon, func(c *chronicle) { c.found(0, probe, 8, old, nil, nil) }, []string{"miner"}, []replay.Condition{"high", "less", "change"}},
		"more":               {more, func(c *chronicle) { c.found(0, probe, 8, old, nil, nil) }, nil, []replay.Condition{"change"}},
		"not determined":     {unsure, func(c *chronicle) { c.found(0, miner, 8, old, nil, nil) }, nil, []replay.Condition{"undetermined"}},
		"too large":          {old, func(c *chronicle) { c.found(0, miner, 8, old, nil, nil); c.lines[0].Cut = true }, nil, []replay.Condition{"undetermined"}},
		"not as it was":      {old, func(c *chronicle) { c.found(0, miner, 8, old, nil, nil); c.lines[0].Decision.Step = policy.Ticket }, nil, []replay.Condition{"undetermined"}},
	} {
		c := &chronicle{t: t}
		tc.tell(c)
		r := c.compare(old, tc.new)
		var got []replay.Condition
		for _, when := range replay.Conditions() {
			if len(r.Failures([]replay.Condition{when}, tc.allow)) > 0 {
				got = append(got, when)
			}
		}
		if !slices.Equal(got, tc.fails) {
			t.Errorf("%s fails by %v, want %v", name, got, tc.fails)
		}
	}
}

// Lines that cannot be read are not silently fine.
func TestUnreadLinesAreNotDetermined(t *testing.T) {
	t.Parallel()
	p := compile(t, "p.yaml", "\n  - {id: default, then: notify}")
	c := &chronicle{t: t}
	c.found(0, miner, 8, p, nil, nil)
	name := archivetest.File(c.t, c.lines)
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("{\"v\":1,"); err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	r, err := replay.Compare([]string{name}, replay.Options{Old: p, New: p})
	if err != nil || r.Decisions != 1 || r.Tally.Skipped() != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	if no := r.Failures([]replay.Condition{replay.FailUndetermined}, nil); !slices.Equal(no, []string{"1 × it could not be told"}) {
		t.Errorf("%q", no)
	}
	if _, err := replay.Compare([]string{name + ".none"}, replay.Options{Old: p, New: p}); err == nil {
		t.Error("a file that is not there is not missed")
	}
}

func TestOnlyDecisionsOfTheWindowAreCompared(t *testing.T) {
	t.Parallel()
	old := compile(t, "old.yaml", "\n  - {id: default, then: page}")
	next := compile(t, "new.yaml", "\n  - {id: default, then: ticket}")
	c := &chronicle{t: t}
	for n := range 5 {
		c.found(n, miner, 8, old, nil, nil)
	}
	r, err := replay.Compare([]string{archivetest.File(c.t, c.lines)}, replay.Options{Old: old, New: next, Since: noon.Add(3 * time.Hour)})
	if err != nil || r.Decisions != 2 || r.Changes[0].N != 2 || len(r.Changes[0].Examples) != 0 || !r.From.Equal(noon.Add(3*time.Hour)) || !r.To.Equal(noon.Add(4*time.Hour)) {
		t.Errorf("%+v %v", r, err)
	}
}

// However many work on it, and in whatever order they finish, it is the same.
func TestTheResultIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	old := compile(t, "old.yaml", "\n  - {id: a, when: finding.severity > 5, then: page}\n  - {id: default, then: ticket}")
	next := compile(t, "new.yaml", "\n  - {id: b, when: finding.severity > 3, then: inquire}\n  - {id: c, when: finding.severity > 2 && resource.terminated, then: record}\n  - {id: default, then: notify}")
	c := &chronicle{t: t}
	for n := range 900 {
		c.found(n, []string{miner, probe, iam}[n%3], float64(n%10), old, nil, nil)
	}
	file := archivetest.File(c.t, c.lines)
	var first []string
	var examples []replay.Example
	for range 5 {
		r, err := replay.Compare([]string{file}, replay.Options{Old: old, New: next, Examples: 5})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first, examples = short(r), r.Changes[0].Examples
			if len(first) < 4 {
				t.Fatalf("%q", first)
			}
		}
		var ids, want []string
		for i := range examples {
			ids, want = append(ids, r.Changes[0].Examples[i].CaseID), append(want, examples[i].CaseID)
		}
		if diff := cmp.Diff(first, short(r)); diff != "" || !slices.Equal(ids, want) {
			t.Errorf("%s %v %v", diff, ids, want)
		}
	}
}

// The built-in policy compared with itself changes nothing, whatever is known.
func TestAPolicyComparedWithItselfChangesNothing(t *testing.T) {
	t.Parallel()
	p, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	c := &chronicle{t: t}
	n := 0
	for _, typ := range []string{miner, probe, iam, "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", "Stealth:IAMUser/CloudTrailLoggingDisabled"} {
		for _, known := range []map[string]any{nil, person, {"employee": person["employee"], "resource": map[string]any{"terminated": true}}} {
			c.found(n, typ, 5, p, known, nil)
			n++
		}
	}
	r := c.compare(p, p)
	if len(r.Changes) != 0 || r.Differing != 0 || r.Unchanged+len(r.Undetermined) == 0 || strings.Contains(strings.Join(short(r), " "), "less") {
		t.Errorf("%q, %d differ", short(r), r.Differing)
	}
}
