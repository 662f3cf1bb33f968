package slackfake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Person does what a human does in the client. Its methods return an error when
// the human could not have done it: a channel they are not in, a button that
// is not there, an account that is deactivated.
type Person struct {
	s  *Server
	id string
}

// As returns the person with a user id. It panics when there is none.
func (s *Server) As(user string) Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustUser(user)
	return Person{s, user}
}

// Gesture is something a person did that the app has to answer.
type Gesture struct {
	EnvelopeID string
	s          *Server
	d          *delivery
}

// Outcome is what the person sees after a gesture.
type Outcome struct {
	Delivery
	Errors map[string]string // of a submitted dialog, by block id; the dialog stays open
	View   *View             // the modal the person now looks at, if any
	Reply  *Message          // the message in the ack of a command, if any
}

// OK says whether the person was not told of a failure.
func (o Outcome) OK() bool { return o.Acked && o.Trouble == "" }

// Wait returns when the app has acknowledged the gesture or missed the
// deadline. The error is that of the context.
func (g *Gesture) Wait(ctx context.Context) (Outcome, error) {
	var out Outcome
	err := g.s.WaitFor(ctx, func(st State) bool {
		out.Delivery = g.d.Delivery
		if !g.d.Settled() {
			return false
		}
		if v := st.s.openModal(g.d.User); v != nil {
			shown := *v
			out.View = &shown
		}
		out.Errors = g.d.errors
		if g.d.reply != nil {
			said := *g.d.reply
			out.Reply = &said
		}
		return true
	})
	return out, err
}

var (
	errDeactivated = errors.New("the account is deactivated")
	errNotMember   = errors.New("not a member of the channel")
	errNoMessage   = errors.New("no such message")
	errNoView      = errors.New("no open dialog")
)

// gesture sends an envelope of the person. Callers hold mu.
func (p Person) gesture(kind string, payload body, onAck func(*delivery, json.RawMessage) error) *Gesture {
	d := &delivery{Delivery: Delivery{Type: kind, User: p.id, Payload: mustJSON(payload)}}
	if onAck != nil {
		d.onAck = func(raw json.RawMessage) error { return onAck(d, raw) }
	}
	p.s.dispatch(d)
	return &Gesture{d.EnvelopeID, p.s, d}
}

// channel finds a conversation the person can see, by id or name.
func (p Person) channel(idOrName string) (*Channel, error) {
	c := p.s.channel(idOrName)
	if c == nil {
		c = p.s.channelNamed(idOrName)
	}
	switch u := p.s.user(p.id); {
	case u.Deleted:
		return nil, errDeactivated
	case c == nil, !c.has(p.id) && (c.Kind != Public || u.Guest || u.UltraGuest || u.TeamID != p.s.TeamID):
		return nil, fmt.Errorf("%s in %s: %w", p.id, idOrName, errNotMember)
	}
	return c, nil
}

// who is the user object of payloads.
func (p Person) who() body {
	u := p.s.user(p.id)
	return body{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": u.TeamID}
}

// payload is what all interaction payloads have.
func (p Person) payload(kind string) body {
	return body{
		"type": kind, "user": p.who(), "api_app_id": p.s.AppID, "token": "fake-verification-token",
		"team": body{"id": p.s.TeamID, "domain": p.s.set.domain}, "enterprise": nil, "is_enterprise_install": false,
	}
}

// Slash types a command in a channel, such as Slash("/ir", "list", "general").
func (p Person) Slash(command, text, channel string) (*Gesture, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	s := p.s
	c, err := p.channel(channel)
	if err != nil {
		return nil, err
	}
	if c.Archived {
		return nil, errors.New("the channel is archived")
	}
	if s.set.commands != nil && !s.set.commands[command] {
		return nil, fmt.Errorf("%s is not a valid command", command)
	}
	u := s.user(p.id)
	payload := body{
		"token": "fake-verification-token", "team_id": u.TeamID, "team_domain": s.set.domain,
		"channel_id": c.ID, "channel_name": c.payloadName(), "user_id": u.ID, "user_name": u.Name,
		"command": command, "text": strings.TrimSpace(text), "api_app_id": s.AppID, "is_enterprise_install": "false",
		"response_url": s.newHook("commands", c, p.id, nil), "trigger_id": s.newTrigger(p.id),
	}
	return p.gesture("slash_commands", payload, func(d *delivery, raw json.RawMessage) error {
		return p.commandAck(d, c, raw)
	}), nil
}

// commandAck shows the message in the ack of a command.
func (p Person) commandAck(d *delivery, c *Channel, raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "null" || string(raw) == "{}" || string(raw) == `""` {
		return nil
	}
	var in reply
	if err := json.Unmarshal(raw, &in); err != nil {
		var text string // a bare string is shown as text
		if json.Unmarshal(raw, &text) != nil {
			return fmt.Errorf("payload of the ack: %w", err)
		}
		in.Text = text
	}
	m, err := in.message()
	if err != nil {
		return blockError(err)
	}
	if !m.empty() {
		d.reply = p.s.respond(c, p.id, in, m, "ack")
	}
	return nil
}

// blockError tells what Slack found wrong, which it does not tell on an ack.
func blockError(err error) error {
	var e *apiError
	if errors.As(err, &e) && len(e.messages) > 0 {
		return fmt.Errorf("%s: %s", e.code, strings.Join(e.messages, "; "))
	}
	return err
}

// Say posts a message of the person and sends the events the app subscribed to.
func (p Person) Say(channel, text string) (Ref, error) { return p.Reply(Ref{Channel: channel}, text) }

// Reply answers in the thread of a message.
func (p Person) Reply(to Ref, text string) (Ref, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.channel(to.Channel)
	if err != nil {
		return Ref{}, err
	}
	if !c.has(p.id) {
		return Ref{}, errNotMember
	}
	if to.TS != "" && !p.s.inThread(c, to.TS) {
		return Ref{}, errNoMessage
	}
	m := p.s.store(c, Message{User: p.id, Text: text, ThreadTS: to.TS}, "person")
	p.s.announce(c, m)
	return m.Ref(), nil
}

// Join makes the person a member of a public channel.
func (p Person) Join(channel string) error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.channel(channel)
	if err != nil {
		return err
	}
	if !c.has(p.id) {
		c.Members = append(c.Members, p.id)
		p.s.changed(Change{Kind: "channel", Channel: c.ID})
		p.s.event("member_joined_channel", body{"user": p.id, "channel": c.ID, "channel_type": "C", "team": p.s.TeamID})
	}
	return nil
}

// Invite makes another user, or the bot, a member of a channel the person is in.
func (p Person) Invite(channel, user string) error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.channel(channel)
	if err != nil {
		return err
	}
	if !c.has(p.id) {
		return errNotMember
	}
	if !slices.Contains(c.Members, user) {
		c.Members = append(c.Members, user)
		p.s.changed(Change{Kind: "channel", Channel: c.ID})
	}
	return nil
}
