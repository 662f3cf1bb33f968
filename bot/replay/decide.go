package replay

import (
	"maps"
	"slices"
	"time"

	"github.com/securitybot/securitybot/bot/archive"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/message"
)

// Attention says how a change goes.
type Attention string

// The ways a decision can change.
const (
	Less         Attention = "less"
	More         Attention = "more"
	Otherwise    Attention = "otherwise" // the same step, but something beside it
	Same         Attention = "same"      // perhaps by another rule
	Undetermined Attention = "undetermined"
	Uncomparable Attention = "cut" // the archive could not keep it whole
)

// Example is one decision that changes.
type Example struct {
	Case     string      `json:"case"`
	CaseID   string      `json:"case_id"`
	Finding  string      `json:"finding_id"`
	Type     string      `json:"type"`
	Account  string      `json:"account"`
	Region   string      `json:"region"`
	Severity float64     `json:"severity"`
	At       time.Time   `json:"at"`
	OldRule  string      `json:"old_rule"`
	NewRule  string      `json:"new_rule"`
	Why      string      `json:"why"`            // the new policy's first reason
	Said     string      `json:"said,omitempty"` // what a person has said since
	Old, New policy.Step `json:"-"`

	real bool // that person's word makes it an attack
}

// seen is what one line of the archive says here.
type seen struct {
	kind    archive.Kind
	caseID  string
	at      time.Time
	outcome string // Closed, Answered

	attention Attention
	atMost    bool     // the new step is the highest possible
	what      []string // Otherwise: what is different
	needs     []string // Undetermined
	asks      [2]bool
	differs   bool // the old policy is the one that decided, and decides otherwise now
	Example
}

// pair is the two policies.
type pair struct {
	old, new *policy.Policy
	since    time.Time
}

// look decides one line twice. It runs on several goroutines at once.
func (p *pair) look(l *archive.Line) seen {
	s := seen{kind: l.Kind, caseID: l.CaseID, at: l.At, outcome: l.Outcome}
	if l.Question != nil {
		s.outcome = l.Question.Result
	}
	if l.Kind != archive.Decided || l.At.Before(p.since) {
		return s
	}
	f := l.Finding
	s.Example = Example{Case: l.Ref, CaseID: l.CaseID, Finding: f.ID, Type: f.Type, Account: f.Account, Region: f.Region, Severity: f.Severity, At: l.At}
	if l.Cut {
		s.attention = Uncomparable
		return s
	}
	in := l.Input()
	old, oldNeeds := settle(p.old, in)
	new, newNeeds := old, oldNeeds
	if p.new.Digest() != p.old.Digest() {
		new, newNeeds = settle(p.new, in)
	}
	s.compare(old, new, oldNeeds, newNeeds)
	s.differs = l.Decision.Digest == p.old.Digest() && len(oldNeeds) == 0 && (old.Rule != l.Decision.Rule || old.Step != l.Decision.Step)
	return s
}

// settle decides with what the archive has. needs lists the look-ups that it does
// not have and the decision hangs on; then the decision is the most attention
// that could have come out.
func settle(p *policy.Policy, in policy.Input) (d policy.Decision, needs []string) {
	d = p.Decide(in)
	if len(d.Needs) == 0 {
		return d, nil
	}
	in.Unavailable = maps.Clone(in.Unavailable)
	if in.Unavailable == nil {
		in.Unavailable = map[string]string{}
	}
	for len(d.Needs) > 0 {
		for _, name := range d.Needs {
			in.Unavailable[name] = "not in the archive"
			needs = append(needs, name)
		}
		d = p.Decide(in)
	}
	if !d.Degraded {
		return d, nil // only a rule in shadow mode wanted to know
	}
	slices.Sort(needs)
	return d, needs
}

func (s *seen) compare(old, new policy.Decision, oldNeeds, newNeeds []string) {
	s.Old, s.New, s.OldRule, s.NewRule = old.Step, new.Step, old.Rule, new.Rule
	s.asks = [2]bool{slices.Contains(old.Steps, policy.Inquire), slices.Contains(new.Steps, policy.Inquire)}
	change := new.Step.Compare(old.Step)
	switch {
	case len(oldNeeds) == 0 && len(newNeeds) > 0 && change < 0:
		s.attention, s.atMost = Less, true // whatever the look-up would have said
	case len(newNeeds) == 0 && len(oldNeeds) > 0 && change > 0:
		s.attention = More
	case len(oldNeeds)+len(newNeeds) > 0:
		s.attention, s.needs = Undetermined, slices.Compact(slices.Sorted(slices.Values(slices.Concat(oldNeeds, newNeeds))))
	case change < 0:
		s.attention = Less
	case change > 0:
		s.attention = More
	default:
		s.attention = Same
		if s.what = differences(old, new); len(s.what) > 0 {
			s.attention = Otherwise
		}
	}
	if s.attention != Same && len(new.Reasons) > 0 {
		s.Why = message.Cut(new.Reasons[0], 300)
	}
}

// differences says what else is done about a finding that gets the same step.
// What is lost comes first.
func differences(old, new policy.Decision) []string {
	var lost, won []string
	for _, step := range old.Steps {
		if !slices.Contains(new.Steps, step) {
			lost = append(lost, "no longer also "+string(step))
		}
	}
	for _, step := range new.Steps {
		if !slices.Contains(old.Steps, step) {
			won = append(won, "also "+string(step))
		}
	}
	for _, name := range old.Collect {
		if !slices.Contains(new.Collect, name) {
			lost = append(lost, "evidence no longer taken: "+name)
		}
	}
	for _, name := range new.Collect {
		if !slices.Contains(old.Collect, name) {
			won = append(won, "evidence taken: "+name)
		}
	}
	if a, b := old.Inquire, new.Inquire; a != nil && b != nil {
		l, w := questions(*a, *b)
		lost, won = append(lost, l...), append(won, w...)
	}
	return append(lost, won...)
}

func questions(a, b policy.InquireSpec) (lost, won []string) {
	if a.MFA && !b.MFA {
		lost = append(lost, "a yes no longer needs a second proof")
	} else if b.MFA && !a.MFA {
		won = append(won, "a yes needs a second proof")
	}
	for _, answer := range []struct {
		name     string
		old, new policy.Step
	}{{"a yes", a.OnYes, b.OnYes}, {"not sure", a.OnUnsure, b.OnUnsure}, {"silence", a.OnTimeout, b.OnTimeout}, {"a yes without proof", a.OnMFAFail, b.OnMFAFail}} {
		words := answer.name + " leads to " + string(answer.new) + " instead of " + string(answer.old)
		if c := answer.new.Compare(answer.old); c < 0 {
			lost = append(lost, words)
		} else if c > 0 {
			won = append(won, words)
		}
	}
	if a.Timeout != b.Timeout {
		won = append(won, "the question waits "+wait(b.Timeout)+" instead of "+wait(a.Timeout))
	}
	return lost, won
}

func wait(d time.Duration) string {
	if d == 0 {
		return "as long as the severity says"
	}
	return d.String()
}
