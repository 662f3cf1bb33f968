package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"
)

// envelope is a frame of Socket Mode, reduced to what is needed to answer it:
// the payload is decoded later, so that an odd one can still be acknowledged.
type envelope struct {
	Type        string          `json:"type"`
	ID          string          `json:"envelope_id"`
	Reason      string          `json:"reason"`
	Payload     json.RawMessage `json:"payload"`
	Accepts     bool            `json:"accepts_response_payload"`
	Connections int             `json:"num_connections"`
	Info        struct {
		AppID string `json:"app_id"`
	} `json:"connection_info"`
}

// person is who acted.
type person struct {
	ID     string `json:"id"`
	TeamID string `json:"team_id"`
}

// interaction is the payload of a button or a dialog. Of a message only the
// identity is read, never its text: that is what an attacker controls.
type interaction struct {
	Type        string `json:"type"`
	AppID       string `json:"api_app_id"`
	TriggerID   string `json:"trigger_id"`
	ResponseURL string `json:"response_url"`
	User        person `json:"user"`
	Team        struct {
		ID string `json:"id"`
	} `json:"team"`
	Channel struct {
		ID string `json:"id"`
	} `json:"channel"`
	Container struct {
		MessageTS string `json:"message_ts"`
		ThreadTS  string `json:"thread_ts"`
		ChannelID string `json:"channel_id"`
		ViewID    string `json:"view_id"`
		Ephemeral bool   `json:"is_ephemeral"`
	} `json:"container"`
	Actions []pressed `json:"actions"`
	View    struct {
		ID       string `json:"id"`
		Callback string `json:"callback_id"`
		Private  string `json:"private_metadata"`
		State    struct {
			Values map[string]map[string]input `json:"values"`
		} `json:"state"`
	} `json:"view"`
}

type pressed struct {
	ID       string `json:"action_id"`
	TS       string `json:"action_ts"`
	Value    string `json:"value"`
	Selected struct {
		Value string `json:"value"`
	} `json:"selected_option"`
}

type input struct {
	Value    *string          `json:"value"`
	Selected *selectedOption  `json:"selected_option"`
	Several  []selectedOption `json:"selected_options"`
	User     *string          `json:"selected_user"`
	Users    []string         `json:"selected_users"`
}

type selectedOption struct {
	Value string `json:"value"`
}

// text returns what was filled in, several choices separated by commas.
func (in input) text() (string, bool) {
	switch {
	case in.Value != nil:
		return *in.Value, true
	case in.Selected != nil:
		return in.Selected.Value, true
	case in.User != nil:
		return *in.User, true
	case len(in.Users) > 0:
		return strings.Join(in.Users, ","), true
	case len(in.Several) > 0:
		values := make([]string, len(in.Several))
		for i, o := range in.Several {
			values[i] = o.Value
		}
		return strings.Join(values, ","), true
	}
	return "", false
}

// slash is the payload of a slash command.
type slash struct {
	Command     string `json:"command"`
	Text        string `json:"text"`
	UserID      string `json:"user_id"`
	TeamID      string `json:"team_id"`
	ChannelID   string `json:"channel_id"`
	TriggerID   string `json:"trigger_id"`
	ResponseURL string `json:"response_url"`
	AppID       string `json:"api_app_id"`
}

// Why an envelope is not handed to the Handler.
var (
	errIgnored  = errors.New("nothing of ours")
	errOddShape = errors.New("malformed payload")
	errWrongApp = errors.New("payload for another app")
	errNobody   = errors.New("payload without a person")
)

// decode turns an envelope into an Action, a Command or a Submission. What is
// ours but not to be trusted is refused.
func decode(e envelope, appID string) (any, error) {
	if e.Type == "slash_commands" {
		var s slash
		if unmarshalPayload(e.Payload, &s) != nil || s.Command == "" {
			return nil, errOddShape
		}
		return Command{EnvelopeID: e.ID, Name: s.Command, Text: s.Text, User: s.UserID, Team: s.TeamID, Channel: s.ChannelID,
			TriggerID: s.TriggerID, ResponseURL: s.ResponseURL, AppID: s.AppID}, trust(appID, s.AppID, s.UserID, s.TeamID)
	}
	var i interaction
	if unmarshalPayload(e.Payload, &i) != nil {
		return nil, errOddShape
	}
	team := i.User.TeamID
	if team == "" {
		team = i.Team.ID
	}
	switch i.Type {
	case "block_actions":
		a, err := action(e.ID, i)
		if err != nil {
			return nil, err
		}
		a.Team = team
		return a, trust(appID, i.AppID, i.User.ID, team)
	case "view_submission":
		return Submission{EnvelopeID: e.ID, Callback: i.View.Callback, Private: i.View.Private, User: i.User.ID, Team: team,
			ViewID: i.View.ID, Values: values(i), TriggerID: i.TriggerID, AppID: i.AppID}, trust(appID, i.AppID, i.User.ID, team)
	}
	return nil, errIgnored
}

// unmarshalPayload decodes an object, also one that was encoded twice.
func unmarshalPayload(raw json.RawMessage, into any) error {
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '"' {
		var inner string
		if err := json.Unmarshal(raw, &inner); err != nil {
			return err
		}
		raw = bytes.TrimSpace([]byte(inner))
	}
	if len(raw) == 0 || raw[0] != '{' {
		return errOddShape
	}
	return json.Unmarshal(raw, into)
}

// action reads a pressed button. Slack sends one a time; with none or several
// it is not clear what the person meant.
func action(envelopeID string, i interaction) (Action, error) {
	if len(i.Actions) != 1 || i.Actions[0].ID == "" {
		return Action{}, errOddShape
	}
	p := i.Actions[0]
	a := Action{EnvelopeID: envelopeID, Action: actionName(p.ID), Value: p.Value, User: i.User.ID,
		Channel: i.Channel.ID, TS: i.Container.MessageTS, Thread: i.Container.ThreadTS, ViewID: i.Container.ViewID,
		Ephemeral: i.Container.Ephemeral, TriggerID: i.TriggerID, ResponseURL: i.ResponseURL, AppID: i.AppID, ActionTS: p.TS}
	if a.Channel == "" {
		a.Channel = i.Container.ChannelID
	}
	if a.Value == "" {
		a.Value = p.Selected.Value
	}
	return a, nil
}

func values(i interaction) map[string]string {
	out := make(map[string]string, len(i.View.State.Values))
	for field, inputs := range i.View.State.Values {
		for _, in := range inputs {
			if text, filled := in.text(); filled {
				out[field] = text
			}
		}
	}
	return out
}

// trust refuses what is for another app or names nobody. Whether the person
// may do it is for the Handler.
func trust(ours, app, user, team string) error {
	switch {
	case ours != "" && app != ours:
		return errWrongApp
	case !personID.MatchString(user) || team == "":
		return errNobody
	}
	return nil
}

// envelopes remembers the envelopes of the last minutes by id. Slack repeats
// some, on any of the connections; a copy is acknowledged, not handled again.
type envelopes struct {
	mu    sync.Mutex
	known map[string]*receipt
	order []string // oldest first
}

type receipt struct {
	at      time.Time
	done    bool
	payload json.RawMessage
	conns   []*conn // who waits for the acknowledgement
}

const (
	maxReceipts = 8192
	receiptTTL  = 10 * time.Minute
)

func newEnvelopes() *envelopes { return &envelopes{known: map[string]*receipt{}} }

// begin notes an envelope. It returns fresh for the first copy, done with the
// acknowledgement for one that was handled, and neither for one under way,
// which will then be acknowledged on this connection too.
func (r *envelopes) begin(id string, c *conn, now time.Time) (fresh, done bool, payload json.RawMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(now)
	if k := r.known[id]; k != nil {
		if !k.done {
			k.conns = append(k.conns, c)
		}
		return false, k.done, k.payload
	}
	r.known[id] = &receipt{at: now, conns: []*conn{c}}
	r.order = append(r.order, id)
	return true, false, nil
}

// finish notes the acknowledgement and returns the connections that wait for it.
func (r *envelopes) finish(id string, payload json.RawMessage) []*conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.known[id]
	if k == nil {
		return nil
	}
	conns := k.conns
	k.done, k.payload, k.conns = true, payload, nil
	return conns
}

// forget makes the next copy a first one, after a failure.
func (r *envelopes) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, id)
}

func (r *envelopes) expire(now time.Time) {
	for len(r.order) > 0 {
		k := r.known[r.order[0]]
		if k != nil && len(r.order) < maxReceipts && now.Sub(k.at) < receiptTTL {
			return
		}
		if k == nil || k.done || len(r.order) >= maxReceipts {
			delete(r.known, r.order[0])
		}
		r.order = r.order[1:]
	}
}
