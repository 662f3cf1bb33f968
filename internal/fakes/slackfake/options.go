package slackfake

import (
	"log/slog"
	"time"
)

// Option changes how a server is built.
type Option func(*settings)

type settings struct {
	clock        func() time.Time
	pingEvery    time.Duration
	ackDeadline  time.Duration
	triggerLife  time.Duration
	warning      time.Duration
	retryDelays  []time.Duration
	foreignAcks  bool
	unarchive    bool
	maxSockets   int
	events       map[string]bool
	scopes       []string
	team, domain string
	commands     map[string]bool
	log          *slog.Logger
	addr         string
}

func defaults() settings {
	return settings{
		clock:       time.Now,
		pingEvery:   5 * time.Second,
		ackDeadline: 3 * time.Second,
		triggerLife: triggerLife,
		warning:     10 * time.Second,
		retryDelays: []time.Duration{0, time.Minute, 5 * time.Minute},
		maxSockets:  10,
		events:      map[string]bool{},
		scopes:      BotScopes(),
		team:        "Corp Example",
		domain:      "corp-example",
		log:         slog.New(slog.DiscardHandler),
		addr:        "127.0.0.1:0",
	}
}

// BotScopes returns the scopes the bot token has unless [WithScopes] says
// otherwise: those of the methods this package knows, without
// chat:write.public, so that a bot has to be invited before it posts.
func BotScopes() []string {
	return []string{
		"canvases:write", "channels:history", "channels:manage", "channels:read", "chat:write", "commands", "files:write",
		"groups:history", "groups:read", "groups:write", "im:history", "im:read", "im:write",
		"mpim:history", "mpim:read", "mpim:write", "pins:write",
		"usergroups:read", "users:read", "users:read.email",
	}
}

// WithClock makes the server read time from now. It is used for message
// timestamps, the life of trigger ids and response URLs, and rate limits; with
// a clock that stands still a rate limit never refills. Ack deadlines, retries
// and pings run on real timers.
func WithClock(now func() time.Time) Option { return func(s *settings) { s.clock = now } }

// WithPing sets how often a connection is pinged (default 5 s); 0 never pings.
func WithPing(every time.Duration) Option { return func(s *settings) { s.pingEvery = every } }

// WithAckDeadline sets how long the app has to acknowledge (Slack: 3 s).
func WithAckDeadline(d time.Duration) Option { return func(s *settings) { s.ackDeadline = d } }

// WithTriggerLife sets how long a trigger id opens a view (Slack: 3 s).
func WithTriggerLife(d time.Duration) Option { return func(s *settings) { s.triggerLife = d } }

// WithWarning sets how long after a "warning" the connection is closed
// (Slack: about 10 s).
func WithWarning(d time.Duration) Option { return func(s *settings) { s.warning = d } }

// WithEventRetries sets the delays before an unacknowledged event is sent
// again (Slack: at once, after 1 minute, after 5 minutes).
func WithEventRetries(delays ...time.Duration) Option {
	return func(s *settings) { s.retryDelays = delays }
}

// WithForeignAcks honours an ack that arrives on another connection than the
// one the envelope was sent on. Slack does not document what it does with
// those, so by default they do not count.
func WithForeignAcks() Option { return func(s *settings) { s.foreignAcks = true } }

// WithEvents subscribes the app to event types ("app_mention", "message",
// "member_joined_channel", "user_change" …). By default it gets none.
func WithEvents(types ...string) Option {
	return func(s *settings) {
		for _, t := range types {
			s.events[t] = true
		}
	}
}

// WithCommands registers the slash commands of the app; when it is not used
// every command is taken to be the app's.
func WithCommands(names ...string) Option {
	return func(s *settings) {
		s.commands = map[string]bool{}
		for _, n := range names {
			s.commands[n] = true
		}
	}
}

// WithScopes replaces the scopes of the bot token.
func WithScopes(scopes ...string) Option { return func(s *settings) { s.scopes = scopes } }

// WithUnarchive lets the bot open archived channels again, which Slack says it
// will not let apps do "currently".
func WithUnarchive() Option { return func(s *settings) { s.unarchive = true } }

// WithTeam sets the name and the domain of the workspace.
func WithTeam(name, domain string) Option {
	return func(s *settings) { s.team, s.domain = name, domain }
}

// WithLog writes a line for every refused call and every connection.
func WithLog(l *slog.Logger) Option { return func(s *settings) { s.log = l } }

// WithAddr listens on addr (host:port) instead of a free port of 127.0.0.1.
func WithAddr(addr string) Option { return func(s *settings) { s.addr = addr } }
