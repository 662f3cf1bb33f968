package slackfake

import (
	"slices"
)

// State reads the workspace while it stands still. It is only valid inside the
// function it was given to.
type State struct{ s *Server }

// Messages returns what is in a channel, oldest first: without deleted
// messages and without ephemerals.
func (st State) Messages(channel string) []Message {
	var out []Message
	for _, m := range st.s.messages[channel] {
		if !m.Deleted && m.EphemeralTo == "" {
			out = append(out, *m)
		}
	}
	return out
}

// Message returns one message, deleted and ephemeral ones included.
func (st State) Message(ref Ref) (Message, bool) {
	if m := st.s.byRef[ref]; m != nil {
		return *m, true
	}
	return Message{}, false
}

// Thread returns the replies to a message, oldest first, without the message.
func (st State) Thread(channel, ts string) []Message {
	return slices.DeleteFunc(st.Messages(channel), func(m Message) bool { return m.ThreadTS != ts || m.TS == ts })
}

// DM returns what is in the direct-message channel of the app and the user.
func (st State) DM(user string) []Message {
	if c := st.s.findDM(user); c != nil {
		return st.Messages(c.ID)
	}
	return nil
}

// Ephemerals returns what only this user can see, in all channels.
func (st State) Ephemerals(user string) []Message {
	var out []Message
	for _, c := range st.s.channels {
		for _, m := range st.s.messages[c.ID] {
			if m.EphemeralTo == user && !m.Deleted {
				out = append(out, *m)
			}
		}
	}
	return out
}

// Views returns the user's open modals, the visible one last.
func (st State) Views(user string) []View {
	var out []View
	for _, id := range st.s.stacks[user] {
		out = append(out, *st.s.views[id])
	}
	return out
}

// Asks reports whether the dialog the user looks at has an input for each value,
// keyed by block id. What was open before may still be there.
func (st State) Asks(user string, values map[string]string) bool {
	v := st.s.openModal(user)
	if v == nil {
		return false
	}
	has := map[string]bool{}
	for _, in := range v.inputs() {
		has[in.Block] = true
	}
	for block := range values {
		if !has[block] {
			return false
		}
	}
	return true
}

// Home returns the home tab last published for the user.
func (st State) Home(user string) (View, bool) {
	if v := st.s.views[st.s.homes[user]]; v != nil {
		return *v, true
	}
	return View{}, false
}

// Channel returns a conversation by id or name.
func (st State) Channel(idOrName string) (Channel, bool) {
	c := st.s.channel(idOrName)
	if c == nil {
		c = st.s.channelNamed(idOrName)
	}
	if c == nil {
		return Channel{}, false
	}
	out := *c
	out.Members, out.Pins = slices.Clone(c.Members), slices.Clone(c.Pins)
	return out, true
}

// Channels returns all conversations, in the order they were made.
func (st State) Channels() []Channel {
	var out []Channel
	for _, c := range st.s.channels {
		one, _ := st.Channel(c.ID)
		out = append(out, one)
	}
	return out
}

// Calls returns the Web API calls so far, of one method or of all when it is "".
// The result must not be changed.
func (st State) Calls(method string) []Call {
	if method == "" {
		return st.s.calls[:len(st.s.calls):len(st.s.calls)]
	}
	var out []Call
	for _, c := range st.s.calls {
		if c.Method == method {
			out = append(out, c)
		}
	}
	return out
}

// app returns the messages of the app in a channel, or in all when it is "", in
// the order they were posted.
func (st State) app(channel string) []*Message {
	if channel == "" {
		return st.s.posted
	}
	var out []*Message
	for _, m := range st.s.posted {
		if m.Channel == channel {
			out = append(out, m)
		}
	}
	return out
}

func read[T any](s *Server, f func(State) T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f(State{s})
}

// Messages is [State.Messages] at this moment.
func (s *Server) Messages(channel string) []Message {
	return read(s, func(st State) []Message { return st.Messages(channel) })
}

// Message is [State.Message] at this moment.
func (s *Server) Message(ref Ref) (m Message, ok bool) {
	s.Look(func(st State) { m, ok = st.Message(ref) })
	return m, ok
}

// Thread is [State.Thread] at this moment.
func (s *Server) Thread(channel, ts string) []Message {
	return read(s, func(st State) []Message { return st.Thread(channel, ts) })
}

// DM is [State.DM] at this moment.
func (s *Server) DM(user string) []Message {
	return read(s, func(st State) []Message { return st.DM(user) })
}

// Ephemerals is [State.Ephemerals] at this moment.
func (s *Server) Ephemerals(user string) []Message {
	return read(s, func(st State) []Message { return st.Ephemerals(user) })
}

// Views is [State.Views] at this moment.
func (s *Server) Views(user string) []View {
	return read(s, func(st State) []View { return st.Views(user) })
}

// Home is [State.Home] at this moment.
func (s *Server) Home(user string) (v View, ok bool) {
	s.Look(func(st State) { v, ok = st.Home(user) })
	return v, ok
}

// Channel is [State.Channel] at this moment.
func (s *Server) Channel(idOrName string) (c Channel, ok bool) {
	s.Look(func(st State) { c, ok = st.Channel(idOrName) })
	return c, ok
}

// Calls is [State.Calls] at this moment.
func (s *Server) Calls(method string) []Call {
	return read(s, func(st State) []Call { return st.Calls(method) })
}

// Troubles is [State.Troubles] at this moment.
func (s *Server) Troubles() []Delivery {
	return read(s, func(st State) []Delivery { return st.Troubles() })
}

// Deliveries is [State.Deliveries] at this moment.
func (s *Server) Deliveries() []Delivery {
	return read(s, func(st State) []Delivery { return st.Deliveries() })
}

// Connections is [State.Connections] at this moment.
func (s *Server) Connections() []Connection {
	return read(s, func(st State) []Connection { return st.Connections() })
}
