package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/findings/policy"
)

func (c *cli) checkCommand() *cobra.Command {
	var path string
	var f format
	cmd := &cobra.Command{
		Use:   "check",
		Short: "check the configuration and policy; nothing is contacted",
		Long: `Reads the configuration and the policy it names, and prints every mistake as
file:line:col: message. Nothing is contacted: secrets in the environment and in
files have to be there, those kept in AWS are checked for form only.

Exit code 0 when the bot would start with it (there may be warnings), 1 when not.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return c.check(path, f) },
	}
	configFlag(cmd, &path)
	formatFlag(cmd, &f)
	return cmd
}

// remark is one line of the output of check.
type remark struct {
	Level string `json:"level"` // error or warning
	config.Problem
}

func (c *cli) check(path string, f format) error {
	cfg, err := config.Load(path)
	if err != nil {
		var ps config.Problems
		if !errors.As(err, &ps) {
			return negative(err)
		}
		return c.refuse(ps, f)
	}
	p, err := loadPolicy(cfg.Policy)
	if err != nil {
		return negative(err)
	}
	warnings := append(cfg.Warnings, policyWarnings(path, cfg, p)...)
	c.remarks("warning", warnings, f)
	if f == asJSON {
		return json.NewEncoder(c.out).Encode(map[string]any{"level": "ok", "file": path, "rules": len(p.Rules()), "policy": p.Digest(), "warnings": len(warnings)})
	}
	fmt.Fprintf(c.out, "%s: ok: %s, %s, policy %s (%s, %.12s)\n", path,
		count(len(cfg.SQS.Queues), "queue"), count(len(warnings), "warning"), p.Name(), count(len(p.Rules()), "rule"), p.Digest())
	if cfg.NeedsFetch() {
		fmt.Fprintln(c.out, "Secrets kept in AWS were not looked at; the bot reads them when it starts.")
	}
	return nil
}

// refuse prints what is wrong and ends with "no".
func (c *cli) refuse(ps config.Problems, f format) error {
	c.remarks("error", ps, f)
	if f == asText {
		fmt.Fprintf(c.errs, "securitybot: %s; the bot does not start like this\n", count(len(ps), "problem"))
	}
	return &failure{code: exitNo}
}

func (c *cli) remarks(level string, ps config.Problems, f format) {
	for _, p := range ps {
		switch {
		case f == asJSON:
			_ = json.NewEncoder(c.out).Encode(remark{Level: level, Problem: p})
		case level == "warning":
			fmt.Fprintf(c.out, "%s:%d:%d: warning: %s\n", p.File, p.Line, p.Col, p.Msg)
		default:
			fmt.Fprintln(c.out, p)
		}
	}
}

// policyWarnings are things the policy asks for that will not work out.
func policyWarnings(path string, cfg *config.Config, p *policy.Policy) config.Problems {
	var out config.Problems
	if mfa := p.RequiresMFA(); len(mfa) > 0 && cfg.MFA.Provider == "" {
		out = append(out, config.Problem{File: path, Line: 1, Col: 1, Msg: fmt.Sprintf(
			"the policy wants a second factor after a \"yes\" in %s (the first is %s), but no provider for it is set up: those cases go to the security team", count(len(mfa), "rule"), mfa[0])})
	}
	if cfg.Policy != "" {
		for _, l := range p.Lint(time.Now()) {
			out = append(out, config.Problem(l))
		}
	}
	return out
}

// loadPolicy compiles the policy at path, or the one built in.
func loadPolicy(path string) (*policy.Policy, error) {
	if path == "" {
		return policy.Default()
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	return config.CompilePolicy(path, src)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
