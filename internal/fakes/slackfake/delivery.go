package slackfake

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// What goes wrong when the app does not acknowledge, as Slack's client words it
// for commands; for buttons it shows a warning sign, for dialogs a line.
const (
	NoConnection = "dispatch_failed"          // the app had no open connection
	NoAck        = "operation_timeout"        // no ack in time
	BadAck       = "invalid_command_response" // the payload of the ack was not acceptable
)

// Delivery is one envelope sent to the app and what became of it.
type Delivery struct {
	EnvelopeID string          `json:"envelope_id"`
	Type       string          `json:"type"` // slash_commands, interactive or events_api
	User       string          `json:"user,omitempty"`
	Conn       int             `json:"conn"` // connection it was sent on; 0 when there was none
	SentAt     time.Time       `json:"sent_at"`
	Attempt    int             `json:"attempt"` // retry_attempt of events
	Payload    json.RawMessage `json:"payload"`

	Acked      bool            `json:"acked"` // in time, on the right connection, not too large
	Latency    time.Duration   `json:"latency,omitempty"`
	AckPayload json.RawMessage `json:"ack_payload,omitempty"`
	Acks       int             `json:"acks"` // that arrived, whether or not they counted

	Late       bool   `json:"late,omitempty"`       // an ack arrived after the deadline
	Foreign    bool   `json:"foreign,omitempty"`    // an ack arrived on another connection
	Oversize   int    `json:"oversize,omitempty"`   // bytes of an ack that was dropped for its size
	Fragmented bool   `json:"fragmented,omitempty"` // an ack was dropped because it came in several frames
	Trouble    string `json:"trouble,omitempty"`    // what the person is told; NoConnection, NoAck or BadAck
	AckError   string `json:"ack_error,omitempty"`  // why the payload of the ack was not acceptable
}

// Settled says whether the delivery is over: acknowledged or given up.
func (d Delivery) Settled() bool { return d.Acked || d.Trouble != "" }

type delivery struct {
	Delivery
	sent  time.Time // with the monotonic clock
	timer *time.Timer

	errors map[string]string // shown in a dialog
	reply  *Message          // shown after a command

	onAck func(payload json.RawMessage) error
}

func (d *delivery) stopTimer() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

// dispatch sends an envelope. Callers hold mu.
func (s *Server) dispatch(d *delivery) *delivery {
	if d.EnvelopeID == "" {
		s.ids++
		d.EnvelopeID = fmt.Sprintf("%08x-0000-4000-8000-%012x", s.ids, s.ids)
	}
	d.SentAt, d.sent = s.now(), time.Now()
	s.sock.deliveries = append(s.sock.deliveries, d)
	s.changed(Change{Kind: "envelope", User: d.User})
	c := s.choose()
	if c == nil {
		s.giveUp(d, NoConnection)
		return d
	}
	envelope := body{
		"envelope_id": d.EnvelopeID, "type": d.Type, "payload": d.Payload,
		"accepts_response_payload": d.Type != "events_api",
	}
	if d.Type == "events_api" {
		envelope["retry_attempt"], envelope["retry_reason"] = d.Attempt, ""
		if d.Attempt > 0 {
			envelope["retry_reason"] = "timeout"
		}
	}
	d.Conn = c.info.ID
	c.info.Sent++
	s.sock.pending[d.EnvelopeID] = d
	d.timer = time.AfterFunc(s.set.ackDeadline, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !d.Settled() && !s.closing {
			s.giveUp(d, NoAck)
		}
	})
	c.send(mustJSON(envelope))
	return d
}

// giveUp ends a delivery without an ack, and arms the retry of an event.
func (s *Server) giveUp(d *delivery, trouble string) {
	d.Trouble = trouble
	s.changed(Change{Kind: "ack", User: d.User})
	if d.Type != "events_api" || d.Attempt >= len(s.set.retryDelays) {
		return
	}
	retry := &delivery{Delivery: Delivery{Type: d.Type, Payload: d.Payload, Attempt: d.Attempt + 1}}
	d.timer = time.AfterFunc(s.set.retryDelays[d.Attempt], func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closing {
			s.dispatch(retry)
		}
	})
}

// acked takes an ack. Callers hold mu.
func (s *Server) acked(c *socket, data []byte, fragmented bool) {
	var ack struct {
		EnvelopeID string          `json:"envelope_id"`
		Payload    json.RawMessage `json:"payload"`
	}
	if json.Unmarshal(data, &ack) != nil {
		return
	}
	d := s.sock.pending[ack.EnvelopeID]
	if d == nil {
		return
	}
	c.info.Acks++
	d.Acks++
	defer s.changed(Change{Kind: "ack", User: d.User})
	if len(data) > maxAck {
		d.Oversize = len(data)
		return
	}
	if fragmented {
		d.Fragmented = true
		return
	}
	if c.info.ID != d.Conn {
		d.Foreign = true
		if !s.set.foreignAcks {
			return
		}
	}
	if d.Settled() {
		d.Late = d.Late || d.Trouble != ""
		return
	}
	d.stopTimer()
	d.Latency, d.AckPayload = time.Since(d.sent), ack.Payload
	if d.onAck != nil {
		if err := d.onAck(ack.Payload); err != nil {
			d.Trouble, d.AckError = BadAck, err.Error()
			return
		}
	}
	d.Acked = true
}

// Deliveries returns the envelopes so far, oldest first.
func (st State) Deliveries() []Delivery {
	out := make([]Delivery, len(st.s.sock.deliveries))
	for i, d := range st.s.sock.deliveries {
		out[i] = d.Delivery
	}
	return out
}

// Delivery returns one envelope; the newest when the id was sent twice.
func (st State) Delivery(envelopeID string) (Delivery, bool) {
	for i := len(st.s.sock.deliveries) - 1; i >= 0; i-- {
		if d := st.s.sock.deliveries[i]; d.EnvelopeID == envelopeID {
			return d.Delivery, true
		}
	}
	return Delivery{}, false
}

// Troubles returns the deliveries of which a person was told that something went
// wrong.
func (st State) Troubles() []Delivery {
	return slices.DeleteFunc(st.Deliveries(), func(d Delivery) bool { return d.User == "" || d.Trouble == "" })
}

// Connections returns the Socket Mode connections so far, oldest first.
func (st State) Connections() []Connection {
	out := make([]Connection, len(st.s.sock.log))
	for i, c := range st.s.sock.log {
		out[i] = *c
	}
	return out
}

// Open returns how many connections are open.
func (st State) Open() int { return len(st.s.sock.open) }

// Inject sends any payload in an envelope of any type, for what the verbs of
// [Person] cannot say: forged users, unknown types, broken payloads. It returns
// the envelope id.
func (s *Server) Inject(envelopeType string, payload any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, ok := payload.(json.RawMessage)
	if !ok {
		raw = mustJSON(payload)
	}
	return s.dispatch(&delivery{Delivery: Delivery{Type: envelopeType, Payload: raw}}).EnvelopeID
}

// Redeliver sends the payload of an earlier envelope again, under the same or a
// new envelope id, and returns the id. It panics when there is no such
// envelope.
func (s *Server) Redeliver(envelopeID string, sameID bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := State{s}.Delivery(envelopeID)
	if !ok {
		panic("slackfake: no envelope " + envelopeID)
	}
	d := &delivery{Delivery: Delivery{Type: old.Type, Payload: old.Payload, User: old.User}}
	if sameID {
		d.EnvelopeID = old.EnvelopeID
	}
	return s.dispatch(d).EnvelopeID
}
