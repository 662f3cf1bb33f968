package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/deploy"
)

func (c *cli) manifestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "manifest",
		Short: "print the Slack app manifest",
		Long: `Prints the manifest of the Slack app the bot runs as. Create the app from it
under https://api.slack.com/apps → Create New App → From a manifest.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(c.out, deploy.SlackManifest)
			return err
		},
	}
}
