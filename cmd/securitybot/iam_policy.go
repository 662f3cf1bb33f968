package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/responders"
)

func (c *cli) iamPolicyCommand() *cobra.Command {
	var f format
	var role, partition string
	cmd := &cobra.Command{
		Use:   "iam-policy",
		Short: "print the IAM policy a role needs in the accounts of instances",
		Long: `Prints the policy of one of the roles aws-ir assumes, made from the catalogue of
actions: read looks, acquire takes evidence, contain isolates, release undoes it,
revoke puts a policy that denies into roles that allow it, and takes it out.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if !slices.Contains(responders.Roles, responders.Role(role)) {
				return usage("--role is one of %s, not %q", roleNames(), role)
			}
			policy, err := responders.Policy(responders.Role(role), partition)
			if err != nil {
				return usage("--partition: %w", err)
			}
			if f == asText {
				var b bytes.Buffer
				if err := json.Indent(&b, policy, "", "  "); err != nil {
					return negative(err)
				}
				policy = b.Bytes()
			}
			_, err = fmt.Fprintf(c.out, "%s\n", policy)
			return err
		},
	}
	cmd.Flags().StringVar(&role, "role", "", "which role: "+roleNames())
	cmd.Flags().StringVar(&partition, "partition", "aws", "part of AWS: "+strings.Join(responders.Partitions, ", "))
	formatFlag(cmd, &f)
	return cmd
}

func roleNames() string {
	var out []string
	for _, r := range responders.Roles {
		out = append(out, string(r))
	}
	return strings.Join(out, "|")
}
