package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/securitybot/securitybot/bot/report"
	"github.com/securitybot/securitybot/internal/message"
)

// sheet writes a report as text or as Markdown.
type sheet struct {
	w        *bufio.Writer
	rows     int
	markdown bool
}

func writeReport(to io.Writer, r *report.Report, rows int, markdown bool) error {
	s := &sheet{w: bufio.NewWriter(to), rows: rows, markdown: markdown}
	s.title(fmt.Sprintf("SecurityBot, %s to %s", r.From.UTC().Format(time.DateOnly), r.To.UTC().Format(time.DateOnly)))
	s.line(fmt.Sprintf("%s, from %s.", count(r.Cases, "case"), count(r.Tally.Files, "file")))
	if r.Cases < report.Few {
		s.line("These are few: read the numbers, not the shares.")
	}
	s.unknowns(r)
	s.groups("What was decided (the most attention each case got)", "step", r.Steps, r.Cases)
	s.groups("Dropped, by rule", "rule", r.Dropped, r.Cases)
	s.groups("By severity", "severity", r.Severities, r.Cases)
	s.groups("By type", "type", r.Types, r.Cases)
	s.groups("By account", "account", r.Accounts, r.Cases)
	s.questions(r.Questions)
	s.pages(r.Pages)
	s.verdicts("What people said, by rule", "rule", r.Rules)
	s.verdicts("What people said, by type", "type", r.ByType)
	s.title2("What the numbers suggest")
	for _, h := range r.Hints {
		s.item(h)
	}
	if len(r.Hints) == 0 {
		s.line("Nothing: no rule has enough cases that point one way.")
	}
	return s.w.Flush()
}

// unknowns says what the report does not know.
func (s *sheet) unknowns(r *report.Report) {
	for _, u := range []struct {
		n    int
		what string
	}{
		{r.Degraded, "cases decided while a look-up that mattered did not answer"},
		{r.Samples, "cases are samples that somebody had GuardDuty make"},
		{r.Mute, "cases from before the archive kept questions, pages and ends: what came of them is not known"},
		{r.Cut, "cases too large to be kept whole"},
		{r.Orphans, "lines about cases decided before this time, which are not counted here"},
		{r.Tally.Repeated, "lines written twice and counted once"},
	} {
		if u.n > 0 {
			s.item(fmt.Sprintf("%s: %d", u.what, u.n))
		}
	}
	for _, g := range r.Tally.LeftOut {
		s.item(fmt.Sprintf("%s left out: %s; the first is %s:%d", count(g.N, "line"), g.Why, g.First.File, g.First.Line))
	}
}

func (s *sheet) questions(q report.Questions) {
	s.title2("Questions to people")
	if q.Asked+q.NotAsked == 0 {
		s.line("No question is in the archive.")
		return
	}
	rows := [][]string{}
	for _, row := range []struct {
		what string
		n    int
	}{{"yes", q.Yes}, {"no", q.No}, {"not sure", q.Unsure}, {"a yes without the proof it needs", q.Unproved}, {"silence", q.Silence}, {"could not be reached", q.Unreached},
		{"closed before an answer", q.Overtaken}, {"no end in the archive", q.Waiting}} {
		if row.n > 0 {
			rows = append(rows, []string{row.what, fmt.Sprint(row.n), share(row.n, q.Asked)})
		}
	}
	s.line(fmt.Sprintf("%s asked.", count(q.Asked, "question")))
	s.table([]string{"answer", "questions", "share"}, rows)
	switch {
	case q.Answers >= report.Few:
		s.line(fmt.Sprintf("Time to answer: half within %s, nine of ten within %s (%s).", span(q.Median), span(q.P90), count(q.Answers, "answer")))
	case q.Answers > 0:
		s.line(fmt.Sprintf("Time to answer: half within %s (only %s).", span(q.Median), count(q.Answers, "answer")))
	}
	if q.LateNo > 0 {
		s.line(fmt.Sprintf("A no came after another end: %d.", q.LateNo))
	}
	if q.NotAsked > 0 {
		s.line(fmt.Sprintf("Nobody could be asked, and the team got it instead: %s.", count(q.NotAsked, "case")))
	}
}

func (s *sheet) pages(p report.Pages) {
	s.title2("Pages")
	if p.Sent == 0 {
		s.line("No page is in the archive.")
		return
	}
	s.line(fmt.Sprintf("%s for %s.", count(p.Sent, "page"), count(p.Cases, "case")))
	if p.Refused > 0 {
		s.line(fmt.Sprintf("PagerDuty did not take %d of them, and the fallback was used.", p.Refused))
	}
	s.groups("", "because of", p.Causes, p.Sent)
	ended := append([]report.Group{}, p.Ended...)
	for i := range ended {
		ended[i].Name = "closed: " + strings.ReplaceAll(ended[i].Name, "_", " ")
	}
	if p.NotClosed > 0 {
		ended = append(ended, report.Group{Name: "not closed yet, as far as the archive goes", N: p.NotClosed})
	}
	s.groups("", "how the cases ended", ended, p.Cases)
}

// verdicts shows rules or types about which people said something.
func (s *sheet) verdicts(title, what string, all []report.Verdicts) {
	rows := [][]string{}
	left := 0
	for _, v := range all {
		if v.Asked+v.Paged+v.Judged()+v.Duplicate == 0 {
			left++
			continue
		}
		falseShare := ""
		if f, ok := v.FalseShare(); ok {
			falseShare = fmt.Sprintf("%d of %d", v.False, v.Judged())
			if v.Judged() >= report.Few {
				falseShare += fmt.Sprintf(" (%.0f %%)", 100*f)
			}
		}
		rows = append(rows, []string{v.Name, fmt.Sprint(v.Cases), fmt.Sprint(v.Asked), fmt.Sprintf("%d/%d/%d", v.Yes, v.No, v.Silence), fmt.Sprint(v.Paged),
			fmt.Sprintf("%d/%d/%d", v.True, v.Benign, v.False), fmt.Sprint(v.NoVerdict), falseShare})
	}
	s.title2(title)
	if len(rows) == 0 {
		s.line("No answer, page or verdict is in the archive.")
		return
	}
	s.table([]string{what, "cases", "asked", "yes/no/silence", "paged", "real/benign/false", "no verdict", "false positives"}, rows)
	if left > 0 {
		s.line(fmt.Sprintf("%s about which nobody was asked or paged and nobody has closed anything.", count(left, "more "+what)))
	}
}

func (s *sheet) groups(title, what string, all []report.Group, of int) {
	if len(all) == 0 {
		return
	}
	if title != "" {
		s.title2(title)
	}
	rows := [][]string{}
	for _, g := range all {
		rows = append(rows, []string{g.Name, fmt.Sprint(g.N), share(g.N, of)})
	}
	s.table([]string{what, "count", "share"}, rows)
}

// share is a percentage, of enough to mean something.
func share(n, of int) string {
	if of < report.Few {
		return fmt.Sprintf("%d of %d", n, of)
	}
	return fmt.Sprintf("%.0f %%", 100*float64(n)/float64(of))
}

// span rounds a time for people.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}

func (s *sheet) title(t string) {
	if s.markdown {
		t = "# " + t
	}
	fmt.Fprintf(s.w, "%s\n\n", t)
}

func (s *sheet) title2(t string) {
	if s.markdown {
		fmt.Fprintf(s.w, "\n## %s\n\n", t)
		return
	}
	fmt.Fprintf(s.w, "\n%s\n", strings.ToUpper(t))
}

func (s *sheet) line(t string) {
	if s.markdown {
		t += "\n"
	}
	fmt.Fprintln(s.w, s.outside(t))
}

func (s *sheet) item(t string) {
	if s.markdown {
		fmt.Fprintf(s.w, "* %s\n", s.outside(t))
		return
	}
	fmt.Fprintf(s.w, "  %s\n", s.outside(t))
}

// outside makes text from findings harmless: it can neither steer a terminal nor
// be markup.
func (s *sheet) outside(t string) string {
	t = printable(t)
	if !s.markdown {
		return t
	}
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "[", `\[`, "`", "'", "*", `\*`, "_", `\_`).Replace(t)
}

// table prints rows under a heading; beyond the limit they are only counted.
func (s *sheet) table(head []string, rows [][]string) {
	more := max(len(rows)-s.rows, 0)
	rows = rows[:len(rows)-more]
	for _, row := range rows {
		for i := range row {
			row[i] = s.outside(message.Cut(row[i], longest))
		}
	}
	if s.markdown {
		fmt.Fprintf(s.w, "\n| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
		for _, row := range rows {
			fmt.Fprintf(s.w, "| %s |\n", strings.Join(row, " | "))
		}
		fmt.Fprintln(s.w)
	} else {
		s.columns(append([][]string{head}, rows...))
	}
	if more > 0 {
		s.line(fmt.Sprintf("%d more are not shown (--rows).", more))
	}
}

func (s *sheet) columns(rows [][]string) {
	wide := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString("  " + cell + strings.Repeat(" ", wide[i]-utf8.RuneCountInString(cell)))
		}
		fmt.Fprintln(s.w, strings.TrimRight(b.String(), " "))
	}
}
