package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

func (c *cli) policyExplainCommand() *cobra.Command {
	var path, context string
	var f format
	cmd := &cobra.Command{
		Use:   "explain [FILE|-]...",
		Short: "say of every rule why it did or did not match a finding",
		Long: `Walks through the rules as the bot does and says what became of each. Findings and
the context are read as by "policy eval".

Exit code 1 when a document cannot be used.`,
		RunE: func(_ *cobra.Command, args []string) error { return c.policyExplain(path, context, f, args) },
	}
	policyFlag(cmd, &path)
	contextFlag(cmd, &context)
	formatFlag(cmd, &f)
	return cmd
}

// explanation is the JSON form of what became of every rule.
type explanation struct {
	decision
	Rules []policy.Trace `json:"rules"`
}

func (c *cli) policyExplain(path, context string, f format, files []string) error {
	facts, err := c.readContext(context)
	if err != nil {
		return err
	}
	p, err := loadPolicy(path)
	if err != nil {
		return c.badPolicy(err)
	}
	out := bufio.NewWriter(c.out)
	e := &evaluation{policy: p, context: facts, now: time.Now()}
	refused := textTo(out)
	if f == asJSON {
		refused = jsonTo(out)
	}
	e.show = refused
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, name := range files {
		err := c.eachFinding(name, func(file string, i findings.Item) {
			if i.Err != nil {
				e.item(file, i)
				return
			}
			e.decided++
			explain(out, f, e, i.Finding)
		})
		if err != nil {
			_ = out.Flush()
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return negative(fmt.Errorf("write the results: %w", err))
	}
	return e.verdict()
}

func explain(w io.Writer, f format, e *evaluation, finding *findings.Finding) {
	d := e.decide(finding)
	traces := e.policy.Explain(e.settled(finding))
	if f == asJSON {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(explanation{decision: *d, Rules: traces})
		return
	}
	fmt.Fprintf(w, "%s  id %s\n", printable(d.Type), printable(d.FindingID))
	for _, t := range traces {
		if t.Verdict == "type" || t.Verdict == "not reached" {
			continue
		}
		fmt.Fprintf(w, "    %s:%d: %s: %s: %s\n", e.policy.Name(), t.Line, t.Rule, t.Verdict, printable(t.Detail))
	}
	fmt.Fprintf(w, "    so: %s by rule %s\n", d.Step, d.Rule)
}

// settled is what is known of a finding once every look-up has answered or
// failed.
func (e *evaluation) settled(f *findings.Finding) policy.Input {
	in := policy.Input{Finding: f, Facts: map[string]any{}, Unavailable: map[string]string{}, Now: e.now}
	for _, name := range policy.Enrichments() {
		e.answer(&in, name)
	}
	return in
}
