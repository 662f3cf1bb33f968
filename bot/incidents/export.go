package incidents

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/securitybot/securitybot/findings"
)

// Names says what a chat id is called in an export. It may return "".
type Names func(chatID string) string

// FileName is the name of an export without its ending.
func (c *Incident) FileName() string {
	name := strings.ToLower(c.Ref()) + "-timeline"
	if c.Gen > 1 { // closed before, and its timeline written then
		name += "-" + strconv.Itoa(c.Gen)
	}
	return name
}

// Export is the form of an incident outside: what JSON holds.
type Export struct {
	Format   string         `json:"format"` // exportFormat
	Ref      string         `json:"ref"`
	ID       string         `json:"id"`
	Title    string         `json:"title"`
	Severity findings.Level `json:"severity"`
	Status   Status         `json:"status"`
	Opened   time.Time      `json:"opened"`
	OpenedBy Somebody       `json:"opened_by"`
	Lead     *Somebody      `json:"lead,omitempty"`
	Closed   *time.Time     `json:"closed,omitempty"`
	ClosedBy *Somebody      `json:"closed_by,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	Channel  string         `json:"channel,omitempty"`
	Name     string         `json:"channel_name,omitempty"`
	TheHive  string         `json:"thehive,omitempty"`
	Cases    []string       `json:"cases"`
	People   []Participant  `json:"people"`
	Failures []FailedStep   `json:"failures"`
	Timeline []ExportLine   `json:"timeline"`
	Dropped  int            `json:"dropped,omitempty"` // lines that were not kept
}

const exportFormat = "securitybot/incident/1"

// Somebody is a person in an export.
type Somebody struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// Participant is a person who belongs to the incident.
type Participant struct {
	Somebody
	For    string `json:"for"`
	State  string `json:"state"` // wanted, in or refused
	Reason string `json:"reason,omitempty"`
}

// FailedStep is a step that was given up.
type FailedStep struct {
	Step string    `json:"step"`
	Why  string    `json:"why"`
	At   time.Time `json:"at"`
}

// ExportLine is a line of the timeline.
type ExportLine struct {
	At   time.Time  `json:"at"`
	By   *Somebody  `json:"by,omitempty"` // nobody is the bot
	Kind Kind       `json:"kind"`
	What string     `json:"what"`
	Whom []Somebody `json:"whom,omitempty"`
	Text string     `json:"text,omitempty"`
}

// export collects what goes outside.
func (c *Incident) export(names Names) Export {
	x := Export{Format: exportFormat, Ref: c.Ref(), ID: c.ID, Title: c.Title, Severity: c.Severity, Status: c.Status, Opened: c.Opened,
		OpenedBy: names.somebody(c.Opener), Lead: names.maybe(c.Lead), ClosedBy: names.maybe(c.ClosedBy), Reason: c.Reason,
		Channel: c.Channel, Name: c.Name, TheHive: c.Hive.ID, Dropped: c.Dropped,
		Cases: []string{}, People: []Participant{}, Failures: []FailedStep{}, Timeline: []ExportLine{}}
	if !c.Ended.IsZero() {
		x.Closed = &c.Ended
	}
	for _, id := range c.Cases {
		x.Cases = append(x.Cases, caseRef(id))
	}
	for _, m := range c.Members {
		p := Participant{Somebody: names.somebody(m.ID), For: m.For, State: string(m.State), Reason: m.Reason}
		if m.State == Wanted {
			p.State = "wanted"
		}
		x.People = append(x.People, p)
	}
	for _, f := range c.Failures {
		step, _ := cutStep(f.Step)
		x.Failures = append(x.Failures, FailedStep{Step: step, Why: f.Why, At: f.At})
	}
	for _, e := range c.Timeline {
		l := ExportLine{At: e.At, By: names.maybe(e.By), Kind: e.Kind, What: e.What, Text: e.Text}
		for _, id := range e.Whom {
			l.Whom = append(l.Whom, names.somebody(id))
		}
		x.Timeline = append(x.Timeline, l)
	}
	return x
}

func (n Names) somebody(id string) Somebody {
	s := Somebody{ID: id}
	if n != nil {
		s.Name = n(id)
	}
	return s
}

func (n Names) maybe(id string) *Somebody {
	if id == "" {
		return nil
	}
	s := n.somebody(id)
	return &s
}

// JSON is the incident for other programs. It ends in a line break.
func (c *Incident) JSON(names Names) ([]byte, error) {
	b, err := json.MarshalIndent(c.export(names), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("export incident: %w", err)
	}
	return append(b, '\n'), nil
}

// Markdown is the incident for people, as CommonMark. All outside text in it is
// escaped: it cannot become a link, a heading or mark-up of any sort. Times are
// UTC.
func (c *Incident) Markdown(names Names) string {
	x := c.export(names)
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# %s · %s", x.Ref, escape(x.Title))
	line("")
	line("- Severity: %s", x.Severity)
	line("- Opened: %s UTC by %s", stamp(x.Opened), x.OpenedBy.md())
	if x.Lead != nil {
		line("- Lead: %s", x.Lead.md())
	}
	if x.Closed != nil {
		line("- Closed: %s UTC by %s: %s", stamp(*x.Closed), x.ClosedBy.md(), escape(x.Reason))
	}
	if x.Channel != "" {
		line("- Channel: %s (%s)", escape(x.Name), escape(x.Channel))
	}
	if x.TheHive != "" {
		line("- TheHive: %s", escape(x.TheHive))
	}
	if len(x.Cases) > 0 {
		line("- Cases: %s", escape(strings.Join(x.Cases, ", ")))
	}
	line("\n## Timeline (UTC)\n")
	for _, l := range x.Timeline {
		line("- %s %s", stamp(l.At), l.md())
	}
	if x.Dropped > 0 {
		line("- %d further lines did not fit and were not kept.", x.Dropped)
	}
	c.markdownPeople(line, x)
	for _, k := range []struct {
		head string
		kind Kind
	}{{"Evidence", KindEvidence}, {"Decisions", KindDecision}, {"To do", KindTask}} {
		section(line, k.head, k.kind, x.Timeline)
	}
	return b.String()
}

func (c *Incident) markdownPeople(line func(string, ...any), x Export) {
	line("\n## People\n")
	for _, p := range x.People {
		t := p.md() + ", " + p.For
		if p.State != string(In) {
			t += " (not in the channel"
			if p.Reason != "" {
				t += ": " + escape(p.Reason)
			}
			t += ")"
		}
		line("- %s", t)
	}
	if len(x.Failures) == 0 {
		return
	}
	line("\n## Did not work\n")
	for _, f := range x.Failures {
		line("- could not %s: %s", About(f.Step), escape(f.Why))
	}
}

func section(line func(string, ...any), head string, k Kind, all []ExportLine) {
	first := true
	for _, l := range all {
		if l.Kind != k {
			continue
		}
		if first {
			line("\n## %s\n", head)
			first = false
		}
		line("- %s %s", stamp(l.At), l.md())
	}
}

func (l ExportLine) md() string {
	var b strings.Builder
	if l.By == nil {
		b.WriteString("bot: ")
	} else {
		b.WriteString(l.By.md() + " ")
	}
	b.WriteString(l.What)
	for i, w := range l.Whom {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(" " + w.md())
	}
	if l.Text != "" {
		if !strings.HasSuffix(l.What, ":") {
			b.WriteByte(':')
		}
		b.WriteString(" " + escape(l.Text))
	}
	return b.String()
}

func (s Somebody) md() string {
	if s.Name == "" {
		return escape(s.ID)
	}
	return escape(s.Name) + " (" + escape(s.ID) + ")"
}

// escape makes outside text harmless in Markdown. CommonMark lets any ASCII
// punctuation be escaped by a backslash (CommonMark 0.31.2, 2.4); the colon of
// an address and the dot after "www" are escaped as well, because GitHub's
// extension makes links of bare addresses.
func escape(s string) string {
	var b strings.Builder
	s = clean(s)
	for i, r := range s {
		switch {
		case strings.ContainsRune("\\`*_[]<>#|~&@$", r), r == ':' && strings.HasPrefix(s[i:], ":/"),
			r == '.' && strings.HasSuffix(strings.ToLower(s[:i]), "www"):
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}
