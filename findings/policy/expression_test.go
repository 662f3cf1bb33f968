package policy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/findings/policy"
)

func TestExpressionMistakesPointIntoTheYAML(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		when string // what follows "    when: " on line 4, column 11
		want []string
	}{
		"plain":           {"finding.sevrity > 3", []string{`p.yaml:4:18: when: undeclared reference to 'finding.sevrity' (did you mean 'finding.severity'?)`}},
		"spaces before":   {"   finding.sample && nope", []string{"p.yaml:4:32: when: undeclared reference to 'nope'"}},
		"double quoted":   {`"finding.type == \"x\" && nope"`, []string{"p.yaml:4:37: when: undeclared reference to 'nope'"}},
		"single quoted":   {`'finding.type == ''x'' && nope'`, []string{"p.yaml:4:37: when: undeclared reference to 'nope'"}},
		"quotes as text":  {`finding.type == "x" && nope`, []string{"p.yaml:4:34: when: undeclared reference to 'nope'"}},
		"other letters":   {`finding.title == "日本é" && nope`, []string{"p.yaml:4:37: when: undeclared reference to 'nope'"}},
		"plain folded":    {"finding.sample &&\n      nope ||\n      nope2", []string{"p.yaml:5:7: when: undeclared reference to 'nope'", "p.yaml:6:7: when: undeclared reference to 'nope2'"}},
		"literal block":   {"|\n      finding.sample &&\n        nope ||\n      nope2", []string{"p.yaml:6:9: when: undeclared reference to 'nope'", "p.yaml:7:7: when: undeclared reference to 'nope2'"}},
		"folded block":    {">-\n      finding.sample\n\n      && nope", []string{"p.yaml:7:10: when: undeclared reference to 'nope'"}},
		"next line":       {"\n      nope", []string{"p.yaml:5:7: when: undeclared reference to 'nope'"}},
		"double folded":   {"\"finding.sample\n      && nope\"", []string{"p.yaml:5:10: when: undeclared reference to 'nope'"}},
		"cut short":       {"finding.severity > 3 &&", []string{"p.yaml:4:34: when: Syntax error: mismatched input the end of the expression"}},
		"list name":       {"finding.domain.under(lists.web)", []string{"p.yaml:4:37: when: undeclared reference to 'lists.web'"}},
		"look-up field":   {"employee.knwn", []string{"p.yaml:4:19: when: undeclared reference to 'employee.knwn' (did you mean 'employee.known'?)"}},
		"whole look-up":   {"has(employee.known)", []string{"p.yaml:4:15: when: undeclared reference to 'employee'; name one of its fields"}},
		"number":          {"finding.severity", []string{"p.yaml:4:11: when is a condition: it must be true or false, not a value of type double"}},
		"wrong type":      {"finding.severity == 'high'", []string{"p.yaml:4:28: when: found no matching overload for '_==_'"}},
		"in networks":     {"finding.remote_ip in lists.nets", []string{"p.yaml:4:29: when: found no matching overload for '@in'"}},
		"literal network": {"finding.remote_ip.inAny(['192.0.2.0/24'])", []string{"p.yaml:4:34: when: found no matching overload for 'inAny'"}},
		"bad regex":       {"finding.domain.matches('[')", []string{"p.yaml:4:34: when: invalid matches argument"}},
		"huge regex":      {"finding.domain.matches('(a{100}){10}')", []string{"p.yaml:4:34: when: "}},
		"bad duration":    {"now > timestamp('2027-01-01T00:00:00Z') + duration('4 hours')", []string{"p.yaml:4:62: when: invalid duration argument"}},
		"bad timestamp":   {"now > timestamp('tomorrow')", []string{"p.yaml:4:27: when: invalid timestamp argument"}},
		"deep loops":      {"'[1].exists(a, [1].exists(b, [1].exists(c, a == c && b == c)))'", []string{"p.yaml:4:50: when: comprehension exceeds nesting limit"}},
		"too long":        {"finding.sample" + strings.Repeat(" || finding.sample", 300), []string{"p.yaml:4:11: when: expression code point size exceeds limit"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "version: 1\nrules:\n  - id: a\n    when: " + tc.when + "\n    then: page" + tail + "lists: {nets: {cidrs: [192.0.2.0/24]}}\n"
			expectProblems(t, text, tc.want)
		})
	}
}

func TestMistakesSurviveWindowsLineEndsAndByteOrderMark(t *testing.T) {
	t.Parallel()
	text := "\ufeffversion: 1\nrules:\n  - id: a\n    when: |\n      finding.sample\n      && nope\n    then: page" + tail
	expectProblems(t, strings.ReplaceAll(text, "\n", "\r\n"), []string{"p.yaml:6:10: when: undeclared reference to 'nope'"})
	p, err := policy.Compile("p.yaml", []byte("\ufeffversion: 1\r\nrules:\r\n  - id: |-\r\n      default\r\n    then: ticket\r\n"))
	if err != nil || p.Rules()[0].ID != "default" {
		t.Errorf("a file with Windows line ends: %v", err)
	}
}

func TestProblemsAreFoundTogether(t *testing.T) {
	t.Parallel()
	_, err := policy.Compile("p.yaml", []byte("version: 3\nlists: {n: {cidrs: [x]}}\nrules:\n  - {id: a, when: nope, then: pag}\n  - {id: b, when: nope2, then: record}\n"))
	var problems policy.Problems
	if !errors.As(err, &problems) || len(problems) != 6 {
		t.Errorf("want 6 problems at once, got %d:\n%v", len(problems), err)
	}
	for i := 1; i < len(problems); i++ {
		if problems[i].Line < problems[i-1].Line {
			t.Errorf("problems are not in the order of the text: %v", problems)
		}
	}
}

func TestRunawayExpressionIsStopped(t *testing.T) {
	t.Parallel()
	// Loops over a large list inside a loop: legal, but metered.
	var b strings.Builder
	b.WriteString("version: 1\nlists:\n  big: {ints: [0")
	for range 5000 {
		b.WriteString(", 1")
	}
	b.WriteString("]}\nrules:\n  - {id: a, when: 'lists.big.exists(x, lists.big.exists(y, x + y == 7))', then: page}" + tail)
	p, err := policy.Compile("p.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	d := p.Decide(policy.Input{Now: noon})
	if !d.Degraded || d.Step != policy.Page || !strings.Contains(strings.Join(d.Reasons, "\n"), "cost limit exceeded") {
		t.Errorf("decision %+v; want a degraded page because the cost limit was hit", d)
	}
}

func TestLargeListsAreCheapToAsk(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("version: 1\nlists:\n  big: {strings: [a")
	for range 9000 {
		b.WriteString(", aaaa")
	}
	b.WriteString("]}\nrules:\n  - {id: a, when: 'finding.domain in lists.big', then: page}" + tail)
	p, err := policy.Compile("p.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	if d := p.Decide(policy.Input{Now: noon}); d.Degraded || d.Rule != "default" {
		t.Errorf("decision %+v; want a plain default", d)
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(policy.DefaultSource())
	for _, m := range mistakes {
		f.Add([]byte(m.text))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		p, err := policy.Compile("p.yaml", src)
		if (p == nil) == (err == nil) {
			t.Fatalf("Compile gives a policy or an error: %v, %v", p, err)
		}
		var problems policy.Problems
		if err != nil && (!errors.As(err, &problems) || len(problems) == 0) {
			t.Fatalf("the error has no place in the text: %v", err)
		}
		for _, pr := range problems {
			if pr.Line < 1 || pr.Col < 1 || pr.Msg == "" {
				t.Fatalf("problem without a place: %+v", pr)
			}
		}
		if p != nil {
			if d := p.Decide(policy.Input{}); !d.Step.Valid() {
				t.Fatalf("decision without a step: %+v", d)
			}
		}
	})
}
