package replay

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/archive"
	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/inquiries"
)

// Options say what is compared.
type Options struct {
	Old, New *policy.Policy
	Since    time.Time // decisions from before are not looked at
	Examples int       // of each change, at most
}

// Result is what would change. It is the same for the same files and policies.
type Result struct {
	Old, New  *policy.Policy
	Tally     archive.Tally
	From, To  time.Time // of the decisions looked at
	Decisions int
	Unchanged int // the same in every respect, OtherRule of them by another rule
	OtherRule int

	Changes      []Change // less attention first, lost pages before all; then more; then otherwise
	Undetermined []Unknown
	Cut          int // the archive could not keep them whole
	Differing    int // made by the old policy, which now decides otherwise: something is missing in the archive
	Rules        []RuleCount

	Steps map[policy.Step]Count // how many decisions have this step, of those determined
	Asked Count                 // how many ask a person
}

// Count is how many there are with the old policy and with the new.
type Count struct {
	Old int `json:"old"`
	New int `json:"new"`
}

// Change is one way in which decisions change.
type Change struct {
	Attention Attention   `json:"attention"`
	From      policy.Step `json:"from"`
	To        policy.Step `json:"to"`
	AtMost    bool        `json:"at_most,omitempty"` // To is the most it could be
	What      string      `json:"what,omitempty"`    // Otherwise: what is different
	N         int         `json:"count"`
	High      int         `json:"high"`      // of severity 7 or more
	Confirmed int         `json:"confirmed"` // a person has said that it was an attack, or was not them
	Rules     []RulePair  `json:"rules"`
	Examples  []Example   `json:"examples"`

	all []Example
}

// RulePair is how many decisions go from one rule to another.
type RulePair struct {
	Old string `json:"old"`
	New string `json:"new"`
	N   int    `json:"count"`
}

// RuleCount is how many decisions a rule makes.
type RuleCount struct {
	Rule string `json:"rule"`
	Count
}

// Unknown is how many decisions hang on look-ups the archive does not have.
type Unknown struct {
	LookUps []string `json:"look_ups"`
	N       int      `json:"count"`
	Paging  int      `json:"paging"` // page with the old policy, or may
}

// LostPage says whether a change takes pages away.
func (c *Change) LostPage() bool { return c.Attention == Less && c.From == policy.Page }

// Compare replays archive files.
func Compare(files []string, o Options) (*Result, error) {
	g := &gathering{o: o, r: &Result{Old: o.Old, New: o.New, Steps: map[policy.Step]Count{}}, changes: map[string]*Change{},
		unknown: map[string]*Unknown{}, rules: map[string]Count{}, verdicts: map[string]*verdict{}}
	p := &pair{old: o.Old, new: o.New, since: o.Since}
	var err error
	if g.r.Tally, err = archive.Read(files, p.look, g.take); err != nil {
		return nil, err
	}
	g.finish()
	return g.r, nil
}

// gathering takes in what is seen, in the order of the files.
type gathering struct {
	o        Options
	r        *Result
	changes  map[string]*Change
	unknown  map[string]*Unknown
	rules    map[string]Count
	verdicts map[string]*verdict // by case
}

// verdict is what people said about a case.
type verdict struct {
	closed   string
	closedAt time.Time
	deniedAt time.Time
}

func (g *gathering) take(s seen) {
	if s.kind != archive.Decided {
		g.hear(s)
		return
	}
	if s.attention == "" {
		return // before the window
	}
	r := g.r
	r.Decisions++
	if r.From.IsZero() || s.at.Before(r.From) {
		r.From = s.at
	}
	if s.at.After(r.To) {
		r.To = s.at
	}
	if s.differs {
		r.Differing++
	}
	switch s.attention {
	case Uncomparable:
		r.Cut++
		return
	case Undetermined:
		g.doubt(s)
		return
	case Same:
		r.Unchanged++
		if s.OldRule != s.NewRule {
			r.OtherRule++
		}
	case Otherwise:
		for _, what := range s.what {
			g.change(s, what)
		}
	default:
		g.change(s, "")
	}
	g.count(s)
}

func (g *gathering) count(s seen) {
	add := func(c Count, old, new bool) Count {
		if old {
			c.Old++
		}
		if new {
			c.New++
		}
		return c
	}
	g.r.Steps[s.Old] = add(g.r.Steps[s.Old], true, false)
	g.r.Steps[s.New] = add(g.r.Steps[s.New], false, true)
	g.r.Asked = add(g.r.Asked, s.asks[0], s.asks[1])
	g.rules[s.OldRule] = add(g.rules[s.OldRule], true, false)
	g.rules[s.NewRule] = add(g.rules[s.NewRule], false, true)
}

func (g *gathering) change(s seen, what string) {
	key := strings.Join([]string{string(s.attention), string(s.Old), string(s.New), what}, "|")
	if s.atMost {
		key += "|at most"
	}
	c := g.changes[key]
	if c == nil {
		c = &Change{Attention: s.attention, From: s.Old, To: s.New, AtMost: s.atMost, What: what}
		g.changes[key] = c
	}
	c.all = append(c.all, s.Example)
}

func (g *gathering) doubt(s seen) {
	key := strings.Join(s.needs, ",")
	u := g.unknown[key]
	if u == nil {
		u = &Unknown{LookUps: s.needs}
		g.unknown[key] = u
	}
	u.N++
	if s.Old == policy.Page {
		u.Paging++
	}
}

// hear takes in what a person said about a case.
func (g *gathering) hear(s seen) {
	v := g.verdicts[s.caseID]
	if v == nil {
		v = &verdict{}
	}
	switch {
	case s.kind == archive.Closed && !s.at.Before(v.closedAt):
		v.closed, v.closedAt = s.outcome, s.at
	case s.kind == archive.Answered && inquiries.Conclusion(s.outcome).Denied() && s.at.After(v.deniedAt):
		v.deniedAt = s.at
	default:
		return
	}
	g.verdicts[s.caseID] = v
}

// said is the last word about a case, and whether it makes the finding real.
func (g *gathering) said(caseID string) (words string, confirmed bool) {
	v := g.verdicts[caseID]
	switch {
	case v == nil:
		return "", false
	case v.deniedAt.After(v.closedAt):
		return "the person said that it was not them", true
	case v.closed == string(cases.TruePositive):
		return "closed as a real attack", true
	case v.closed == string(cases.Confirmed):
		return "the person said that it was them", false
	}
	return "closed as " + strings.ReplaceAll(v.closed, "_", " "), false
}

func (g *gathering) finish() {
	for _, c := range g.changes {
		g.r.Changes = append(g.r.Changes, g.complete(c))
	}
	slices.SortFunc(g.r.Changes, func(a, b Change) int {
		order := func(c Change) int { return slices.Index([]Attention{Less, More, Otherwise}, c.Attention) }
		return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(b.From.Rank(), a.From.Rank()), cmp.Compare(a.To.Rank(), b.To.Rank()),
			cmp.Compare(b.N, a.N), cmp.Compare(a.What, b.What), cmp.Compare(len(a.Rules), len(b.Rules)))
	})
	for _, key := range slices.Sorted(maps.Keys(g.unknown)) {
		g.r.Undetermined = append(g.r.Undetermined, *g.unknown[key])
	}
	slices.SortStableFunc(g.r.Undetermined, func(a, b Unknown) int { return cmp.Compare(b.N, a.N) })
	for _, rule := range slices.Sorted(maps.Keys(g.rules)) {
		g.r.Rules = append(g.r.Rules, RuleCount{rule, g.rules[rule]})
	}
}

// complete counts a change and picks its examples: what was real first, then the
// most severe, then the oldest.
func (g *gathering) complete(c *Change) Change {
	pairs := map[RulePair]int{}
	for i := range c.all {
		e := &c.all[i]
		if e.Said, e.real = g.said(e.CaseID); e.real {
			c.Confirmed++
		}
		if serious(e.Severity) {
			c.High++
		}
		pairs[RulePair{Old: e.OldRule, New: e.NewRule}]++
	}
	c.N = len(c.all)
	for p, n := range pairs {
		p.N = n
		c.Rules = append(c.Rules, p)
	}
	slices.SortFunc(c.Rules, func(a, b RulePair) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Old, b.Old), cmp.Compare(a.New, b.New))
	})
	slices.SortStableFunc(c.all, func(a, b Example) int {
		switch {
		case a.real && !b.real:
			return -1
		case b.real && !a.real:
			return 1
		}
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), a.At.Compare(b.At), cmp.Compare(a.CaseID, b.CaseID))
	})
	c.Examples = c.all[:min(len(c.all), g.o.Examples)]
	return *c
}

// serious is what must not lose attention unseen.
func serious(severity float64) bool {
	l := findings.LevelOf(severity)
	return l == findings.High || l == findings.Critical
}
