package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func (c *cli) policyLintCommand() *cobra.Command {
	var path string
	var f format
	cmd := &cobra.Command{
		Use:   "lint",
		Short: "name what is legal in the policy but probably not meant",
		Long: `Prints, as file:line:col: message, rules that expire soon or are never reached, lists
that are empty or unused, and expressions with a known trap.

Exit code 1 when there is anything to say.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return c.policyLint(path, f) },
	}
	policyFlag(cmd, &path)
	formatFlag(cmd, &f)
	return cmd
}

func (c *cli) policyLint(path string, f format) error {
	p, err := loadPolicy(path)
	if err != nil {
		return c.badPolicy(err)
	}
	remarks := p.Lint(time.Now())
	for _, r := range remarks {
		if f == asJSON {
			_ = json.NewEncoder(c.out).Encode(r)
			continue
		}
		fmt.Fprintln(c.out, r)
	}
	if len(remarks) > 0 {
		return &failure{code: exitNo}
	}
	return nil
}
