package report

import (
	"slices"
	"time"

	"github.com/securitybot/securitybot/bot/archive"
	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/inquiries"
)

// Make reads archive files and counts what was decided from since to until.
func Make(files []string, since, until time.Time) (*Report, error) {
	g := &gathering{since: since, until: until, cases: map[string]*story{}, r: &Report{From: since, To: until}}
	var err error
	if g.r.Tally, err = archive.Read(files, note, g.take); err != nil {
		return nil, err
	}
	g.finish()
	return g.r, nil
}

// event is what is kept of a line.
type event struct {
	kind     archive.Kind
	caseID   string
	at       time.Time
	typ      string
	account  string
	severity float64
	rule     string
	step     policy.Step
	degraded bool
	sample   bool
	cut      bool
	mute     bool
	question *archive.Question
	page     *archive.Page
	outcome  string
}

func note(l *archive.Line) event {
	e := event{kind: l.Kind, caseID: l.CaseID, at: l.At, question: l.Question, page: l.Page, outcome: l.Outcome, cut: l.Cut}
	if l.Kind == archive.Decided {
		f, d := l.Finding, l.Decision
		e.typ, e.account, e.severity, e.sample = f.Type, f.Account, f.Severity, f.Sample
		e.rule, e.step, e.degraded, e.mute = d.Rule, d.Step, d.Degraded, l.V == 0
	}
	return e
}

// story is what is known of one case.
type story struct {
	events []event
}

type gathering struct {
	since, until time.Time
	cases        map[string]*story
	r            *Report
}

func (g *gathering) take(e event) {
	s := g.cases[e.caseID]
	if s == nil {
		s = &story{}
		g.cases[e.caseID] = s
	}
	s.events = append(s.events, e)
}

// life is a case that counts.
type life struct {
	first     event // the first decision in the window
	top       event // the one with the highest step
	questions []event
	notAsked  bool
	pages     []event
	refused   int
	outcome   string // the last end, empty when it is open or was never somebody's
	closedAt  time.Time
}

// live puts the lines of a case in order of time. Ends before the last decision
// are not the end of it: it was looked at again.
func (s *story) live(since, until time.Time) (l life, counts bool) {
	slices.SortStableFunc(s.events, func(a, b event) int { return a.at.Compare(b.at) })
	for _, e := range s.events {
		switch e.kind {
		case archive.Decided:
			if e.at.Before(since) || !e.at.Before(until) {
				continue
			}
			if !counts {
				l.first, l.top, counts = e, e, true
			}
			if e.step.Compare(l.top.step) > 0 {
				l.top = e
			}
			l.outcome = ""
		case archive.Closed:
			l.outcome, l.closedAt = e.outcome, e.at
		case archive.NotAsked:
			l.notAsked = true
		case archive.Asked, archive.Answered:
			l.questions = append(l.questions, e)
			if e.kind == archive.Answered && inquiries.Conclusion(e.question.Result).Denied() {
				l.outcome = "" // a late no opens it again
			}
		case archive.Paged:
			l.pages = append(l.pages, e)
		case archive.PageRefused:
			l.refused++
		}
	}
	return l, counts
}

func (g *gathering) finish() {
	c := newCounts()
	var ids []string
	for id := range g.cases {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		l, counts := g.cases[id].live(g.since, g.until)
		if !counts {
			g.r.Orphans += orphans(g.cases[id], g.since, g.until)
			continue
		}
		g.r.Cases++
		g.tally(l)
		c.add(l)
	}
	c.fill(g.r)
	g.r.Hints = hints(g.r)
}

// orphans counts what happened in the window to a case from before it.
func orphans(s *story, since, until time.Time) int {
	n := 0
	for _, e := range s.events {
		if e.kind != archive.Decided && !e.at.Before(since) && e.at.Before(until) {
			n++
		}
	}
	return n
}

func (g *gathering) tally(l life) {
	if l.top.degraded {
		g.r.Degraded++
	}
	if l.top.sample {
		g.r.Samples++
	}
	if l.top.cut {
		g.r.Cut++
	}
	if l.first.mute {
		g.r.Mute++
	}
	if l.notAsked {
		g.r.Questions.NotAsked++
	}
	g.r.Pages.Sent += len(l.pages)
	g.r.Pages.Refused += l.refused
	if len(l.pages) > 0 {
		g.r.Pages.Cases++
	}
}

// judged is how people closed a case; empty when nobody did, or only the person
// asked.
func (l life) judged() string {
	if l.outcome == string(cases.Confirmed) {
		return ""
	}
	return l.outcome
}

func levelName(severity float64) string { return string(findings.LevelOf(severity)) }
