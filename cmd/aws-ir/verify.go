package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/responders/awsir"
)

func (c *cli) verifyCommand() *cobra.Command {
	var f common
	cmd := &cobra.Command{
		Use:   "verify CASE",
		Short: "check that no manifest of a case was changed or taken out",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			sys, _, err := c.open(cmd.Context(), f)
			if err != nil {
				return err
			}
			n, err := sys.evidence.CheckChain(cmd.Context(), args[0])
			if err != nil {
				return negative(err)
			}
			fmt.Fprintf(c.out, "%s: %d manifests, each follows from the one before\n", args[0], n)
			return nil
		},
	}
	f.add(cmd)
	return cmd
}

func (c *cli) documentsCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "documents",
		Short: "write the SSM documents of this version, to be deployed",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			all, err := awsir.Documents()
			if err != nil {
				return negative(err)
			}
			for _, d := range all {
				if dir != "" {
					if err := os.WriteFile(filepath.Join(dir, d.Name+".json"), d.Content, 0o644); err != nil { //nolint:gosec // it is public
						return negative(fmt.Errorf("write the document: %w", err))
					}
				}
				fmt.Fprintf(c.out, "%s %s sha256:%s\n", d.Name, d.VersionName, d.SHA256)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "out", "", "`directory` to write them to; without it only their names and hashes are printed")
	return cmd
}
