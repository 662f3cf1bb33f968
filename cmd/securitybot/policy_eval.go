package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

func (c *cli) policyEvalCommand() *cobra.Command {
	var o evalOptions
	cmd := &cobra.Command{
		Use:   "eval [FILE|-]...",
		Short: "print what the policy decides about findings",
		Long: `Decides about every finding in the files, as the bot would. A file is one document
or many, in any form the bot takes from its queue. Without a file, or for "-",
findings are read from standard input.

Look-ups (who is the employee, who owns the resource, …) come from --context, a
JSON object by name; the others count as unavailable and are listed in "needs".

Exit code 1 when a document cannot be used, or a decision is not the one that
--expect names.`,
		Example: `  securitybot policy eval finding.json
  securitybot policy eval --policy policy.yaml --expect page finding.json
  echo '{"employee":{"known":true,"email":"ana@corp.example"}}' > context.json
  securitybot policy eval --context context.json --format json findings.ndjson`,
		RunE: func(_ *cobra.Command, args []string) error { return c.policyEval(o, args) },
	}
	policyFlag(cmd, &o.policy)
	contextFlag(cmd, &o.context)
	cmd.Flags().StringVar(&o.expect, "expect", "", "fail unless every decision is this `step`")
	formatFlag(cmd, &o.format)
	return cmd
}

type evalOptions struct {
	policy, context, expect string
	format                  format
}

func (c *cli) policyEval(o evalOptions, files []string) error {
	if o.expect != "" && !policy.Step(o.expect).Valid() {
		return usage("--expect is one of %s, not %q", stepNames(), o.expect)
	}
	facts, err := c.readContext(o.context)
	if err != nil {
		return err
	}
	p, err := loadPolicy(o.policy)
	if err != nil {
		return c.badPolicy(err)
	}
	out := bufio.NewWriter(c.out)
	e := &evaluation{policy: p, context: facts, now: time.Now(), expect: policy.Step(o.expect), show: textTo(out)}
	if o.format == asJSON {
		e.show = jsonTo(out)
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, name := range files {
		if err := c.eachFinding(name, e.item); err != nil {
			_ = out.Flush()
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return negative(fmt.Errorf("write the results: %w", err))
	}
	return e.verdict()
}

// badPolicy prints what is wrong with a policy, or says that there is none.
func (c *cli) badPolicy(err error) error {
	var ps policy.Problems
	if !errors.As(err, &ps) {
		return usage("%w", err)
	}
	fmt.Fprintln(c.errs, ps)
	return negative(fmt.Errorf("the policy has %s", count(len(ps), "mistake")))
}

func stepNames() string {
	var names []string
	for _, s := range policy.AllSteps() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// eachFinding reads one file and gives every document in it to use.
func (c *cli) eachFinding(name string, use func(file string, i findings.Item)) error {
	in := c.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return usage("cannot read findings: %w", err)
		}
		defer f.Close()
		in = f
	}
	err := findings.ParseStream(in, func(i findings.Item) bool {
		use(name, i)
		return true
	})
	if err != nil {
		return usage("cannot read findings from %s: %w", name, err)
	}
	return nil
}

// readContext reads the answers of look-ups by name.
func (c *cli) readContext(path string) (map[string]any, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, usage("cannot read --context: %w", err)
	}
	defer f.Close()
	var facts map[string]any
	d := json.NewDecoder(io.LimitReader(f, 16<<20))
	if err := d.Decode(&facts); err != nil || facts == nil || d.More() {
		return nil, usage("--context %s is one JSON object by name of look-up, such as {\"employee\": {\"known\": true}}", path)
	}
	for name := range facts {
		if !slices.Contains(policy.Enrichments(), name) {
			fmt.Fprintf(c.errs, "securitybot: --context %s: no policy asks for %q; the look-ups are %s\n", path, printable(name), strings.Join(policy.Enrichments(), ", "))
		}
	}
	return facts, nil
}
