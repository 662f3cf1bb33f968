package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/bot"
	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/findings/enrich"
	"github.com/securitybot/securitybot/responders/portmap"
)

func (c *cli) nlbMapCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "nlb-map",
		Short: "read and ask the map of ports behind network load balancers",
		Args:  cobra.ArbitraryArgs,
		RunE:  group,
	}
	cmd.AddCommand(c.nlbMapScanCommand(), c.nlbMapLookCommand())
	return cmd
}

func (c *cli) nlbMapScanCommand() *cobra.Command {
	var path string
	var f format
	cmd := &cobra.Command{
		Use:   "scan",
		Short: "read the map once, now",
		Long: `Reads the load balancers of all accounts and regions of nlb_map and keeps the map
where the bot looks for it. Accounts are only read.

Exit code 1 when an account or region could not be read completely; its map is
not believed then.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.nlbMapScan(cmd.Context(), path, f) },
	}
	configFlag(cmd, &path)
	formatFlag(cmd, &f)
	return cmd
}

// portMap opens the map of a configuration file.
func (c *cli) portMap(ctx context.Context, path string) (*bot.PortMap, error) {
	cfg, err := config.Load(path)
	if err != nil {
		fmt.Fprintln(c.errs, err)
		return nil, negative(fmt.Errorf("the configuration has mistakes; see: securitybot check --config %s", path))
	}
	if err := fetchSecrets(ctx, cfg); err != nil {
		return nil, negative(err)
	}
	m, err := bot.OpenPortMap(ctx, cfg, newLogger(c.errs, cfg.Log))
	if err != nil {
		return nil, negative(err)
	}
	return m, nil
}

func (c *cli) nlbMapScan(ctx context.Context, path string, f format) error {
	m, err := c.portMap(ctx, path)
	if err != nil {
		return err
	}
	defer m.Close()
	report, err := m.Job.Run(ctx)
	if f == asJSON {
		_ = json.NewEncoder(c.out).Encode(report)
	} else {
		slices.Sort(report.Failed)
		for _, line := range report.Failed {
			fmt.Fprintln(c.out, line)
		}
		fmt.Fprintf(c.out, "%d read completely, %d not, %d entries\n", report.Complete, len(report.Failed), report.Entries)
	}
	if err != nil {
		return &failure{code: exitNo}
	}
	return nil
}

func (c *cli) nlbMapLookCommand() *cobra.Command {
	var path string
	var f format
	cmd := &cobra.Command{
		Use:   "look ACCOUNT REGION INSTANCE PORT...",
		Short: "say what the map makes of probes of these ports, and why",
		Long: `Says whether the map explains probes of all these ports of an instance: then the
default policy does not tell them.

Exit code 0 when it does, 1 when it does not or cannot be believed.`,
		Example: "  securitybot nlb-map look 111122223333 eu-west-1 i-0a1b2c3d4e5f60718 443 8443",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := question(args)
			if err != nil {
				return err
			}
			return c.nlbMapLook(cmd.Context(), path, f, q)
		},
	}
	configFlag(cmd, &path)
	formatFlag(cmd, &f)
	return cmd
}

var (
	accountArg  = regexp.MustCompile(`^[0-9]{12}$`)
	regionArg   = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	instanceArg = regexp.MustCompile(`^i-[0-9a-f]{8,17}$`)
)

// question reads the arguments of look.
func question(args []string) (portmap.Question, error) {
	var q portmap.Question
	switch {
	case len(args) < 4:
		return q, usage("nlb-map look takes ACCOUNT REGION INSTANCE PORT...")
	case !accountArg.MatchString(args[0]):
		return q, usage("%q is not an account id of 12 digits", args[0])
	case !regionArg.MatchString(args[1]):
		return q, usage("%q is not a region such as eu-west-1", args[1])
	case !instanceArg.MatchString(args[2]):
		return q, usage("%q is not an instance id such as i-0a1b2c3d4e5f60718", args[2])
	}
	q = portmap.Question{Place: portmap.Place{Account: args[0], Region: args[1]}, Instance: args[2]}
	for _, a := range args[3:] {
		port, err := strconv.Atoi(a)
		if err != nil || port < 1 || port > 65535 {
			return q, usage("%q is not a port between 1 and 65535", a)
		}
		q.Ports = append(q.Ports, port)
	}
	return q, nil
}

// looked is what look prints as JSON.
type looked struct {
	Behind      bool   `json:"behind_nlb"`
	Covers      bool   `json:"nlb_covers_ports"`
	Unavailable bool   `json:"unavailable,omitempty"`
	Why         string `json:"why"`
	Seen        string `json:"seen,omitempty"`
}

func (c *cli) nlbMapLook(ctx context.Context, path string, f format, q portmap.Question) error {
	m, err := c.portMap(ctx, path)
	if err != nil {
		return err
	}
	defer m.Close()
	a, err := m.Map.Covers(ctx, q)
	out := looked{Behind: a.Behind, Covers: a.Covers, Why: a.Why}
	switch {
	case errors.Is(err, enrich.ErrUnavailable):
		out.Unavailable, out.Why = true, err.Error()
	case err != nil:
		return negative(err)
	default:
		out.Seen = a.Seen.UTC().Format("2006-01-02T15:04:05Z")
	}
	if f == asJSON {
		_ = json.NewEncoder(c.out).Encode(out)
	} else {
		fmt.Fprintln(c.out, verdict(out))
	}
	if !out.Covers {
		return &failure{code: exitNo}
	}
	return nil
}

func verdict(l looked) string {
	switch {
	case l.Unavailable:
		return "not known, so probes are told: " + l.Why
	case l.Covers:
		return "explained, so probes are not told: " + l.Why + " (read " + l.Seen + ")"
	}
	return "not explained, so probes are told: " + l.Why + " (read " + l.Seen + ")"
}
