package main

import "github.com/spf13/cobra"

func (c *cli) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "try, explain, test and compare policies",
		Args:  cobra.ArbitraryArgs,
		RunE:  group,
	}
	cmd.AddCommand(c.policyEvalCommand(), c.policyExplainCommand(), c.policyTestCommand(), c.policyDiffCommand(), c.policyLintCommand())
	return cmd
}

func policyFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "policy", "", "policy `file`; without it, the policy built in")
}

func contextFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "context", "", "JSON `file` with the answers of look-ups")
}
