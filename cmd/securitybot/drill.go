package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/bot"
)

type drillOptions struct {
	config   string
	format   format
	confirm  bool
	patience time.Duration
}

func (c *cli) drillCommand() *cobra.Command {
	var o drillOptions
	cmd := &cobra.Command{
		Use:   "drill --confirm",
		Short: "page whoever is on call with a drill, and say how long each hop took",
		Long: `Puts a made-up finding into the store, as if it had just arrived, and watches the
bots that run take it from there: the page is accepted by PagerDuty, the security
channel is told. Then the page is resolved and the case closed. Whatever shows it
says DRILL. Nobody is asked anything, nothing is recorded in TheHive or the
archive, nothing is done in AWS.

The page is a real one: whoever is on call may be called before it is resolved,
some seconds later. Tell them first; then add --confirm.

Exit code 0 when every hop works, 1 when one does not, or when no bot runs. The
drill ends what it began in any case; should it be killed, the bots do so after
ten minutes. The queue is not part of it: see securitybot doctor.`,
		Example: "  securitybot drill --confirm\n  securitybot drill --confirm --format json",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.drill(cmd.Context(), o) },
	}
	configFlag(cmd, &o.config)
	formatFlag(cmd, &o.format)
	cmd.Flags().BoolVar(&o.confirm, "confirm", false, "yes, page whoever is on call")
	cmd.Flags().DurationVar(&o.patience, "patience", 2*time.Minute, "how long the page and the message are waited for")
	return cmd
}

// drillLine is a hop in JSON.
type drillLine struct {
	Step    string `json:"step"`
	OK      bool   `json:"ok"`
	AfterMS int64  `json:"after_ms"`
	Says    string `json:"says"`
}

func (c *cli) drill(ctx context.Context, o drillOptions) error {
	if !o.confirm {
		return usage("drill pages whoever is on call: tell them first, then add --confirm")
	}
	if o.patience < time.Second || o.patience > time.Hour {
		return usage("--patience lies between 1s and 1h")
	}
	cfg, err := c.load(o.config)
	if err != nil {
		return err
	}
	if err := fetchSecrets(ctx, cfg); err != nil {
		return negative(err)
	}
	err = bot.Drill(ctx, cfg, slog.New(slog.DiscardHandler), o.patience, func(s bot.DrillStep) { c.showDrill(s, o.format) })
	if errors.Is(err, bot.ErrDrillFailed) {
		return &failure{code: exitNo} // the hop has said why
	}
	if err != nil {
		return negative(err)
	}
	return nil
}

func (c *cli) showDrill(s bot.DrillStep, f format) {
	if f == asJSON {
		_ = json.NewEncoder(c.out).Encode(drillLine{s.Step, s.OK, s.After.Milliseconds(), s.Says})
		return
	}
	word := "ok"
	if !s.OK {
		word = "fail"
	}
	fmt.Fprintf(c.out, "%-4s  %-8s  after %s: %s\n", word, s.Step, s.After.Round(time.Millisecond), s.Says)
}
