package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/findings/lookup"
)

type investigateOptions struct {
	config  string
	format  format
	offline bool
	dns     bool
}

func (c *cli) investigateCommand() *cobra.Command {
	var o investigateOptions
	cmd := &cobra.Command{
		Use:   "investigate INDICATOR...",
		Short: "look up IP addresses and domains",
		Long: `Looks up IP addresses and domains, in whatever form they were pasted: defanged or
not, with a port, inside a URL or an e-mail address. Prints what each source says
in its own words; there is no score.

Without a configuration the sources that need no key are asked. Nothing is sent
to the indicator itself, and nobody is asked about private addresses or, with a
configuration, about the company's own networks and domains. --dns also asks
DNS, which the indicator's own name servers can see.

Exit code 1 when an indicator cannot be used, or no source at all answered.`,
		Example: `  securitybot investigate 'hxxp://evil[.]example/login'
  securitybot investigate --format json 198.51.100.7 2001:db8::7
  securitybot investigate --offline 169.254.169.254`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("name an IP address or a domain; see: %s --help", cmd.CommandPath())
			}
			return c.investigate(cmd.Context(), o, args)
		},
	}
	cmd.Flags().StringVar(&o.config, "config", "", "configuration `file` with keys and own networks (default "+defaultConfig+", if there is one)")
	cmd.Flags().BoolVar(&o.offline, "offline", false, "say only what is known without asking anybody")
	cmd.Flags().BoolVar(&o.dns, "dns", false, "also ask DNS, which the indicator's own name servers can see")
	formatFlag(cmd, &o.format)
	return cmd
}

func (c *cli) investigate(ctx context.Context, o investigateOptions, args []string) error {
	v, err := c.investigator(ctx, o)
	if err != nil {
		return negative(err)
	}
	bad := false
	for _, in := range args {
		ind, err := lookup.Parse(in)
		if err != nil {
			bad = true
			c.refuseIndicator(in, err, o.format)
			continue
		}
		r := v.Investigate(ctx, lookup.Query{Indicator: ind, Loud: o.dns}, func(lookup.Report) {})
		if err := ctx.Err(); err != nil {
			return negative(errors.New("stopped"))
		}
		if r.Answers() == 0 && r.Failures() > 0 {
			bad = true
		}
		if o.format == asJSON {
			err = json.NewEncoder(c.out).Encode(reportJSON(in, r))
		} else {
			_, err = fmt.Fprintln(c.out, messageText(r.Message()))
		}
		if err != nil {
			return negative(err)
		}
	}
	if bad {
		return &failure{code: exitNo}
	}
	return nil
}

func (c *cli) refuseIndicator(in string, err error, f format) {
	if f == asJSON {
		_ = json.NewEncoder(c.out).Encode(map[string]string{"input": in, "error": err.Error()})
		return
	}
	fmt.Fprintf(c.errs, "securitybot: %q: %s\n", printable(in), err)
}

// investigator sets the look-ups up, from the configuration when there is one.
func (c *cli) investigator(ctx context.Context, o investigateOptions) (*lookup.Investigator, error) {
	var settings lookup.Config
	path := o.config
	if _, err := os.Stat(defaultConfig); path == "" && err == nil {
		path = defaultConfig
	}
	if path != "" {
		cfg, err := config.Load(path)
		if err != nil {
			fmt.Fprintln(c.errs, err)
			return nil, fmt.Errorf("the configuration has mistakes; see: securitybot check --config %s", path)
		}
		if !o.offline {
			if err := fetchSecrets(ctx, cfg); err != nil {
				return nil, err
			}
		}
		settings = cfg.Lookup()
	}
	if o.offline {
		return lookup.NewInvestigator(nil, settings.Options), nil
	}
	if dir, err := os.UserCacheDir(); err == nil && settings.CacheDir == "" {
		settings.CacheDir = filepath.Join(dir, "securitybot")
	}
	settings.Agent = "securitybot/" + thisBuild().Version
	return lookup.New(settings)
}

// investigated is one line of JSON.
type investigated struct {
	Input     string       `json:"input"`
	Indicator string       `json:"indicator"`
	Kind      lookup.Kind  `json:"kind"`
	Unicode   string       `json:"unicode,omitempty"`
	Notes     []string     `json:"notes,omitempty"`
	Class     string       `json:"class"`
	About     string       `json:"about"`
	TookMS    int64        `json:"took_ms"`
	Warnings  int          `json:"warnings"` // sources that count it as bad
	Sources   []sourceLine `json:"sources"`
}

type sourceLine struct {
	Source  string       `json:"source"`
	State   lookup.State `json:"state"`
	Reason  string       `json:"reason,omitempty"`
	Says    string       `json:"says,omitempty"`
	Warns   bool         `json:"warns,omitempty"`
	Nothing string       `json:"nothing,omitempty"`
	Facts   []factLine   `json:"facts,omitempty"`
	Link    string       `json:"link,omitempty"`
	AsOf    *time.Time   `json:"as_of,omitempty"`
	Note    string       `json:"note,omitempty"`
}

type factLine struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

func reportJSON(in string, r lookup.Report) investigated {
	out := investigated{Input: in, Indicator: r.Indicator.String(), Kind: r.Indicator.Kind, Unicode: r.Indicator.Unicode, Notes: r.Indicator.Notes,
		Class: r.Class.Name, About: r.Class.About, TookMS: r.Took.Milliseconds(), Warnings: r.Warnings(), Sources: []sourceLine{}}
	for _, e := range r.Entries {
		l := sourceLine{Source: e.Source, State: e.State, Reason: string(e.Reason), Says: e.Result.Says, Warns: e.Result.Warns,
			Nothing: e.Result.Nothing, Link: e.Result.Link, Note: e.Result.Note}
		if at := e.Result.AsOf; !at.IsZero() {
			l.AsOf = &at
		}
		for _, f := range e.Result.Facts {
			v := f.Value
			if !f.At.IsZero() {
				v = f.At.Format(time.RFC3339)
			}
			l.Facts = append(l.Facts, factLine{f.Label, v})
		}
		out.Sources = append(out.Sources, l)
	}
	return out
}
