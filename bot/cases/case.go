package cases

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	json "github.com/go-json-experiment/json/v1"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

// Status is where a case stands.
type Status string

// The statuses. Open means that planned effects are still under way.
const (
	Open    Status = "open"
	Asked   Status = "asked"
	Waiting Status = "waiting" // in the security channel, for a responder to close
	Paged   Status = "paged"
	Closed  Status = "closed"
)

// Outcome is how a case ended.
type Outcome string

// The outcomes. The last four are a person's verdict.
const (
	Suppressed    Outcome = "suppressed"
	Recorded      Outcome = "recorded"
	Notified      Outcome = "notified"
	Confirmed     Outcome = "confirmed" // the person asked said that it was them
	TruePositive  Outcome = "true_positive"
	Benign        Outcome = "benign"
	FalsePositive Outcome = "false_positive"
	Duplicate     Outcome = "duplicate"
	Drilled       Outcome = "drill" // a drill is over; nobody's verdict
)

// Verdicts are the outcomes a responder can choose.
var Verdicts = []Outcome{TruePositive, Benign, FalsePositive, Duplicate}

// Ref is a chat message.
type Ref struct {
	Channel string `json:"c"`
	TS      string `json:"t"`
}

// Notice is the message about a case in the owner's or the security channel.
type Notice struct {
	Channel string `json:"ch,omitempty"` // where it goes; empty means a person
	ChatID  string `json:"u,omitempty"`
	Email   string `json:"m,omitempty"`
	Ref     Ref    `json:"r,omitzero"` // set once delivered
	Digest  bool   `json:"d,omitempty"`
}

// Page is the state of paging for a case. Each number of Gen is one PagerDuty
// incident: it grows only after the previous one was resolved.
type Page struct {
	Gen      int       `json:"g"`
	Why      string    `json:"w"`
	At       time.Time `json:"at"`
	Sent     bool      `json:"s,omitempty"`
	Fallback bool      `json:"f,omitempty"` // the fallback was used as well
	Resolved bool      `json:"x,omitempty"`
}

// Entry is one line of a case's timeline, in our own words.
type Entry struct {
	At   time.Time `json:"at"`
	What string    `json:"w"`
}

// Case is the state of one folded finding. It is stored as JSON; Compact keeps
// a closed one small.
type Case struct {
	ID       string            `json:"-"`
	Alias    string            `json:"a,omitempty"` // the finding was folded into this other case
	Status   Status            `json:"st,omitempty"`
	Outcome  Outcome           `json:"o,omitempty"`
	Gen      int               `json:"g,omitempty"`
	Severity float64           `json:"s"`
	Step     policy.Step       `json:"p,omitempty"`
	Count    int               `json:"n,omitempty"`
	Updated  time.Time         `json:"u,omitzero"` // the finding's updatedAt
	Opened   time.Time         `json:"at,omitzero"`
	Finding  *findings.Finding `json:"f,omitempty"`
	Decision *policy.Decision  `json:"d,omitempty"`
	Owner    findings.Owner    `json:"ow,omitzero"`
	Employee findings.Employee `json:"em,omitzero"`
	Context  []string          `json:"cx,omitempty"` // sentences about what look-ups found out
	Regions  []string          `json:"rg,omitempty"` // further regions of the same act
	Inquiry  string            `json:"q,omitempty"`
	Notices  []Notice          `json:"no,omitempty"`
	Page     *Page             `json:"pg,omitempty"`
	Timeline []Entry           `json:"tl,omitempty"`
	Pending  []string          `json:"pe,omitempty"` // effects planned and not finished
	Unsaid   []string          `json:"us,omitempty"` // lines for the thread of a message that is not posted yet
	ClosedBy string            `json:"cb,omitempty"`
	Reason   string            `json:"re,omitempty"`
	Seq      int               `json:"sq,omitempty"` // numbers effects that may happen more than once
	Record   *Record           `json:"rc,omitempty"` // in TheHive

	Milestones []Milestone `json:"-"` // since it was loaded; for the archive
}

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// IDOf returns the id of the case of a finding key: 16 letters and digits, 80
// bits of SHA-256.
func IDOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return encoding.EncodeToString(sum[:10])
}

// RefOf is the short reference people see, derived from a case id.
func RefOf(id string) string {
	if len(id) > 8 {
		id = id[:8]
	}
	return "SB-" + id
}

// Ref returns the short reference people see.
func (c *Case) Ref() string { return RefOf(c.ID) }

// Known says whether the case exists at all.
func (c *Case) Known() bool { return c.Status != "" || c.Alias != "" }

// IsOpen says whether the case still needs a timer.
func (c *Case) IsOpen() bool { return c.Known() && c.Alias == "" && c.Status != Closed }

const (
	maxTimeline = 40
	maxRegions  = 30
)

func (c *Case) note(now time.Time, format string, args ...any) {
	if len(c.Timeline) >= maxTimeline {
		c.Timeline = append(c.Timeline[:1:1], c.Timeline[len(c.Timeline)-maxTimeline+2:]...)
	}
	c.Timeline = append(c.Timeline, Entry{At: now, What: fmt.Sprintf(format, args...)})
}

// Note adds a line to the timeline.
func (c *Case) Note(now time.Time, what string) { c.note(now, "%s", what) }

// Encode returns the stored form: everything while the case is open or has
// effects under way, and afterwards only what recognising the finding needs.
func (c *Case) Encode() ([]byte, error) {
	if c.Status == Closed && len(c.Pending) == 0 {
		c.compact()
	}
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode case: %w", err)
	}
	return b, nil
}

// compact drops what only an open case needs. People's verdicts and pages are
// kept, because somebody may ask about them.
func (c *Case) compact() {
	quiet := c.Page == nil && c.Inquiry == "" && c.ClosedBy == ""
	if !quiet {
		if c.Finding != nil {
			short := findings.Finding{Kind: c.Finding.Kind, Source: c.Finding.Source, ID: c.Finding.ID, Type: c.Finding.Type,
				Account: c.Finding.Account, Region: c.Finding.Region, Severity: c.Finding.Severity, Sample: c.Finding.Sample}
			c.Finding = &short
		}
		c.Decision, c.Pending, c.Context, c.Unsaid = nil, nil, nil, nil
		return
	}
	small := Case{ID: c.ID, Status: c.Status, Outcome: c.Outcome, Gen: c.Gen, Severity: c.Severity, Step: c.Step,
		Count: c.Count, Updated: c.Updated, Seq: c.Seq, Record: c.Record}
	for _, n := range c.Notices {
		if n.Ref.TS != "" {
			small.Notices = append(small.Notices, Notice{Ref: n.Ref, Digest: n.Digest})
		}
	}
	*c = small
}

// Decode reads the stored form; an empty body is an unknown case.
func Decode(id string, body []byte) (Case, error) {
	c := Case{}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &c); err != nil {
			return Case{}, fmt.Errorf("decode case %s: %w", id, err)
		}
	}
	c.ID = id
	return c, nil
}

// Subject is the chat id of the person the case is about, when known: they may
// answer a question but neither close nor silence the case.
func (c *Case) Subject() string { return c.Employee.ChatID }

// ValidID says whether a text has the form of a case id, before it is used to
// name a document.
func ValidID(id string) bool {
	b, err := encoding.DecodeString(id)
	return err == nil && len(b) == 10
}
