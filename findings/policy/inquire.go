package policy

import (
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/securitybot/securitybot/findings"
)

// How long a question may wait for an answer.
const (
	minTimeout = time.Minute
	maxTimeout = 7 * 24 * time.Hour
)

func (c *compiler) readInquire(n ast.Node) inquiry {
	q := inquiry{present: true}
	entries, _ := c.doc.mapping(n, "inquire", "mfa", "timeout", "on_yes", "on_no", "on_unsure", "on_timeout", "on_mfa_fail")
	for _, e := range entries {
		switch e.name {
		case "mfa":
			q.spec.MFA = c.doc.boolean(e.value, "mfa")
		case "timeout":
			q.spec.Timeout = c.doc.duration(e.value, "timeout", minTimeout, maxTimeout)
		case "on_yes":
			q.spec.OnYes = c.doc.step(e.value, "on_yes", Record, Notify, Ticket)
		case "on_no":
			q.spec.OnNo = c.doc.step(e.value, "on_no (a no is believed)", Page)
		case "on_unsure":
			q.spec.OnUnsure = c.doc.step(e.value, "on_unsure", Ticket, Page)
		case "on_timeout":
			q.spec.OnTimeout = c.doc.step(e.value, "on_timeout (silence is not consent)", Ticket, Page)
		case "on_mfa_fail":
			q.spec.OnMFAFail = c.doc.step(e.value, "on_mfa_fail", Ticket, Page)
		}
	}
	return q
}

// specFor completes what the rule says with the defaults of the severity. A
// "yes" alone never closes a case of high severity: it becomes a ticket.
func (q inquiry) specFor(l findings.Level) (spec InquireSpec, raised bool) {
	spec = q.spec
	set := func(s *Step, def Step) {
		if *s == "" {
			*s = def
		}
	}
	set(&spec.OnYes, Record)
	spec.OnNo = Page
	set(&spec.OnUnsure, Ticket)
	set(&spec.OnMFAFail, Page)
	if l == findings.Low {
		set(&spec.OnTimeout, Ticket)
	}
	set(&spec.OnTimeout, Page)
	if (l == findings.High || l == findings.Critical) && spec.OnYes.Compare(Ticket) < 0 {
		spec.OnYes, raised = Ticket, true
	}
	return spec, raised
}

// readWants reads "enrich:": look-ups to show beside the decision. They never
// hold it up.
func (c *compiler) readWants(n ast.Node) []string {
	var out []string
	words, nodes, _ := c.doc.texts(n, "enrich")
	for i, w := range words {
		switch w { // the long names say the same and read better in a rule
		case "employees_by_ip":
			w = "by_ip"
		case "api_calls_by_ip":
			w = "api_calls"
		}
		if !slices.Contains(Enrichments(), w) {
			c.doc.at(nodes[i], "there is no look-up %q%s", w, didYouMean(w, Enrichments()))
			continue
		}
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// readCollect reads "collect:": evidence to take, by responder id. Taking
// evidence acts on a system, so its conditions may depend on the finding alone:
// an outage of a look-up must never start it.
func (c *compiler) readCollect(n ast.Node) []collectStep {
	nodes, ok := c.doc.sequence(n, "collect")
	if !ok {
		return nil
	}
	var out []collectStep
	for _, node := range nodes {
		var s collectStep
		entries, ok := c.doc.mapping(node, "an entry of collect", "when", "run")
		if !ok {
			continue
		}
		for _, e := range entries {
			if e.name == "run" {
				s.run, s.at = c.readRun(e.value)
				continue
			}
			s.when = c.expression(e.value, "when")
			if s.when != nil && len(s.when.enrichments()) > 0 {
				c.doc.at(e.value, "a condition of collect may read finding.* only, not %s", s.when.enrichments()[0])
			}
		}
		if !slices.ContainsFunc(entries, func(e entry) bool { return e.name == "run" }) {
			c.doc.at(node, "an entry of collect says what to run")
		}
		out = append(out, s)
	}
	return out
}

func (c *compiler) readRun(n ast.Node) (names []string, at []place) {
	values := []ast.Node{n}
	if s, ok := n.(*ast.SequenceNode); ok {
		values = s.Values
	}
	for _, v := range values {
		if w := c.doc.word(v, "run"); w != "" && !slices.Contains(names, w) {
			line, col := c.doc.start(v)
			names, at = append(names, w), append(at, place{line, col})
		}
	}
	return names, at
}

// CheckCollect asks of everything that rules run by themselves why that must not
// be, and returns the refusals, each at its place. What can be run is known
// elsewhere; rules that are switched off are asked about too.
func (p *Policy) CheckCollect(whyNot func(name string) string) Problems {
	var out Problems
	for _, r := range p.rules {
		for _, step := range r.collect {
			for i, name := range step.run {
				if why := whyNot(name); why != "" {
					out = append(out, Problem{File: p.name, Line: step.at[i].line, Col: step.at[i].col, Msg: "rule " + r.id + " collects " + name + ": " + why})
				}
			}
		}
	}
	return out.sorted()
}
