package policy

import (
	"fmt"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/securitybot/securitybot/findings"
)

// Test is one entry of "tests:": an expectation kept beside the rules. Compile
// reads it; the caller loads the finding, decides and checks.
type Test struct {
	Name    string
	Line    int
	File    string         // path of the finding's document, relative to the policy file; or
	Inline  map[string]any // the document itself
	With    map[string]any // facts by enrichment name; the word "unavailable" makes one unavailable
	Now     time.Time      // zero: the time of the test run
	Rule    string         // expected rule id, or empty
	Then    Step           // expected step, or empty
	Degrade *bool          // expected Decision.Degraded, or nil
}

// unavailable is the word for a look-up that does not answer.
const unavailable = "unavailable"

func (c *compiler) readTests(e entry) {
	nodes, ok := c.doc.sequence(e.value, "tests")
	if !ok {
		return
	}
	for _, n := range nodes {
		c.tests = append(c.tests, c.readTest(n))
	}
}

func (c *compiler) readTest(n ast.Node) Test {
	var t Test
	var col int
	t.Line, col = position(n)
	entries, ok := c.doc.mapping(n, "a test", "name", "finding", "with", "now", "expect")
	if !ok {
		return t
	}
	for _, e := range entries {
		switch e.name {
		case "name":
			t.Name, _ = c.doc.text(e.value, "name")
		case "finding":
			if _, inline := e.value.(*ast.MappingNode); inline {
				t.Inline, _ = c.plain(e.value).(map[string]any)
			} else {
				t.File, _ = c.doc.text(e.value, "finding")
			}
		case "with":
			with, ok := c.doc.mapping(e.value, "with", Enrichments()...)
			t.With = make(map[string]any, len(with))
			for _, w := range with {
				if ok {
					t.With[w.name] = c.plain(w.value)
				}
			}
		case "now":
			// date gives the first moment after a day; a test means the day itself.
			t.Now = c.doc.date(e.value, "now")
			if len(textOf(e.value)) == len(time.DateOnly) && !t.Now.IsZero() {
				t.Now = t.Now.Add(-12 * time.Hour)
			}
		case "expect":
			c.readExpect(&t, e.value)
		}
	}
	switch {
	case t.Name == "":
		c.doc.add(t.Line, col, "a test needs a name")
	case t.File == "" && t.Inline == nil:
		c.doc.add(t.Line, col, "a test needs a finding: a path or the document itself")
	case t.Rule == "" && t.Then == "" && t.Degrade == nil:
		c.doc.add(t.Line, col, "a test expects something: rule, then or degraded")
	}
	return t
}

func (c *compiler) readExpect(t *Test, n ast.Node) {
	entries, _ := c.doc.mapping(n, "expect", "rule", "then", "degraded")
	for _, e := range entries {
		switch e.name {
		case "rule":
			t.Rule = c.doc.word(e.value, "rule")
			if t.Rule != "" && !c.hasRule(t.Rule) {
				c.doc.at(e.value, "there is no rule %q%s", t.Rule, didYouMean(t.Rule, c.ruleIDs()))
			}
		case "then":
			t.Then = c.doc.step(e.value, "then", AllSteps()...)
		case "degraded":
			b := c.doc.boolean(e.value, "degraded")
			t.Degrade = &b
		}
	}
}

func (c *compiler) ruleIDs() []string {
	ids := make([]string, len(c.rules))
	for i, r := range c.rules {
		ids[i] = r.id
	}
	return ids
}

func (c *compiler) hasRule(id string) bool {
	for _, r := range c.rules {
		if r.id == id {
			return true
		}
	}
	return false
}

// plain turns a YAML value into the same shape that JSON decoding gives.
func (c *compiler) plain(n ast.Node) any {
	switch v := n.(type) {
	case *ast.MappingNode:
		out := map[string]any{}
		entries, _ := c.doc.entries(v, "this value")
		for _, e := range entries {
			out[e.name] = c.plain(e.value)
		}
		return out
	case *ast.SequenceNode:
		out := make([]any, len(v.Values))
		for i, e := range v.Values {
			out[i] = c.plain(e)
		}
		return out
	case *ast.NullNode:
		return nil
	case *ast.BoolNode:
		return v.Value
	case *ast.IntegerNode, *ast.FloatNode:
		f, _ := c.doc.number(n, "a number")
		return f
	case *ast.StringNode:
		return v.Value
	case *ast.LiteralNode:
		return v.Value.Value
	}
	c.doc.at(n, "this value is %s", kindOf(n))
	return nil
}

// Tests lists the tests of the policy text in file order.
func (p *Policy) Tests() []Test { return append([]Test(nil), p.tests...) }

// Input puts a test's facts beside its finding. Look-ups the test does not
// mention count as unavailable, so that a test never depends on a default.
func (t Test) Input(f *findings.Finding, now time.Time) Input {
	in := Input{Finding: f, Facts: map[string]any{}, Unavailable: map[string]string{}, Now: now}
	if !t.Now.IsZero() {
		in.Now = t.Now
	}
	for _, name := range Enrichments() {
		fact, given := t.With[name]
		switch {
		case !given:
			in.Unavailable[name] = "the test does not give it"
		case fact == unavailable || fact == nil:
			in.Unavailable[name] = "the test says so"
		default:
			in.Facts[name] = fact
		}
	}
	return in
}

// Check returns what is not as the test expects, one sentence each; nothing
// when it passes.
func (t Test) Check(d Decision) []string {
	var out []string
	if t.Rule != "" && d.Rule != t.Rule {
		out = append(out, fmt.Sprintf("rule is %s, expected %s", d.Rule, t.Rule))
	}
	if t.Then != "" && d.Step != t.Then {
		out = append(out, fmt.Sprintf("then is %s, expected %s", d.Step, t.Then))
	}
	if t.Degrade != nil && d.Degraded != *t.Degrade {
		out = append(out, fmt.Sprintf("degraded is %t, expected %t", d.Degraded, *t.Degrade))
	}
	return out
}
