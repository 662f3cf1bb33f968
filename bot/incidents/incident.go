package incidents

import (
	"encoding/base32"
	"encoding/json"
	"fmt"
	"time"

	"github.com/securitybot/securitybot/findings"
)

// Status is where an incident stands.
type Status string

// The statuses. A closed incident may still have effects under way.
const (
	Open   Status = "open"
	Closed Status = "closed"
)

// Ref is a chat message.
type Ref struct {
	Channel string `json:"c"`
	TS      string `json:"t"`
}

// Document is the written record people work in: a canvas, or a pinned message
// where there are no canvases.
type Document struct {
	Canvas string `json:"c,omitempty"`
	Post   Ref    `json:"p,omitzero"`
}

// Made says whether there is one.
func (d Document) Made() bool { return d.Canvas != "" || d.Post.TS != "" }

// Record is the case in TheHive.
type Record struct {
	ID     string `json:"id"`
	Number int    `json:"n,omitempty"` // as people see it; 0 when not known
	URL    string `json:"u,omitempty"`
}

// Page is one page to the people on call. Each is an incident of its own in
// PagerDuty.
type Page struct {
	Why      string    `json:"w"` // outside text when a person typed it
	At       time.Time `json:"at"`
	Sent     bool      `json:"s,omitempty"`
	Fallback bool      `json:"f,omitempty"` // the fallback was used as well
	Resolved bool      `json:"x,omitempty"`
}

// Failure is a step that was given up.
type Failure struct {
	Step string    `json:"s"` // the last part of the effect's id
	Why  string    `json:"w"` // a short reason, outside text
	At   time.Time `json:"at"`
}

// Incident is the state of one incident. It is stored as JSON.
type Incident struct {
	ID       string         `json:"-"` // 16 letters and digits, 80 random bits
	Status   Status         `json:"st,omitempty"`
	Gen      int            `json:"g,omitempty"` // part of every effect id
	Title    string         `json:"ti,omitempty"`
	Severity findings.Level `json:"s,omitempty"`
	Opener   string         `json:"o,omitempty"` // chat id
	Lead     string         `json:"l,omitempty"` // chat id; empty while nobody leads
	Opened   time.Time      `json:"at,omitzero"`
	Nudge    time.Time      `json:"nu,omitzero"` // when to ask whether it is still open

	Prefix  string   `json:"px,omitempty"`
	Public  bool     `json:"pu,omitempty"`
	Name    string   `json:"n,omitempty"` // of the channel, wanted or made
	Tries   int      `json:"t,omitempty"` // names that were taken
	Channel string   `json:"ch,omitempty"`
	Former  []string `json:"fo,omitempty"` // channels it had before it was reopened; archived
	Summary Ref      `json:"su,omitzero"`
	Doc     Document `json:"d,omitzero"`
	NoDoc   bool     `json:"nd,omitempty"` // no document is wanted

	Sources  []Source  `json:"so,omitempty"`
	Members  []Member  `json:"m,omitempty"`
	Cases    []string  `json:"ca,omitempty"` // ids of linked cases
	Hive     Record    `json:"h,omitzero"`
	Pages    []Page    `json:"pg,omitempty"`
	Timeline []Entry   `json:"tl,omitempty"`
	Dropped  int       `json:"dr,omitempty"` // lines that no longer fitted
	Failures []Failure `json:"f,omitempty"`
	Pending  []string  `json:"pe,omitempty"` // effects planned and not finished
	Seq      int       `json:"sq,omitempty"` // numbers effects that may happen more than once

	ClosedBy string    `json:"cb,omitempty"`
	Reason   string    `json:"re,omitempty"`
	Ended    time.Time `json:"en,omitzero"`
	Exported bool      `json:"ex,omitempty"`
	Archived bool      `json:"ar,omitempty"`
}

// Refusal is a sentence for the person whose act cannot be carried out.
// Nothing was changed.
type Refusal string

func (r Refusal) Error() string { return string(r) }

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// IDOf writes ten random bytes as the id of an incident.
func IDOf(random [10]byte) string { return encoding.EncodeToString(random[:]) }

// ValidID says whether a text has the form of an incident id, before it is used
// to name a document.
func ValidID(id string) bool {
	b, err := encoding.DecodeString(id)
	return err == nil && len(b) == 10 && len(id) == 16
}

// DocID is the store's name of an incident document.
func DocID(id string) string { return "i:" + id }

// refLetters is how many letters of the id are in the short reference.
const refLetters = 6

// RefOf is the short reference people see and type, such as INC-7F3KQX. The
// caller makes sure that no two incidents share it.
func RefOf(id string) string { return "INC-" + id[:min(len(id), refLetters)] }

// Ref returns the short reference people see.
func (c *Incident) Ref() string { return RefOf(c.ID) }

// Known says whether the incident exists at all.
func (c *Incident) Known() bool { return c.Status != "" }

// IsOpen says whether people still work on it.
func (c *Incident) IsOpen() bool { return c.Status == Open }

// Live says whether the incident still needs a timer: it is open, or effects
// are under way.
func (c *Incident) Live() bool { return c.IsOpen() || len(c.Pending) > 0 }

// Encode returns the stored form.
func (c *Incident) Encode() ([]byte, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode incident: %w", err)
	}
	return b, nil
}

// Decode reads the stored form; an empty body is an unknown incident.
func Decode(id string, body []byte) (Incident, error) {
	c := Incident{}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &c); err != nil {
			return Incident{}, fmt.Errorf("decode incident %s: %w", id, err)
		}
	}
	c.ID = id
	return c, nil
}
