package slackfake

import (
	"slices"
	"strings"
)

// AddUser adds a user and returns it with its id.
func (s *Server) AddUser(u User) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.ID == "" {
		u.ID = s.id("U")
	}
	if u.TeamID == "" {
		u.TeamID = s.TeamID
		if u.Stranger {
			u.TeamID = "T0OTHER001"
		}
	}
	if u.RealName == "" {
		u.RealName = u.Name
	}
	if u.TZ == "" {
		u.TZ = "Europe/London"
	}
	if u.Locale == "" {
		u.Locale = "en-GB"
	}
	s.users = append(s.users, &u)
	s.changed(Change{Kind: "user", User: u.ID})
	return u
}

// SetUser changes a user, for instance to deactivate it. It panics when the id
// is unknown: the test is wrong.
func (s *Server) SetUser(id string, change func(*User)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.mustUser(id))
	s.changed(Change{Kind: "user", User: id})
}

// AddChannel adds a channel and returns it with its id. The bot is a member
// only when Members names it.
func (s *Server) AddChannel(c Channel) Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Kind == "" {
		c.Kind = Public
	}
	return *s.addChannel(c)
}

func (s *Server) addChannel(c Channel) *Channel {
	if c.ID == "" {
		c.ID = s.id(map[ChannelKind]string{Public: "C", Private: "C", DM: "D", GroupDM: "G"}[c.Kind])
	}
	c.Name = strings.TrimPrefix(c.Name, "#")
	c.Created = s.now()
	c.Members = slices.Clone(c.Members)
	s.channels = append(s.channels, &c)
	s.changed(Change{Kind: "channel", Channel: c.ID})
	return &c
}

// SetChannel changes a channel: archive it, share it, change its members. It
// panics when the id is unknown.
func (s *Server) SetChannel(id string, change func(*Channel)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channel(id)
	if c == nil {
		panic("slackfake: no channel " + id)
	}
	change(c)
	s.changed(Change{Kind: "channel", Channel: id})
}

// AddUsergroup adds a user group and returns it with its id.
func (s *Server) AddUsergroup(g Usergroup) Usergroup {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.ID == "" {
		g.ID = s.id("S")
	}
	if g.Name == "" {
		g.Name = g.Handle
	}
	g.Users = slices.Clone(g.Users)
	s.groups = append(s.groups, &g)
	return g
}

// SetUsergroup changes the members of a user group. It panics when the id is
// unknown.
func (s *Server) SetUsergroup(id string, users ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.groups, func(g *Usergroup) bool { return g.ID == id })
	if i < 0 {
		panic("slackfake: no user group " + id)
	}
	s.groups[i].Users = slices.Clone(users)
}

// DMChannel returns the id of the direct-message channel between the app and
// the user, which is opened when there is none yet.
func (s *Server) DMChannel(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustUser(user)
	return s.openDM(user).ID
}

func (s *Server) openDM(user string) *Channel {
	if c := s.findDM(user); c != nil {
		return c
	}
	return s.addChannel(Channel{Kind: DM, Members: []string{s.BotUser, user}})
}

func (s *Server) findDM(user string) *Channel {
	for _, c := range s.channels {
		if c.Kind == DM && slices.Contains(c.Members, user) {
			return c
		}
	}
	return nil
}

func (s *Server) user(id string) *User {
	for _, u := range s.users {
		if u.ID == id {
			return u
		}
	}
	return nil
}

func (s *Server) mustUser(id string) *User {
	if u := s.user(id); u != nil {
		return u
	}
	panic("slackfake: no user " + id)
}

func (s *Server) channel(id string) *Channel {
	for _, c := range s.channels {
		if c.ID == id {
			return c
		}
	}
	return nil
}

func (s *Server) channelNamed(name string) *Channel {
	name = strings.TrimPrefix(name, "#")
	for _, c := range s.channels {
		if c.Name == name && (c.Kind == Public || c.Kind == Private) {
			return c
		}
	}
	return nil
}

func (c *Channel) has(user string) bool { return slices.Contains(c.Members, user) }
