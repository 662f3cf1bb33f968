package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/archive"
	"github.com/securitybot/securitybot/bot/replay"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/message"
)

// diffText prints a comparison for people, what hurts first.
func diffText(to io.Writer, r *replay.Result) error {
	w := bufio.NewWriter(to)
	fmt.Fprintf(w, "old: %s\nnew: %s\n", policyLine(r.Old), policyLine(r.New))
	fmt.Fprintf(w, "%s in %s%s\n", count(r.Decisions, "decision"), count(r.Tally.Files, "file"), window(r.From, r.To))
	section := ""
	for i := range r.Changes {
		c := &r.Changes[i]
		if s := heading(c); s != section {
			section = s
			fmt.Fprintf(w, "\n%s\n", s)
		}
		changeText(w, c)
	}
	if len(r.Changes) == 0 {
		fmt.Fprintln(w, "\nNothing would change.")
	}
	undeterminedText(w, r)
	if r.Old.Digest() != r.New.Digest() && len(r.Changes)+r.OtherRule > 0 {
		peopleText(w, r)
		rulesText(w, r)
	}
	fmt.Fprintf(w, "\nunchanged: %d", r.Unchanged)
	if r.OtherRule > 0 {
		fmt.Fprintf(w, ", %d of them by another rule", r.OtherRule)
	}
	fmt.Fprintln(w)
	tallyText(w, r.Tally)
	return w.Flush()
}

func policyLine(p *policy.Policy) string {
	return fmt.Sprintf("%s (%s, %.12s)", printable(p.Name()), count(len(p.Rules()), "rule"), p.Digest())
}

func window(from, to time.Time) string {
	if from.IsZero() {
		return ""
	}
	return fmt.Sprintf(", %s to %s", from.UTC().Format(time.DateOnly), to.UTC().Format(time.DateOnly))
}

func heading(c *replay.Change) string {
	switch {
	case c.LostPage():
		return "PAGES THAT WOULD NO LONGER HAPPEN"
	case c.Attention == replay.Less:
		return "LESS ATTENTION"
	case c.Attention == replay.More:
		return "MORE ATTENTION"
	}
	return "THE SAME STEP, BUT"
}

// longest bounds a text that an archive may have made long, in characters.
const longest = 200

func changeText(w io.Writer, c *replay.Change) {
	what := fmt.Sprintf("%s → %s", c.From, c.To)
	switch {
	case c.AtMost:
		what = fmt.Sprintf("%s → at most %s", c.From, c.To)
	case c.What != "":
		what = fmt.Sprintf("%s: %s", c.From, c.What)
	}
	fmt.Fprintf(w, "  %s: %d", what, c.N)
	if c.High > 0 {
		fmt.Fprintf(w, ", %d of severity 7 or more", c.High)
	}
	if c.Confirmed > 0 {
		fmt.Fprintf(w, ", %d REAL", c.Confirmed)
	}
	fmt.Fprintln(w)
	for _, p := range c.Rules {
		fmt.Fprintf(w, "    rule %s → %s: %d\n", p.Old, p.New, p.N)
	}
	for _, e := range c.Examples {
		fmt.Fprintf(w, "    %s  %s  %s  severity %.1f, account %s, %s, id %s\n", printable(e.Case), e.At.UTC().Format("2006-01-02 15:04"),
			printable(message.Cut(e.Type, longest)), e.Severity, printable(orNone(message.Cut(e.Account, longest))), printable(orNone(message.Cut(e.Region, longest))), printable(message.Cut(e.Finding, longest)))
		if e.Said != "" {
			fmt.Fprintf(w, "        since then: %s\n", printable(message.Cut(e.Said, longest)))
		}
		fmt.Fprintf(w, "        %s → %s: %s\n", e.OldRule, e.NewRule, printable(e.Why))
	}
	if more := c.N - len(c.Examples); more > 0 && len(c.Examples) > 0 {
		fmt.Fprintf(w, "    and %d more\n", more)
	}
}

func undeterminedText(w io.Writer, r *replay.Result) {
	if len(r.Undetermined) == 0 && r.Cut+r.Differing == 0 {
		return
	}
	fmt.Fprintln(w, "\nNOT DETERMINED")
	for _, u := range r.Undetermined {
		fmt.Fprintf(w, "  %d hang on what the archive does not have: %s", u.N, strings.Join(u.LookUps, ", "))
		if u.Paging > 0 {
			fmt.Fprintf(w, " (%d of them page with the old policy, or may)", u.Paging)
		}
		fmt.Fprintln(w)
	}
	if r.Cut > 0 {
		fmt.Fprintf(w, "  %d were too large to be kept whole\n", r.Cut)
	}
	if r.Differing > 0 {
		fmt.Fprintf(w, "  %d were made by the old policy and come out otherwise now: the archive lacks something, or the program has changed\n", r.Differing)
	}
}

// peopleText says what people would notice.
func peopleText(w io.Writer, r *replay.Result) {
	fmt.Fprintln(w, "\nFOR PEOPLE (of what is determined)")
	days := r.To.Sub(r.From).Hours() / 24
	for _, line := range []struct {
		what string
		n    replay.Count
	}{{"pages", r.Steps[policy.Page]}, {"questions to people", r.Asked}, {"tickets", r.Steps[policy.Ticket]}, {"suppressed", r.Steps[policy.Suppress]}} {
		fmt.Fprintf(w, "  %s: %d → %d", line.what, line.n.Old, line.n.New)
		if days >= 7 {
			fmt.Fprintf(w, " (%.1f → %.1f a week)", float64(line.n.Old)/days*7, float64(line.n.New)/days*7)
		}
		fmt.Fprintln(w)
	}
}

func rulesText(w io.Writer, r *replay.Result) {
	fmt.Fprintln(w, "\nBY RULE (where it differs)")
	for _, rule := range r.Rules {
		if rule.Old != rule.New {
			fmt.Fprintf(w, "  %s: %d → %d\n", rule.Rule, rule.Old, rule.New)
		}
	}
}

// tallyText says what was left out of an archive.
func tallyText(w io.Writer, t archive.Tally) {
	if t.Repeated > 0 {
		fmt.Fprintf(w, "written twice and counted once: %s\n", count(t.Repeated, "line"))
	}
	for _, g := range t.LeftOut {
		fmt.Fprintf(w, "left out: %s: %s; the first is %s:%d\n", count(g.N, "line"), g.Why, printable(g.First.File), g.First.Line)
	}
}

// diffJSON prints one object a line: every change, what is not determined, every
// rule that differs, what was left out, and the summary last.
func diffJSON(to io.Writer, r *replay.Result, no []string) error {
	w := bufio.NewWriter(to)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for i := range r.Changes {
		_ = enc.Encode(struct {
			Kind string `json:"kind"`
			*replay.Change
		}{"change", &r.Changes[i]})
	}
	for _, u := range r.Undetermined {
		_ = enc.Encode(struct {
			Kind string `json:"kind"`
			replay.Unknown
		}{"undetermined", u})
	}
	for _, rule := range r.Rules {
		_ = enc.Encode(struct {
			Kind string `json:"kind"`
			replay.RuleCount
		}{"rule", rule})
	}
	gapsJSON(enc, r.Tally)
	_ = enc.Encode(map[string]any{"kind": "summary", "ok": len(no) == 0, "why_not": append([]string{}, no...),
		"old": map[string]any{"file": r.Old.Name(), "digest": r.Old.Digest()}, "new": map[string]any{"file": r.New.Name(), "digest": r.New.Digest()},
		"decisions": r.Decisions, "from": r.From, "to": r.To, "unchanged": r.Unchanged, "other_rule": r.OtherRule, "too_large": r.Cut, "not_reproduced": r.Differing,
		"steps": r.Steps, "asked": r.Asked, "lines": r.Tally.Lines, "repeated": r.Tally.Repeated, "left_out": r.Tally.Skipped()})
	return w.Flush()
}

func gapsJSON(enc *json.Encoder, t archive.Tally) {
	for _, g := range t.LeftOut {
		_ = enc.Encode(map[string]any{"kind": "left_out", "why": g.Why, "count": g.N, "file": filepath.ToSlash(g.First.File), "line": g.First.Line})
	}
}
