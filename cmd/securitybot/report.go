package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/bot/archive"
	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/bot/report"
)

// reportFormat is the value of --format of report.
type reportFormat string

func (f *reportFormat) String() string { return string(*f) }
func (f *reportFormat) Type() string   { return "text|json|markdown" }

// Set implements pflag.Value.
func (f *reportFormat) Set(s string) error {
	if s != string(asText) && s != string(asJSON) && s != string(asMarkdown) {
		return fmt.Errorf("it is %s, %s or %s", asText, asJSON, asMarkdown)
	}
	*f = reportFormat(s)
	return nil
}

const asMarkdown reportFormat = "markdown"

type reportOptions struct {
	config, since, until string
	archive              []string
	rows                 int
	format               reportFormat
}

func (c *cli) reportCommand() *cobra.Command {
	o := reportOptions{format: reportFormat(asText)}
	cmd := &cobra.Command{
		Use:   "report",
		Short: "count what arrived, what was asked and answered, and what came of it",
		Long: `Reads the archive that the bot writes (archive.dir) and counts: cases by type,
account and severity, what was dropped and by which rule, questions and answers and
how long people took, pages and how they ended, false positives by rule and type,
and what the numbers suggest. Nothing is contacted.

Cases decided since --since are counted, each once, with what became of them as far
as the archive goes. Findings folded into another case are not in the archive. Shares of fewer than 10
judged cases are shown as numbers only.

Without --archive, the directory is the one in the configuration.

Exit code 1 when there is no decision in the window.`,
		Example: `  securitybot report
  securitybot report --since 7d --markdown > week.md
  securitybot report --archive /mnt/archive-a --archive /mnt/archive-b --json`,
		RunE: func(_ *cobra.Command, args []string) error { return c.report(o, args) },
	}
	configFlag(cmd, &o.config)
	cmd.Flags().StringArrayVar(&o.archive, "archive", nil, "`file` or directory of the archive; may be repeated")
	cmd.Flags().StringVar(&o.since, "since", "30d", "count decisions from this `time` on: 2026-11-01, 30d, 36h")
	cmd.Flags().StringVar(&o.until, "until", "", "and before this `time`; without it, now")
	cmd.Flags().IntVar(&o.rows, "rows", 15, "how many rows of each table are shown; the rest is added up")
	cmd.Flags().Var(&o.format, "format", "how results are printed; json is one object on one line")
	cmd.Flags().BoolFunc("json", "the same as --format json", func(string) error { o.format = reportFormat(asJSON); return nil })
	cmd.Flags().BoolFunc("markdown", "the same as --format markdown", func(string) error { o.format = asMarkdown; return nil })
	return cmd
}

func (c *cli) report(o reportOptions, more []string) error {
	if len(more) > 0 && len(o.archive) == 0 {
		return usage("report takes no argument %q; name files with --archive", more[0])
	}
	if o.rows < 1 {
		return usage("--rows is at least 1")
	}
	now := time.Now()
	since, err := sinceTime(o.since, now)
	if err != nil {
		return usage("--since: %w", err)
	}
	until := now.UTC()
	if o.until != "" {
		if until, err = sinceTime(o.until, now); err != nil {
			return usage("--until: %w", err)
		}
	}
	names := append(o.archive, more...)
	if len(names) == 0 {
		dir, err := c.archiveDir(o.config)
		if err != nil {
			return err
		}
		names = []string{dir}
	}
	files, err := archive.Files(names)
	if err != nil {
		return usage("%w", err)
	}
	r, err := report.Make(files, since, until)
	if err != nil {
		return negative(err)
	}
	if o.format == reportFormat(asJSON) {
		err = c.reportJSON(r)
	} else {
		err = writeReport(c.out, r, o.rows, o.format == asMarkdown)
	}
	if err != nil {
		return negative(fmt.Errorf("write the report: %w", err))
	}
	if r.Cases == 0 {
		return negative(errors.New("there is no decision in the archive in this time"))
	}
	return nil
}

// archiveDir is where the configuration keeps the archive.
func (c *cli) archiveDir(path string) (string, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", usage("there is no %s; name the archive with --archive, or the configuration with --config", path)
	}
	cfg, err := config.Load(path)
	if err != nil {
		fmt.Fprintln(c.errs, err)
		return "", negative(fmt.Errorf("the configuration has mistakes; see: securitybot check --config %s", path))
	}
	if cfg.Archive.Dir == "" {
		return "", usage("%s has no archive.dir, so nothing is kept; name an archive with --archive", path)
	}
	return cfg.Archive.Dir, nil
}

// reportJSON prints one object on one line.
func (c *cli) reportJSON(r *report.Report) error {
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	left := []map[string]any{}
	for _, g := range r.Tally.LeftOut {
		left = append(left, map[string]any{"why": g.Why, "count": g.N, "file": g.First.File, "line": g.First.Line})
	}
	return enc.Encode(struct {
		Since    time.Time `json:"since"`
		Until    time.Time `json:"until"`
		Repeated int       `json:"repeated"`
		LeftOut  any       `json:"left_out"`
		*report.Report
	}{r.From, r.To, r.Tally.Repeated, left, r})
}
