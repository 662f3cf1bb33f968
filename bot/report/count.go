package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/archive"
	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/inquiries"
)

// counts are the tables of a report under construction.
type counts struct {
	steps, types, accounts, severities, dropped, causes, ended map[string]int
	rules, byType                                              map[string]*Verdicts
	questions                                                  map[string]*question
	notClosed                                                  int
}

// question is one question, whatever cases it is about.
type question struct {
	askedAt time.Time
	result  inquiries.Conclusion // the first conclusion, except that a critical one was paged
	at      time.Time
	lateNo  bool
	open    bool // some case is not closed
}

func newCounts() *counts {
	m := func() map[string]int { return map[string]int{} }
	return &counts{steps: m(), types: m(), accounts: m(), severities: m(), dropped: m(), causes: m(), ended: m(),
		rules: map[string]*Verdicts{}, byType: map[string]*Verdicts{}, questions: map[string]*question{}}
}

func (c *counts) add(l life) {
	c.steps[string(l.top.step)]++
	c.types[l.top.typ]++
	c.accounts[cmp.Or(l.top.account, "not known")]++
	c.severities[levelName(l.top.severity)]++
	if l.top.step == policy.Suppress {
		c.dropped[l.top.rule]++
	}
	for _, p := range l.pages {
		c.causes[causeOf(p.page.Why)]++
	}
	if len(l.pages) > 0 {
		if l.outcome == "" {
			c.notClosed++
		} else {
			c.ended[l.outcome]++
		}
	}
	answer := c.ask(l)
	for table, name := range map[*map[string]*Verdicts]string{&c.rules: l.top.rule, &c.byType: l.top.typ} {
		v := (*table)[name]
		if v == nil {
			v = &Verdicts{Name: name}
			(*table)[name] = v
		}
		v.add(l, answer)
	}
}

// causeOf shortens the reason of a page: rules are one cause.
func causeOf(why string) string {
	if strings.HasPrefix(why, "rule ") {
		return "a rule"
	}
	return cmp.Or(why, "not known")
}

// ask takes the questions of a case in, and returns how the last ended.
func (c *counts) ask(l life) (answer inquiries.Conclusion) {
	for _, e := range l.questions {
		q := c.questions[e.question.ID]
		if q == nil {
			q = &question{askedAt: e.question.AskedAt}
			c.questions[e.question.ID] = q
		}
		q.open = q.open || l.outcome == ""
		if e.kind != archive.Answered {
			continue
		}
		result := inquiries.Conclusion(e.question.Result)
		if result == inquiries.OutcomeCritical {
			continue
		}
		answer = result
		switch {
		case q.result == "":
			q.result, q.at = result, e.at
		case result != q.result && result.Denied():
			q.lateNo = true
		}
	}
	return answer
}

func (v *Verdicts) add(l life, answer inquiries.Conclusion) {
	v.Cases++
	if len(l.questions) > 0 {
		v.Asked++
	}
	switch answer {
	case inquiries.OutcomeYes, inquiries.OutcomeVerified:
		v.Yes++
	case inquiries.OutcomeNo, inquiries.OutcomeRefused:
		v.No++
	case inquiries.OutcomeExpired:
		v.Silence++
	}
	if len(l.pages) > 0 {
		v.Paged++
	}
	switch cases.Outcome(l.judged()) {
	case cases.TruePositive:
		v.True++
	case cases.Benign:
		v.Benign++
	case cases.FalsePositive:
		v.False++
	case cases.Duplicate:
		v.Duplicate++
	default:
		v.NoVerdict++
	}
}

func (c *counts) fill(r *Report) {
	r.Steps, r.Types, r.Accounts, r.Severities = groups(c.steps), groups(c.types), groups(c.accounts), groups(c.severities)
	r.Dropped, r.Pages.Causes, r.Pages.Ended, r.Pages.NotClosed = groups(c.dropped), groups(c.causes), groups(c.ended), c.notClosed
	r.Rules, r.ByType = verdicts(c.rules), verdicts(c.byType)
	var waits []time.Duration
	q := &r.Questions
	for _, one := range c.questions {
		q.Asked++
		if one.lateNo {
			q.LateNo++
		}
		person := false
		switch one.result {
		case inquiries.OutcomeYes, inquiries.OutcomeVerified:
			q.Yes, person = q.Yes+1, true
		case inquiries.OutcomeNo, inquiries.OutcomeRefused:
			q.No, person = q.No+1, true
		case inquiries.OutcomeUnsure:
			q.Unsure, person = q.Unsure+1, true
		case inquiries.OutcomeUnverified:
			q.Unproved++
		case inquiries.OutcomeExpired:
			q.Silence++
		case inquiries.OutcomeUndeliverable:
			q.Unreached++
		default:
			if one.open {
				q.Waiting++
			} else {
				q.Overtaken++
			}
		}
		if person && !one.askedAt.IsZero() {
			waits = append(waits, max(one.at.Sub(one.askedAt), 0))
		}
	}
	slices.Sort(waits)
	q.Answers, q.Median, q.P90 = len(waits), rank(waits, 50), rank(waits, 90)
	q.MedianSecs, q.P90Secs = q.Median.Seconds(), q.P90.Seconds()
}

// rank is the nearest-rank percentile of sorted durations: one that was measured.
func rank(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*percent+99)/100-1]
}

func groups(m map[string]int) []Group {
	out := []Group{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, Group{name, m[name]})
	}
	slices.SortStableFunc(out, func(a, b Group) int { return cmp.Compare(b.N, a.N) })
	return out
}

func verdicts(m map[string]*Verdicts) []Verdicts {
	out := []Verdicts{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, *m[name])
	}
	slices.SortStableFunc(out, func(a, b Verdicts) int { return cmp.Compare(b.Cases, a.Cases) })
	return out
}
