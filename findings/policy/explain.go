package policy

import (
	"strings"
	"time"

	"github.com/securitybot/securitybot/findings"
)

// Trace says what became of one rule for one finding.
type Trace struct {
	Rule    string `json:"rule"`
	Line    int    `json:"line"`
	Then    Step   `json:"then"`
	Verdict string `json:"verdict"` // type, off, expired, floor, false, true, shadow, undecided, not reached
	Detail  string `json:"detail,omitempty"`
}

// Explain walks all rules the way Decide does and says of each why it did or
// did not match. It is slower than Decide and meant for people.
func (p *Policy) Explain(in Input) []Trace {
	if in.Finding == nil {
		in.Finding = &findings.Finding{}
	}
	r := &run{policy: p, view: &view{policy: p, finding: in.Finding, group: findings.GroupOf(in.Finding), now: in.Now, in: &in}}
	out := make([]Trace, 0, len(p.rules))
	for _, rule := range p.rules {
		t := Trace{Rule: rule.id, Line: rule.line, Then: rule.step}
		t.Verdict, t.Detail = r.explain(rule)
		out = append(out, t)
	}
	return out
}

func (r *run) explain(rule *rule) (verdictWord, detail string) {
	switch {
	case r.match != nil:
		return "not reached", ""
	case rule.mode == Off:
		return "off", ""
	case !rule.covers(r.view.finding.Type):
		return "type", "the type does not match " + rule.types()
	case rule.expired(r.view.now):
		return "expired", "no longer applies since " + rule.expires.Format(time.RFC3339)
	}
	v := rule.test(r.view)
	detail = "every finding"
	if len(rule.on) > 0 {
		detail = "the type matches " + rule.types()
	}
	if rule.when != nil {
		detail = rule.when.source + r.values(rule.when)
	}
	switch {
	case v.answer == no:
		return "false", detail
	case v.answer == unsure && v.err != nil:
		return "undecided", r.whyDoubt(v)
	case v.answer == unsure:
		return "undecided", "what remains is " + rule.when.residual(r.view) + "; " + r.whyDoubt(v)
	case rule.mode == Shadow:
		return "shadow", detail
	case rule.step == Suppress && !rule.liftFloor && !(r.view.finding.Severity < r.policy.floor):
		return "floor", r.floorReason()
	}
	r.match = rule
	return "true", detail
}

func (r *rule) types() string {
	if len(r.on) == 0 {
		return "*"
	}
	texts := make([]string, len(r.on))
	for i, g := range r.on {
		texts[i] = g.text
	}
	return strings.Join(texts, ", ")
}

// RuleInfo describes one rule for listings and reports.
type RuleInfo struct {
	ID      string    `json:"id"`
	Line    int       `json:"line"`
	On      []string  `json:"on,omitempty"`
	When    string    `json:"when,omitempty"`
	Then    Step      `json:"then"`
	Steps   []Step    `json:"steps"`
	Mode    Mode      `json:"mode"`
	Why     string    `json:"why,omitempty"`
	Owner   string    `json:"owner,omitempty"`
	Expires time.Time `json:"expires,omitzero"` // the first moment at which the rule no longer applies
	MFA     bool      `json:"mfa,omitempty"`
	Wants   []string  `json:"wants,omitempty"`
	Collect []string  `json:"collect,omitempty"` // every responder id the rule may run
}

// Rules lists the rules in file order.
func (p *Policy) Rules() []RuleInfo {
	out := make([]RuleInfo, 0, len(p.rules))
	for _, r := range p.rules {
		info := RuleInfo{
			ID: r.id, Line: r.line, Then: r.step, Steps: append([]Step(nil), r.steps...), Mode: r.mode, Why: r.why, Owner: r.owner,
			Expires: r.expires, MFA: r.asks() && r.inquire.spec.MFA, Wants: append([]string(nil), r.wants...),
		}
		for _, g := range r.on {
			info.On = append(info.On, g.text)
		}
		if r.when != nil {
			info.When = r.when.source
		}
		for _, s := range r.collect {
			info.Collect = append(info.Collect, s.run...)
		}
		out = append(out, info)
	}
	return out
}
