package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

func (c *cli) policyTestCommand() *cobra.Command {
	var o trialOptions
	cmd := &cobra.Command{
		Use:   "test",
		Short: "run the tests that stand beside the rules",
		Long: `Runs the entries of "tests:" in the policy and names the rules that no test reaches.
A look-up that a test does not give counts as unavailable.

Exit code 1 when a test fails.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return c.policyTest(o) },
	}
	policyFlag(cmd, &o.policy)
	cmd.Flags().StringVar(&o.run, "run", "", "only tests whose name matches this regular `expression`")
	formatFlag(cmd, &o.format)
	return cmd
}

type trialOptions struct {
	policy, run string
	format      format
}

// trial is the outcome of one test; its JSON form is a contract with scripts.
type trial struct {
	Test     string      `json:"test"`
	Line     int         `json:"line"`
	OK       bool        `json:"ok"`
	Rule     string      `json:"rule"`
	Step     policy.Step `json:"step"`
	Problems []string    `json:"problems"` // what is not as expected
}

func (c *cli) policyTest(o trialOptions) error {
	wanted, err := regexp.Compile(o.run)
	if err != nil {
		return usage("--run is a regular expression: %w", err)
	}
	p, err := loadPolicy(o.policy)
	if err != nil {
		return c.badPolicy(err)
	}
	reached := map[string]bool{}
	ran, failed := 0, 0
	for _, t := range p.Tests() {
		if !wanted.MatchString(t.Name) {
			continue
		}
		result := try(p, t, filepath.Dir(o.policy))
		reached[result.Rule] = true
		ran++
		if !result.OK {
			failed++
		}
		showTrial(c.out, o.format, p.Name(), result)
	}
	if o.format == asText {
		summary(c.out, p, ran, failed, reached)
	}
	if failed > 0 {
		return &failure{code: exitNo}
	}
	return nil
}

// try runs one test. Paths in it start at dir.
func try(p *policy.Policy, t policy.Test, dir string) trial {
	out := trial{Test: t.Name, Line: t.Line, Problems: []string{}}
	f, err := findingOf(t, dir)
	if err != nil {
		out.Problems = append(out.Problems, err.Error())
		return out
	}
	d := p.Decide(t.Input(f, time.Now()))
	out.Rule, out.Step = d.Rule, d.Step
	out.Problems = append(out.Problems, t.Check(d)...)
	out.OK = len(out.Problems) == 0
	return out
}

// findingOf reads the one finding a test is about.
func findingOf(t policy.Test, dir string) (*findings.Finding, error) {
	var body []byte
	var err error
	if t.Inline != nil {
		body, err = json.Marshal(t.Inline)
	} else {
		body, err = os.ReadFile(filepath.Join(dir, t.File))
	}
	if err != nil {
		return nil, fmt.Errorf("read the finding: %w", err)
	}
	items := findings.Parse(body)
	if items[0].Err != nil {
		return nil, fmt.Errorf("the finding cannot be used: %w", items[0].Err)
	}
	if len(items) > 1 {
		return nil, errors.New("a test is about one finding, but there are more in the document")
	}
	return items[0].Finding, nil
}

func showTrial(w io.Writer, f format, file string, t trial) {
	if f == asJSON {
		_ = json.NewEncoder(w).Encode(t)
		return
	}
	for i, problem := range t.Problems {
		if i == 0 {
			fmt.Fprintf(w, "%s:%d: FAIL: %s\n", file, t.Line, t.Test)
		}
		fmt.Fprintf(w, "    %s\n", printable(problem))
	}
}

func summary(w io.Writer, p *policy.Policy, ran, failed int, reached map[string]bool) {
	word := "ok"
	if failed > 0 {
		word = "FAIL"
	}
	fmt.Fprintf(w, "%s: %s: %s, %d failed\n", p.Name(), word, count(ran, "test"), failed)
	var unreached []string
	for _, r := range p.Rules() {
		if !reached[r.ID] && r.Mode == policy.Enforce {
			unreached = append(unreached, r.ID)
		}
	}
	if len(unreached) > 0 {
		fmt.Fprintf(w, "%s that no test reaches: %s\n", count(len(unreached), "rule"), strings.Join(unreached, ", "))
	}
}
