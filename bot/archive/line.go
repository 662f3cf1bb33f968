package archive

import (
	"fmt"
	"time"

	json "github.com/go-json-experiment/json/v1"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/message"
)

// Version is what Encode writes. A reader skips lines of a higher one.
const Version = 1

// MaxLine is the longest line, in bytes. An ordinary decision has 2 to 4 KiB; a
// finding with everything at its limits about 130.
const MaxLine = 512 << 10

// Kind says what a line tells.
type Kind string

// The kinds of line.
const (
	Decided     Kind = "decided"      // the policy decided about a finding
	Asked       Kind = "asked"        // a question about the case goes to a person, alone or with others
	NotAsked    Kind = "not_asked"    // it should have, but nobody could be asked
	Answered    Kind = "answered"     // the question came to a conclusion; silence is one
	Paged       Kind = "paged"        // the team is paged
	PageRefused Kind = "page_refused" // PagerDuty did not take the page; the fallback was used
	Closed      Kind = "closed"       // by a person's word; what the bot ends by itself has no line
)

// Line is one line of the archive. Which of the pointers are set depends on the
// kind.
type Line struct {
	V      int       `json:"v"`
	Kind   Kind      `json:"kind"`
	ID     string    `json:"id"` // the same when a line is written twice
	At     time.Time `json:"at"` // when it happened; of a decision, the time that rules saw
	CaseID string    `json:"case_id"`
	Ref    string    `json:"ref"` // what people call the case

	// Decided.
	Finding     *findings.Finding `json:"finding,omitempty"`
	Facts       *Facts            `json:"facts,omitempty"`
	Unavailable map[string]string `json:"unavailable,omitempty"` // look-ups that were asked and did not answer, with why
	Decision    *policy.Decision  `json:"decision,omitempty"`
	Cut         bool              `json:"cut,omitempty"` // too large to keep whole: it cannot be decided again

	Question *Question `json:"question,omitempty"` // Asked, NotAsked, Answered
	Page     *Page     `json:"page,omitempty"`     // Paged, PageRefused
	Outcome  string    `json:"outcome,omitempty"`  // Closed: confirmed, true_positive, benign, false_positive, duplicate
}

// Facts are the answers of look-ups as rules see them. What is nil was not asked,
// did not answer, or was too large to keep.
type Facts struct {
	Employee *findings.Employee `json:"employee,omitempty"`
	Owner    *findings.Owner    `json:"owner,omitempty"`
	Network  map[string]any     `json:"network,omitempty"`
	Resource map[string]any     `json:"resource,omitempty"`
	ByIP     map[string]any     `json:"by_ip,omitempty"`
	APICalls map[string]any     `json:"api_calls,omitempty"`
}

// Question is what became of a question. ID is the same for all cases it is
// about; it is not the one its buttons carry.
type Question struct {
	ID      string      `json:"id,omitempty"`
	AskedAt time.Time   `json:"asked_at,omitzero"` // when it was sent, or would have been
	Result  string      `json:"result,omitempty"`  // Answered: yes, verified, no, refused, unverified, unsure, expired, undeliverable, critical
	Step    policy.Step `json:"step,omitempty"`    // what follows
}

// Page is one page of a case.
type Page struct {
	N   int    `json:"n"` // 1 is the first of the case
	Why string `json:"why,omitempty"`
}

// Encode returns the line with its end. Of a decision that would be longer than
// MaxLine, facts, reasons and long parts of the finding are left out, and the line
// says so (Cut).
func (l Line) Encode() ([]byte, error) {
	l.V = Version
	b, err := json.Marshal(l)
	if err == nil && len(b) > MaxLine {
		l.Facts, l.Unavailable, l.Cut = nil, nil, true
		if l.Finding != nil {
			short := *l.Finding
			short.Description, short.Resources, short.Tags, short.Remote = "", nil, nil, nil
			l.Finding = &short
		}
		if d := l.Decision; d != nil {
			l.Decision = &policy.Decision{Rule: d.Rule, Group: d.Group, Step: d.Step, Steps: d.Steps, Degraded: d.Degraded, Digest: d.Digest}
		}
		b, err = json.Marshal(l)
	}
	if err != nil {
		return nil, fmt.Errorf("encode archive line: %w", err)
	}
	if len(b) > MaxLine {
		return nil, fmt.Errorf("encode archive line: it has %d bytes, more than %d", len(b), MaxLine)
	}
	return append(b, '\n'), nil
}

// Limits of what is kept of a decision.
const (
	maxReasons = 30
	maxReason  = 400      // characters
	maxWhy     = 200      // characters
	maxFact    = 16 << 10 // bytes of one look-up's answer
)

// OfDecision is the line about a decision. known and unavailable are what the
// policy was given; now is the time it was given.
func OfDecision(f *findings.Finding, d policy.Decision, known map[string]any, unavailable map[string]string, now time.Time) Line {
	d.Needs = nil
	reasons := d.Reasons[:min(len(d.Reasons), maxReasons)]
	d.Reasons = make([]string, len(reasons))
	for i, r := range reasons {
		d.Reasons[i] = message.Cut(r, maxReason)
	}
	l := Line{Kind: Decided, At: now, Finding: f, Facts: factsOf(known), Decision: &d}
	for name, why := range unavailable {
		if l.Unavailable == nil {
			l.Unavailable = map[string]string{}
		}
		l.Unavailable[name] = message.Cut(why, maxWhy)
	}
	return l
}

// Input is what the policy decided about: deciding again with the same policy
// gives the same decision.
func (l *Line) Input() policy.Input {
	return policy.Input{Finding: l.Finding, Facts: l.Facts.known(), Unavailable: l.Unavailable, Now: l.At}
}
