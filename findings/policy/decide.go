package policy

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/securitybot/securitybot/findings"
)

// Decide says what is to happen about one finding. It is pure and never fails.
//
// Rules are tried in file order until one matches. A condition that cannot be
// decided because a look-up has not answered puts that look-up into
// Decision.Needs: the caller fetches it, or marks it unavailable, and calls
// again until Needs is empty. A condition that stays undecided, because a
// look-up is unavailable or the expression fails, makes the decision Degraded:
// of everything that could have matched, the highest attention is taken.
func (p *Policy) Decide(in Input) Decision {
	if in.Finding == nil {
		in.Finding = &findings.Finding{}
	}
	r := &run{
		policy: p,
		view:   &view{policy: p, finding: in.Finding, group: findings.GroupOf(in.Finding), now: in.Now, in: &in},
		needs:  []string{},
	}
	for _, rule := range p.rulesFor(in.Finding.Type) {
		if r.consider(rule) {
			break
		}
	}
	return r.decision()
}

// run is one walk through the rules.
type run struct {
	policy   *Policy
	view     *view
	needs    []string
	waiting  bool // an enforced rule waits for a look-up
	degraded bool
	doubts   []doubt
	shadow   []ShadowDecision
	notes    []string
	match    *rule
}

// doubt is an enforced rule that might match.
type doubt struct {
	rule    *rule
	verdict verdict
	pending bool // only until a look-up answers
}

// consider tries one rule and reports whether the walk ends here.
func (r *run) consider(rule *rule) bool {
	if rule.expired(r.view.now) {
		note := "rule " + rule.id + " has expired and no longer applies"
		if r.view.now.IsZero() {
			note = "rule " + rule.id + " may have expired, because the time is not known, and does not apply"
		}
		r.notes = append(r.notes, note)
		return false
	}
	v := rule.test(r.view)
	switch {
	case v.answer == no:
		return false
	case rule.mode == Shadow:
		r.considerShadow(rule, v)
		return false
	case rule.step == Suppress && !rule.liftFloor && !(r.view.finding.Severity < r.policy.floor):
		if v.answer == yes {
			r.notes = append(r.notes, "rule "+rule.id+" would suppress, but "+r.floorReason())
		}
		return false
	case v.answer == yes:
		r.match = rule
		return true
	}
	d := doubt{rule: rule, verdict: v}
	for _, name := range v.unknown {
		d.pending = r.need(name, !r.waiting) || d.pending
	}
	r.waiting = r.waiting || d.pending
	r.degraded = r.degraded || !d.pending
	r.doubts = append(r.doubts, d)
	return false
}

func (r *run) considerShadow(rule *rule, v verdict) {
	if v.answer == yes {
		r.shadow = append(r.shadow, ShadowDecision{Rule: rule.id, Step: rule.step})
		return
	}
	pending := false
	for _, name := range v.unknown {
		pending = r.need(name, !r.waiting) || pending
	}
	if !pending {
		r.notes = append(r.notes, "rule "+rule.id+" is in shadow mode and could not be decided: "+r.whyDoubt(v))
	}
}

// need reports whether the look-up behind a variable is still to come and, when
// asked to, notes it.
func (r *run) need(variableName string, note bool) bool {
	enrichment, _, _ := strings.Cut(variableName, ".")
	if !r.view.pending(enrichment) {
		return false
	}
	if note && !slices.Contains(r.needs, enrichment) {
		r.needs = append(r.needs, enrichment)
	}
	return true
}

// decision picks the outcome: the rule that matched, or a doubtful one before
// it that means more attention.
func (r *run) decision() Decision {
	winner, doubtful := r.match, false
	for _, d := range r.doubts {
		if d.rule.step.Compare(winner.step) > 0 {
			winner, doubtful = d.rule, true
		}
	}
	f := r.view.finding
	d := Decision{
		Rule: winner.id, Group: r.view.group, Step: winner.step, Steps: slices.Clone(winner.steps),
		Needs: r.needs, Say: winner.say, Wants: slices.Clone(winner.wants), Shadow: r.shadow, Digest: r.policy.digest,
	}
	d.Reasons = r.reasons(winner, doubtful)
	if winner.asks() {
		spec, raised := winner.inquire.specFor(level(f))
		d.Inquire = &spec
		if raised {
			d.Reasons = append(d.Reasons, "a yes leads to a ticket, because a yes alone does not close a finding of this severity")
		}
	}
	d.Collect = r.collect(winner, &d.Reasons)
	d.Degraded = r.degraded
	return d
}

// collect lists the evidence the rule wants. A condition that fails leaves its
// evidence out: what acts on a system needs a clear yes.
func (r *run) collect(rule *rule, reasons *[]string) []string {
	var out []string
	for _, step := range rule.collect {
		v := step.test(r.view)
		if v.answer == unsure {
			r.degraded = true
			*reasons = append(*reasons, "some evidence is not collected: "+r.whyDoubt(v))
		}
		if v.answer != yes {
			continue
		}
		for _, id := range step.run {
			if !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}

type answer int

const (
	no answer = iota
	yes
	unsure
)

// verdict is the outcome of one condition.
type verdict struct {
	answer  answer
	unknown []string // variables that are not known
	err     error    // the expression failed
}

func (r *rule) test(v *view) verdict       { return r.when.test(v) }
func (s collectStep) test(v *view) verdict { return s.when.test(v) }

// test evaluates a condition; none at all is a yes.
func (cond *condition) test(v *view) verdict {
	if cond == nil {
		return verdict{answer: yes}
	}
	val, _, err := cond.program.Eval(v)
	return verdictOf(val, err)
}

func verdictOf(val ref.Val, err error) verdict {
	if err != nil {
		return verdict{answer: unsure, err: err}
	}
	switch out := val.(type) {
	case types.Bool:
		if out {
			return verdict{answer: yes}
		}
		return verdict{answer: no}
	case *types.Unknown:
		return verdict{answer: unsure, unknown: unknownNames(out)}
	}
	return verdict{answer: unsure, err: errNotTruth}
}

func unknownNames(u *types.Unknown) []string {
	var names []string
	for _, id := range u.IDs() {
		trails, _ := u.GetAttributeTrails(id)
		for _, t := range trails {
			if !slices.Contains(names, t.Variable()) {
				names = append(names, t.Variable())
			}
		}
	}
	slices.Sort(names)
	return names
}

var _ cel.Activation = (*view)(nil)
