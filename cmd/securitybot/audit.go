package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/bot"
	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/internal/audit"
)

func (c *cli) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "check and export the log of who did what",
		Args:  cobra.ArbitraryArgs,
		RunE:  group,
	}
	cmd.AddCommand(c.auditVerifyCommand(), c.auditExportCommand())
	return cmd
}

// auditSource is where the log and its evidence come from.
type auditSource struct {
	config      string
	configGiven bool
	file        string
	checkpoints []string
	format      format
}

func (c *cli) auditVerifyCommand() *cobra.Command {
	var s auditSource
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "say whether somebody changed the audit log",
		Long: `Reads the audit log from the store, or from an export with --file, and prints a
line for everything that is wrong: records that were edited, deleted, inserted,
reordered or cut off, and a log that was rewritten since a checkpoint.

The key and the checkpoints come from the configuration; further checkpoints, such
as those of other replicas, are named with --checkpoints (a file, or a directory
with *.ndjson). Without checkpoints and without a key, a log that was rewritten as
a whole looks right. With --file the configuration is optional; without one,
signatures are not checked.

Exit code 0 when all is well, 1 when not.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s.configGiven = cmd.Flags().Changed("config")
			return c.auditVerify(cmd.Context(), s)
		},
	}
	configFlag(cmd, &s.config)
	formatFlag(cmd, &s.format)
	cmd.Flags().StringVar(&s.file, "file", "", "look at this export instead of the store")
	cmd.Flags().StringArrayVar(&s.checkpoints, "checkpoints", nil, "`path` of more checkpoints; may be repeated")
	return cmd
}

func (c *cli) auditVerify(ctx context.Context, s auditSource) error {
	cfg, err := c.auditConfig(ctx, s)
	if err != nil {
		return err
	}
	var ev audit.Evidence
	paths := s.checkpoints
	if cfg != nil {
		ev.Keys = bot.AuditKeys(cfg)
		if cfg.Audit.Checkpoints != "" {
			paths = append(paths, cfg.Audit.Checkpoints)
		}
	}
	points, wrong, err := readCheckpoints(paths)
	if err != nil {
		return negative(err)
	}
	ev.Checkpoints = points
	var report audit.Report
	if s.file != "" {
		report, err = verifyExport(s.file, ev)
	} else {
		report, err = verifyStore(ctx, cfg, ev)
	}
	if err != nil {
		return negative(err)
	}
	report.Problems = append(wrong, report.Problems...)
	return c.sayVerified(report, ev, s.format)
}

// auditConfig reads the configuration and its secrets; nil when there is none
// and none is needed.
func (c *cli) auditConfig(ctx context.Context, s auditSource) (*config.Config, error) {
	if _, err := os.Stat(s.config); s.file != "" && !s.configGiven && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	cfg, err := config.Load(s.config)
	if err != nil {
		fmt.Fprintln(c.errs, err)
		return nil, negative(fmt.Errorf("the configuration has mistakes; see: securitybot check --config %s", s.config))
	}
	if err := fetchSecrets(ctx, cfg); err != nil {
		return nil, negative(err)
	}
	return cfg, nil
}

func verifyStore(ctx context.Context, cfg *config.Config, ev audit.Evidence) (audit.Report, error) {
	log, err := bot.ReadAuditLog(ctx, cfg)
	if err != nil {
		return audit.Report{}, err
	}
	ev.Head, ev.Since = log.Head, log.Since
	report := audit.Verify(log.Records(), ev)
	if log.HeadErr != nil {
		report.Problems = append(report.Problems, audit.Problem{Kind: audit.BadHead, Text: log.HeadErr.Error()})
	}
	return report, nil
}

// readCheckpoints reads files and directories of checkpoints. A line that is
// not one is a problem, except for the last: the bot may have crashed there, or
// be writing it.
func readCheckpoints(paths []string) ([]audit.Checkpoint, []audit.Problem, error) {
	var files []string
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, nil, fmt.Errorf("read checkpoints: %w", err)
		}
		if !info.IsDir() {
			files = append(files, p)
			continue
		}
		found, err := filepath.Glob(filepath.Join(p, "*.ndjson"))
		if err != nil {
			return nil, nil, fmt.Errorf("read checkpoints: %w", err)
		}
		files = append(files, found...)
	}
	var points []audit.Checkpoint
	var wrong []audit.Problem
	for _, name := range files {
		ps, bad, err := readCheckpointFile(name)
		if err != nil {
			return nil, nil, fmt.Errorf("read checkpoints: %w", err)
		}
		points, wrong = append(points, ps...), append(wrong, bad...)
	}
	return points, wrong, nil
}

func readCheckpointFile(name string) ([]audit.Checkpoint, []audit.Problem, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	var points []audit.Checkpoint
	var wrong []audit.Problem
	var last *audit.Problem // not a checkpoint; a problem only if another line follows
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		if last != nil {
			wrong, last = append(wrong, *last), nil
		}
		p, err := audit.DecodeCheckpoint(lines.Bytes())
		if err != nil {
			last = &audit.Problem{Kind: audit.BadPoint, Text: fmt.Sprintf("line %d of %s is not a checkpoint", n, name)}
			continue
		}
		points = append(points, p)
	}
	return points, wrong, lines.Err()
}

// sayVerified prints the answer.
func (c *cli) sayVerified(r audit.Report, ev audit.Evidence, f format) error {
	for _, p := range r.Problems {
		if f == asJSON {
			_ = json.NewEncoder(c.out).Encode(map[string]any{"level": "problem", "kind": p.Kind, "seq": p.Seq, "text": p.Text})
			continue
		}
		fmt.Fprintln(c.out, printable(p.String()))
	}
	if f == asJSON {
		level := "ok"
		if len(r.Problems) > 0 {
			level = "broken"
		}
		_ = json.NewEncoder(c.out).Encode(map[string]any{"level": level, "records": r.Records, "first": r.First, "last": r.Last,
			"problems": len(r.Problems), "checkpoints": len(ev.Checkpoints), "keys": len(ev.Keys)})
	} else if len(r.Problems) > 0 {
		fmt.Fprintf(c.errs, "securitybot: %s; the audit log is not what was written\n", count(len(r.Problems), "problem"))
	} else {
		c.sayFine(r, ev)
	}
	if len(r.Problems) > 0 {
		return &failure{code: exitNo}
	}
	return nil
}

// sayFine says also what was not looked at.
func (c *cli) sayFine(r audit.Report, ev audit.Evidence) {
	if r.Records == 0 {
		fmt.Fprintln(c.out, "ok: the audit log is empty")
	} else {
		fmt.Fprintf(c.out, "ok: %s, %d to %d, %s to %s, %s\n", count(r.Records, "record"), r.First, r.Last, clockText(r.From), clockText(r.To), count(len(ev.Checkpoints), "checkpoint"))
	}
	if len(ev.Keys) == 0 {
		fmt.Fprintln(c.out, "Signatures were not checked: there is no key.")
	}
	if len(ev.Checkpoints) == 0 {
		fmt.Fprintln(c.out, "There were no checkpoints: records cut off together with the head do not show.")
	}
}

// clockText prints an instant for people.
func clockText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
