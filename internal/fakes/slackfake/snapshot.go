package slackfake

import (
	"cmp"
	"maps"
	"slices"
)

// Snapshot is the whole workspace in a form to be serialised as JSON, for a
// page that shows it.
type Snapshot struct {
	Seq         int               `json:"seq"` // of the last Change
	Team        string            `json:"team"`
	BotUser     string            `json:"bot_user"`
	Users       []User            `json:"users"`
	Usergroups  []Usergroup       `json:"usergroups"`
	Channels    []ChannelSnapshot `json:"channels"`
	Modals      map[string][]View `json:"modals"` // by user, the visible one last
	Homes       map[string]View   `json:"homes"`  // by user
	Connections int               `json:"connections"`
}

// ChannelSnapshot is a conversation with what is in it: ephemerals of all users
// included, deleted messages left out.
type ChannelSnapshot struct {
	Channel
	Messages []Message `json:"messages"`
	Canvas   *Canvas   `json:"canvas,omitempty"`
	Files    []File    `json:"files,omitempty"`
}

// Snapshot returns the workspace as it is now, with at most the newest last
// messages of each channel (all when last is 0).
func (s *Server) Snapshot(last int) Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Snapshot{
		Seq: s.seq, Team: s.set.team, BotUser: s.BotUser, Connections: len(s.sock.open),
		Users: []User{}, Usergroups: []Usergroup{}, Channels: []ChannelSnapshot{},
		Modals: map[string][]View{}, Homes: map[string]View{},
	}
	for _, u := range s.users {
		out.Users = append(out.Users, *u)
	}
	for _, g := range s.groups {
		group := *g
		group.Users = slices.Clone(g.Users)
		out.Usergroups = append(out.Usergroups, group)
	}
	for _, c := range s.channels {
		out.Channels = append(out.Channels, s.snapshotChannel(c, last))
	}
	for user := range maps.Keys(s.stacks) {
		if views := (State{s}).Views(user); len(views) > 0 {
			out.Modals[user] = views
		}
	}
	for user, id := range s.homes {
		out.Homes[user] = *s.views[id]
	}
	slices.SortFunc(out.Channels, func(a, b ChannelSnapshot) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return out
}

func (s *Server) snapshotChannel(c *Channel, last int) ChannelSnapshot {
	out := ChannelSnapshot{Channel: *c, Messages: []Message{}}
	out.Members, out.Pins, out.Files = slices.Clone(c.Members), slices.Clone(c.Pins), (State{s}).Files(c.ID)
	if v, ok := (State{s}).Canvas(c.ID); ok {
		out.Canvas = &v
	}
	list := s.messages[c.ID]
	if last > 0 && len(list) > last {
		list = list[len(list)-last:]
	}
	for _, m := range list {
		if !m.Deleted {
			out.Messages = append(out.Messages, *m)
		}
	}
	return out
}
