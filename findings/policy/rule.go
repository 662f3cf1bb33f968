package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/securitybot/securitybot/findings"
)

// Mode says whether a rule decides.
type Mode string

// The modes of a rule. Shadow evaluates a rule and notes what it would have
// done, then goes on to the next; Off leaves it out.
const (
	Enforce Mode = "enforce"
	Shadow  Mode = "shadow"
	Off     Mode = "off"
)

// rule is one compiled rule.
type rule struct {
	id        string
	line, col int
	on        []glob
	when      *condition
	narrowed  bool // has "on" or "when", readable or not
	step      Step
	also      []Step
	steps     []Step
	mode      Mode
	modeSet   bool
	why       string
	owner     string
	say       string
	expires   time.Time
	liftFloor bool
	inquire   inquiry
	wants     []string
	collect   []collectStep
}

// inquiry is the "inquire:" block; set tells what the rule says itself, the
// rest comes from the severity of the finding.
type inquiry struct {
	present bool
	spec    InquireSpec
}

// collectStep is one entry of "collect:".
type collectStep struct {
	when *condition
	run  []string
	at   []place // where each name of run stands
}

// place is a position in the text, from 1.
type place struct{ line, col int }

// asks reports whether the rule puts a question to a person.
func (r *rule) asks() bool { return r.step == Inquire || slices.Contains(r.also, Inquire) }

// covers reports whether the rule is about findings of this type.
func (r *rule) covers(typ string) bool { return len(r.on) == 0 || matchAny(r.on, typ) }

// everything reports whether the rule matches any finding whatsoever.
func (r *rule) everything() bool {
	return r.when == nil && (!r.narrowed || slices.ContainsFunc(r.on, glob.all))
}

// RuleKeys lists the keys a rule may have.
func RuleKeys() []string {
	return []string{
		"id", "on", "when", "then", "also", "mode", "why", "owner", "expires", "lift_floor", "inquire", "enrich", "collect", "say",
	}
}

func (c *compiler) readRules(e entry) {
	nodes, ok := c.doc.sequence(e.value, "rules")
	if !ok {
		return
	}
	if len(nodes) == 0 {
		c.doc.at(e.key, "there are no rules; the least is a last one such as {id: default, then: ticket}")
		return
	}
	lines := map[string]int{}
	for i, n := range nodes {
		r := c.readRule(n)
		if line, dup := lines[r.id]; dup && r.id != "" {
			c.doc.add(r.line, r.col, "rule id %q appears twice; the first is on line %d", r.id, line)
		}
		lines[r.id] = r.line
		c.order(r, i == len(nodes)-1)
		c.rules = append(c.rules, r)
	}
}

// order checks that the last rule, and only the last, matches everything.
func (c *compiler) order(r *rule, last bool) {
	if last {
		switch {
		case !r.everything() && r.step.Valid():
			c.doc.add(r.line, r.col, "the last rule must match every finding: leave out \"on\" and \"when\"")
		case r.step == Suppress:
			c.doc.add(r.line, r.col, "the last rule may not suppress: it decides about whatever nobody thought of")
		case !r.expires.IsZero():
			c.doc.add(r.line, r.col, "the last rule may not expire")
		case r.modeSet && r.mode != Enforce:
			c.doc.add(r.line, r.col, "the last rule is always enforced")
		}
		r.mode = Enforce
		return
	}
	if r.everything() && r.mode == Enforce && r.expires.IsZero() {
		c.doc.add(r.line, r.col, "this rule matches every finding, so no later rule is ever reached; give it \"on\" or \"when\", or move it to the end")
	}
}

func (c *compiler) readRule(n ast.Node) *rule {
	r := &rule{mode: c.mode}
	r.line, r.col = position(n)
	entries, ok := c.doc.mapping(n, "a rule", RuleKeys()...)
	if !ok {
		return r
	}
	at := map[string]entry{}
	for _, e := range entries {
		at[e.name] = e
	}
	if e, ok := at["id"]; ok {
		r.id = c.doc.word(e.value, "id")
	} else {
		c.doc.add(r.line, r.col, "a rule needs an id")
	}
	_, on := at["on"]
	_, when := at["when"]
	r.narrowed = on || when
	c.readMatch(r, at)
	c.readOutcome(r, at)
	c.readReasons(r, at)
	return r
}

// readMatch reads when the rule applies.
func (c *compiler) readMatch(r *rule, at map[string]entry) {
	if e, ok := at["on"]; ok {
		patterns, _, _ := c.doc.texts(e.value, "on")
		for _, p := range patterns {
			r.on = append(r.on, newGlob(p))
		}
	}
	if e, ok := at["when"]; ok {
		r.when = c.expression(e.value, "when")
	}
	if e, ok := at["mode"]; ok {
		r.mode, r.modeSet = c.readMode(e.value), true
	}
	if e, ok := at["expires"]; ok {
		r.expires = c.doc.date(e.value, "expires")
	}
	if e, ok := at["lift_floor"]; ok {
		r.liftFloor = c.doc.boolean(e.value, "lift_floor")
		if at["then"].name == "" || r.liftFloor && textOf(at["then"].value) != string(Suppress) {
			c.doc.at(e.key, "lift_floor belongs to a rule that suppresses")
		}
	}
}

func (c *compiler) readMode(n ast.Node) Mode {
	s, ok := c.doc.text(n, "mode")
	m := Mode(s)
	if ok && m != Enforce && m != Shadow && m != Off {
		c.doc.at(n, "mode is one of enforce, shadow, off, not %q", s)
	}
	return m
}

// readOutcome reads what the rule leads to.
func (c *compiler) readOutcome(r *rule, at map[string]entry) {
	if e, ok := at["then"]; ok {
		r.step = c.doc.step(e.value, "then", AllSteps()...)
	} else {
		c.doc.add(r.line, r.col, "rule %s does not say what follows: the key then is missing", r.id)
	}
	if e, ok := at["also"]; ok {
		r.also = c.readAlso(e.value, r.step)
	}
	if r.step.Valid() {
		r.steps = stepsFor(r.step, r.also)
	}
	if e, ok := at["inquire"]; ok {
		if !r.asks() && r.step.Valid() {
			c.doc.at(e.key, "inquire describes a question, but this rule does not ask one (then: %s)", r.step)
		}
		r.inquire = c.readInquire(e.value)
	}
	if e, ok := at["enrich"]; ok {
		r.wants = c.readWants(e.value)
	}
	if e, ok := at["collect"]; ok {
		r.collect = c.readCollect(e.value)
		if r.step == Suppress {
			c.doc.at(e.key, "nothing is collected about a finding that is suppressed")
		}
	}
}

func (c *compiler) readAlso(n ast.Node, then Step) []Step {
	var out []Step
	words, nodes, _ := c.doc.texts(n, "also")
	for i, w := range words {
		s := Step(w)
		switch {
		case !s.Valid() || s == Suppress || s == Page:
			c.doc.at(nodes[i], "also names steps beside the main one: record, notify, ticket or inquire, not %q", w)
		case then.Valid() && s.Compare(then) >= 0:
			c.doc.at(nodes[i], "also: %s is not below then: %s; the highest step belongs in then", s, then)
		case s == Inquire && then != Page:
			c.doc.at(nodes[i], "also: inquire goes with then: page only")
		default:
			out = append(out, s)
		}
	}
	return out
}

// readReasons reads what the rule says about itself.
func (c *compiler) readReasons(r *rule, at map[string]entry) {
	for _, f := range []struct {
		key string
		to  *string
	}{{"why", &r.why}, {"owner", &r.owner}, {"say", &r.say}} {
		if e, ok := at[f.key]; ok {
			s, _ := c.doc.text(e.value, f.key)
			*f.to = strings.Join(strings.Fields(s), " ")
		}
	}
	if e, ok := at["say"]; ok && len(r.say) > 300 {
		c.doc.at(e.value, "say is one plain sentence of at most 300 bytes")
	}
	if r.step != Suppress {
		return
	}
	for _, key := range []string{"why", "owner", "expires"} {
		if _, ok := at[key]; !ok {
			c.doc.add(r.line, r.col, "rule %s suppresses, so it needs %s", r.id, key)
		}
	}
}

func textOf(n ast.Node) string {
	if s, ok := n.(*ast.StringNode); ok {
		return s.Value
	}
	return ""
}

// level is the band of a finding's severity.
func level(f *findings.Finding) findings.Level { return findings.LevelOf(f.Severity) }
