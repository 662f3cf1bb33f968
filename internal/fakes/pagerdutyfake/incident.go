package pagerdutyfake

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// The statuses of an incident.
const (
	Triggered    = "triggered"
	Acknowledged = "acknowledged"
	Resolved     = "resolved"
)

// Incident is what somebody is woken for. While it is open further triggers of
// its key only add to it; after it is resolved the next one opens a new
// incident.
type Incident struct {
	Number   int             `json:"number"`
	Service  string          `json:"service"`
	DedupKey string          `json:"dedup_key"`
	Summary  string          `json:"summary"`
	Severity string          `json:"severity"`
	Status   string          `json:"status"`
	Created  time.Time       `json:"created"`
	Triggers int             `json:"triggers"` // accepted trigger events
	Log      []LogEntry      `json:"log"`
	Details  json.RawMessage `json:"details,omitempty"` // of the first trigger
	Links    []string        `json:"links,omitempty"`
}

// LogEntry is one line of an incident's log.
type LogEntry struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
	Who  string    `json:"who"` // "event" or the name of a human
	Note string    `json:"note,omitempty"`
}

// Snapshot is the whole visible state, for assertions and for showing it.
type Snapshot struct {
	Incidents []Incident `json:"incidents"` // oldest first
	Calls     []Call     `json:"calls"`
}

// Open lists the incidents that are not resolved.
func (s Snapshot) Open() []Incident {
	return slices.DeleteFunc(slices.Clone(s.Incidents), func(i Incident) bool { return i.Status == Resolved })
}

// ByKey lists the incidents of a deduplication key in all services.
func (s Snapshot) ByKey(dedupKey string) []Incident {
	return slices.DeleteFunc(slices.Clone(s.Incidents), func(i Incident) bool { return i.DedupKey != dedupKey })
}

// Doubles lists the keys for which a service opened more than one incident.
func (s Snapshot) Doubles() []string {
	seen, out := map[[2]string]int{}, []string(nil)
	for _, i := range s.Incidents {
		id := [2]string{i.Service, i.DedupKey}
		if seen[id]++; seen[id] == 2 {
			out = append(out, i.DedupKey)
		}
	}
	return out
}

func (s Snapshot) brief() string {
	return fmt.Sprintf("%d calls, %d incidents, %d open", len(s.Calls), len(s.Incidents), len(s.Open()))
}

// Snapshot returns a copy of the state.
func (s *Server) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Snapshot{Incidents: make([]Incident, len(s.incidents)), Calls: slices.Clone(s.calls)}
	for i, in := range s.incidents {
		out.Incidents[i] = *in
		out.Incidents[i].Log = slices.Clone(in.Log)
	}
	return out
}

// ingest changes incidents as the real service does: acknowledge and resolve
// without an open incident are dropped silently.
func (s *Server) ingest(e event, now time.Time) {
	service := s.nameOf(e.RoutingKey)
	in := s.openIncident(service, e.key())
	switch e.Action {
	case "trigger":
		if in == nil {
			in = &Incident{Number: len(s.incidents) + 1, Service: service, DedupKey: e.key(), Summary: e.Payload.Summary,
				Severity: e.Payload.Severity, Status: Triggered, Created: now, Details: e.Payload.Details}
			for _, l := range e.Links {
				in.Links = append(in.Links, l.Href)
			}
			s.incidents = append(s.incidents, in)
		}
		in.Triggers++
		in.log(now, "triggered", "event", e.Payload.Summary)
	case "acknowledge":
		if in != nil {
			in.Status = Acknowledged
			in.log(now, "acknowledged", "event", e.Payload.summary())
		}
	case "resolve":
		if in != nil {
			in.Status = Resolved
			in.log(now, "resolved", "event", e.Payload.summary())
		}
	}
}

func (i *Incident) log(at time.Time, what, who, note string) {
	i.Log = append(i.Log, LogEntry{at, what, who, note})
}

func (s *Server) openIncident(service, key string) *Incident {
	for _, in := range s.incidents {
		if in.Service == service && in.DedupKey == key && in.Status != Resolved {
			return in
		}
	}
	return nil
}

var errNotOpen = errors.New("pagerdutyfake: no such open incident")

// Ack acknowledges an open incident, as a person does on their phone.
func (s *Server) Ack(number int, who string) error {
	return s.human(number, Acknowledged, who)
}

// Resolve resolves an open incident by hand.
func (s *Server) Resolve(number int, who string) error {
	return s.human(number, Resolved, who)
}

func (s *Server) human(number int, status, who string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number < 1 || number > len(s.incidents) || s.incidents[number-1].Status == Resolved {
		return fmt.Errorf("%w: %d", errNotOpen, number)
	}
	in := s.incidents[number-1]
	in.Status = status
	in.log(s.now(), status, who, "")
	s.broadcast()
	return nil
}
