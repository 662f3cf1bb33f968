package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/bot"
	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/deploy"
)

func (c *cli) doctorCommand() *cobra.Command {
	var path string
	var f format
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "contact everything the configuration names, and say what is wrong",
		Long: `Contacts everything the bot works with, and changes nothing: nothing is posted,
paged, received or written, and no socket to Slack is opened.

  slack       both tokens, the scopes of the manifest, Socket Mode, channels, groups
  pagerduty   the form of the keys, the address for pages, who is on call
  thehive     the key and its organisation
  mfa         the keys at the provider of second proofs
  queue       each queue, its redrive policy, its dead letters
  redis       what a crash would lose, its clock, what has waited for too long
  aws         every role in every account
  guardduty   whether it is on, in every account and region
  documents   the SSM documents, by hash
  evidence    versions and Object Lock of the bucket

Each line is ok, warn or fail, with what to do. Exit code 0 when nothing fails
(there may be warnings), 1 when something does. Whether a page arrives is shown
by: securitybot drill.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.doctor(cmd.Context(), path, f) },
	}
	configFlag(cmd, &path)
	formatFlag(cmd, &f)
	return cmd
}

func (c *cli) doctor(ctx context.Context, path string, f format) error {
	cfg, err := c.load(path)
	if err != nil {
		return err
	}
	scopes, err := manifestScopes()
	if err != nil {
		return negative(err)
	}
	count := map[bot.CheckLevel]int{}
	show := func(checks []bot.Check) {
		for _, x := range checks {
			count[x.Level]++
			c.showCheck(x, f)
		}
	}
	if err := fetchSecrets(ctx, cfg); err != nil {
		show([]bot.Check{{Level: bot.CheckFail, Part: "secrets", Says: err.Error(), Do: "let the bot's role read them, or correct the references"}})
		return &failure{code: exitNo} // nothing can be asked without them
	}
	bot.Examine(ctx, cfg, scopes, slog.New(slog.DiscardHandler), show)
	if ctx.Err() != nil {
		return negative(fmt.Errorf("stopped before everything was looked at"))
	}
	if f == asText {
		fmt.Fprintf(c.out, "%d ok, %d to look at, %d wrong\n", count[bot.CheckOK], count[bot.CheckWarn], count[bot.CheckFail])
	}
	if count[bot.CheckFail] > 0 {
		return &failure{code: exitNo}
	}
	return nil
}

func (c *cli) showCheck(x bot.Check, f format) {
	if f == asJSON {
		_ = json.NewEncoder(c.out).Encode(x)
		return
	}
	of := ""
	if x.Of != "" {
		of = " " + x.Of
	}
	fmt.Fprintf(c.out, "%-4s  %s%s: %s\n", x.Level, x.Part, printable(of), printable(x.Says))
	if x.Do != "" {
		fmt.Fprintf(c.out, "      → %s\n", printable(x.Do))
	}
}

// load reads the configuration, and prints what is wrong with it.
func (c *cli) load(path string) (*config.Config, error) {
	cfg, err := config.Load(path)
	if err != nil {
		fmt.Fprintln(c.errs, err)
		return nil, negative(fmt.Errorf("the configuration has mistakes; see: securitybot check --config %s", path))
	}
	return cfg, nil
}

// manifestScopes are the scopes of the bot token that the app's manifest asks
// for.
func manifestScopes() ([]string, error) {
	var m struct {
		OAuth struct {
			Scopes struct {
				Bot []string `yaml:"bot"`
			} `yaml:"scopes"`
		} `yaml:"oauth_config"`
	}
	if err := yaml.NewDecoder(strings.NewReader(deploy.SlackManifest)).Decode(&m); err != nil {
		return nil, fmt.Errorf("read the app's manifest: %w", err)
	}
	return m.OAuth.Scopes.Bot, nil
}
