package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/bot"
	"github.com/securitybot/securitybot/internal/audit"
)

func (c *cli) auditExportCommand() *cobra.Command {
	var s auditSource
	var since, act string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "print the audit log, one JSON object a line",
		Long: `Prints the records of the audit log as they are in the store, oldest first, one
JSON object a line, and at the end one line with the head. "securitybot audit
verify --file" checks what was exported. --since takes an instant (2026-03-04 or
2026-03-04T05:06:07Z) or how long ago (36h, 30d). --act prints one kind of act only, such
as "act alone", for what was begun without a second person; such an export has no
last line and cannot be checked, because it is not the whole log.

Records that cannot be read are named on standard error and left out; then the
exit code is 1.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := sinceTime(since, time.Now())
			if err != nil {
				return usage("--since: %w", err)
			}
			return c.auditExport(cmd.Context(), s, from, act)
		},
	}
	configFlag(cmd, &s.config)
	s.format = asJSON
	cmd.Flags().Var(&s.format, "format", "json is one object a line; text is for people")
	cmd.Flags().StringVar(&since, "since", "", "leave out what is older than this `time`")
	cmd.Flags().StringVar(&act, "act", "", "print only records of this `act`")
	return cmd
}

// sinceTime reads a day, an instant or a duration back from now.
func sinceTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return now.UTC().Add(-d), nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36500 {
			return now.UTC().AddDate(0, 0, -n), nil
		}
	}
	return time.Time{}, fmt.Errorf("it is a day, an instant or how long ago: 2026-03-04, 2026-03-04T05:06:07Z, 36h or 30d, not %q", s)
}

// trailer is the last line of an export.
type trailer struct {
	Head  *audit.Head `json:"head"`
	Since time.Time   `json:"since"` // records from before it may be missing
}

func (c *cli) auditExport(ctx context.Context, s auditSource, since time.Time, act string) error {
	s.configGiven = true
	cfg, err := c.auditConfig(ctx, s)
	if err != nil {
		return err
	}
	log, err := bot.ReadAuditLog(ctx, cfg)
	if err != nil {
		return negative(err)
	}
	unreadable := 0
	for r, err := range log.Records() {
		switch {
		case err != nil:
			unreadable++
			fmt.Fprintf(c.errs, "securitybot: %s\n", printable(err.Error()))
		case r.At.Before(since), act != "" && r.Act != act:
		case s.format == asText:
			fmt.Fprintln(c.out, recordText(r))
		default:
			line, err := r.Encode()
			if err != nil {
				return negative(err)
			}
			fmt.Fprintf(c.out, "%s\n", line)
		}
	}
	if log.HeadErr != nil {
		unreadable++
		fmt.Fprintf(c.errs, "securitybot: the head cannot be read: %s\n", printable(log.HeadErr.Error()))
	} else if s.format == asJSON && act == "" {
		if log.Since.After(since) {
			since = log.Since
		}
		if err := json.NewEncoder(c.out).Encode(trailer{&log.Head, since}); err != nil {
			return negative(err)
		}
	}
	if unreadable > 0 {
		return negative(fmt.Errorf("%s not exported; see: securitybot audit verify --config %s", count(unreadable, "part"), s.config))
	}
	return nil
}

// recordText is a record in a line for people.
func recordText(r audit.Record) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d  %s  %s", r.Seq, clockText(r.At), r.Actor)
	for _, part := range []struct{ word, text string }{{"for", r.For}, {"", r.Decision}, {"", r.Act}, {"", r.Object}, {"", r.Result}} {
		if part.text == "" {
			continue
		}
		s.WriteString("  ")
		if part.word != "" {
			s.WriteString(part.word + " ")
		}
		s.WriteString(part.text)
	}
	return printable(s.String())
}

// verifyExport checks an exported file. It needs its last line: without it,
// nobody can say where the file ended.
func verifyExport(name string, ev audit.Evidence) (audit.Report, error) {
	f, err := os.Open(name)
	if err != nil {
		return audit.Report{}, fmt.Errorf("read the export: %w", err)
	}
	defer f.Close()
	e, err := readExport(f)
	if err != nil {
		return audit.Report{}, fmt.Errorf("read the export: %w", err)
	}
	if e.end != nil {
		ev.Head, ev.Since = *e.end.Head, e.end.Since
	}
	report := audit.Verify(e.records, ev)
	if e.end == nil {
		report.Problems = append(report.Problems, audit.Problem{Kind: audit.Truncated, Text: "the file does not end with the head; its end is missing"})
	}
	return report, nil
}

// export is a file in memory.
type export struct {
	lines []exportLine
	end   *trailer
}

type exportLine struct {
	record audit.Record
	err    error
}

func (e *export) records(yield func(audit.Record, error) bool) {
	for _, l := range e.lines {
		if !yield(l.record, l.err) {
			return
		}
	}
}

func readExport(r io.Reader) (*export, error) {
	e := &export{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	for n := 1; lines.Scan(); n++ {
		if e.end != nil {
			e.lines = append(e.lines, exportLine{err: fmt.Errorf("line %d comes after the head", n)})
			continue
		}
		if bytes.HasPrefix(lines.Bytes(), []byte(`{"head":`)) {
			var end trailer
			if err := json.Unmarshal(lines.Bytes(), &end); err != nil || end.Head == nil {
				return nil, errors.New("its last line is not a head")
			}
			e.end = &end
			continue
		}
		rec, err := audit.DecodeRecord(lines.Bytes())
		if err != nil {
			err = fmt.Errorf("line %d: %w", n, err)
		}
		e.lines = append(e.lines, exportLine{rec, err})
	}
	return e, lines.Err()
}
