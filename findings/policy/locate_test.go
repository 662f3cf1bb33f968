package policy_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

// styles write an expression as a YAML value below "when:", indented by six.
// Words are joined by blanks or, where the style allows it, by line breaks.
var styles = map[string]func(r *rand.Rand, words []string) string{
	"plain": func(r *rand.Rand, words []string) string { return joinWords(r, words, true) },
	"single": func(r *rand.Rand, words []string) string {
		return "'" + strings.ReplaceAll(joinWords(r, words, true), "'", "''") + "'"
	},
	"double": func(r *rand.Rand, words []string) string {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(joinWords(r, words, true)) + `"`
	},
	"literal":  func(r *rand.Rand, words []string) string { return "|\n      " + joinWords(r, words, true) },
	"folded":   func(r *rand.Rand, words []string) string { return ">-\n      " + joinWords(r, words, true) },
	"one line": func(r *rand.Rand, words []string) string { return joinWords(r, words, false) },
}

func joinWords(r *rand.Rand, words []string, breaks bool) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteString(pick(r, " ", "  "))
			if breaks && r.IntN(3) == 0 {
				b.WriteString(pick(r, "\n      ", "\n\n      "))
			}
		}
		b.WriteString(w)
	}
	return b.String()
}

func TestEveryMistakeIsPointedAtInEveryStyle(t *testing.T) {
	t.Parallel()
	atoms := []string{"finding.sample", `(finding.type == "a")`, `finding.title != 'é日本'`, "!finding.archived", `finding.domain.contains("it's")`}
	for name, style := range styles {
		for seed := range uint64(150) {
			r := rand.New(rand.NewPCG(seed, 5))
			words := []string{"finding.sample"}
			bad := 1 + r.IntN(4)
			for i := 1; i < 6; i++ {
				atom := pick(r, atoms...)
				if i == bad {
					atom = "qwertz"
				}
				words = append(words, pick(r, "&&", "||"), atom)
			}
			text := "version: 1\nrules:\n  - id: a\n    when: " + style(r, words) + "\n    then: page" + tail
			before, _, _ := strings.Cut(text, "qwertz")
			line := 1 + strings.Count(before, "\n")
			col := 1 + utf8.RuneCountInString(before[strings.LastIndex(before, "\n")+1:])
			_, err := policy.Compile("p.yaml", []byte(text))
			want := fmt.Sprintf("p.yaml:%d:%d: when: undeclared reference to 'qwertz'", line, col)
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Fatalf("%s, seed %d:\n got %v\nwant %s\n%s", name, seed, err, want, text)
			}
		}
	}
}

// TestDamagedDefaultPolicyIsNeverAccepted breaks the shipped policy in one
// place at a time: a key, a step, a list or a field name that does not exist.
func TestDamagedDefaultPolicyIsNeverAccepted(t *testing.T) {
	t.Parallel()
	lines := strings.Split(string(policy.DefaultSource()), "\n")
	for i, line := range lines {
		for _, damage := range [][2]string{
			{"then: ", "then: x"}, {"lists.", "lists.x"}, {"finding.", "finding.x"}, {"employee.", "employee.x"},
			{"    on: ", "    onn: "}, {"    when: ", "    wen: "}, {"  - id: ", "  - idd: "}, {"also: [", "also: [x"}, {"enrich: [", "enrich: [x"},
		} {
			if strings.HasPrefix(strings.TrimSpace(line), "#") || !strings.Contains(line, damage[0]) {
				continue
			}
			broken := append([]string(nil), lines...)
			broken[i] = strings.Replace(line, damage[0], damage[1], 1)
			_, err := policy.Compile("p.yaml", []byte(strings.Join(broken, "\n")))
			var problems policy.Problems
			if !errors.As(err, &problems) {
				t.Errorf("line %d %q is accepted", i+1, broken[i])
				continue
			}
			if problems[0].Line > i+1 || problems[len(problems)-1].Line < i-1 {
				t.Errorf("line %d %q is reported elsewhere: %v", i+1, broken[i], err)
			}
		}
	}
}

// TestRemovingOneRuleLeavesHighFindingsLoud takes each rule of the shipped
// policy away in turn: the rest must still compile, and a high finding still
// pages unless the rule that pages about it is the one that went.
func TestRemovingOneRuleLeavesHighFindingsLoud(t *testing.T) {
	t.Parallel()
	head, rules, ok := strings.Cut(string(policy.DefaultSource()), "\nrules:\n")
	if !ok {
		t.Fatal("the default policy has no rules")
	}
	parts := strings.Split("\n"+rules, "\n  - id: ")
	for i := 1; i < len(parts)-1; i++ {
		rest := append(append([]string(nil), parts[:i]...), parts[i+1:]...)
		text := head + "\nrules:\n" + strings.Join(rest, "\n  - id: ")
		name, _, _ := strings.Cut(parts[i], "\n")
		p, err := policy.Compile("p.yaml", []byte(text))
		if err != nil {
			t.Errorf("without %s: %v", name, err)
			continue
		}
		for _, f := range []struct {
			typ      string
			severity float64
		}{{"Backdoor:EC2/C&CActivity.B", 8}, {"Impact:IAMUser/AnomalousBehavior", 8}, {"Discovery:S3/MaliciousIPCaller", 8}, {"Unheard:Of/Type", 8}} {
			d := settle(t, p, findings.Finding{Type: f.typ, Severity: f.severity}, nil)
			if !strings.HasSuffix(name, "-high") && d.Step != policy.Page {
				t.Errorf("without %s: %s with severity %v gets only %s by %s", name, f.typ, f.severity, d.Step, d.Rule)
			}
		}
	}
}
