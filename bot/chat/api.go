package chat

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/message"
)

// Config says where Slack is and how fast the bot may speak. The zero value of
// every field but the two tokens has a sensible meaning.
type Config struct {
	AppToken string // app-level token (xapp-…) with connections:write
	BotToken string // bot token (xoxb-…)
	APIURL   string // base address of the Web API; empty means https://slack.com/api/

	Connections int // Socket Mode connections, 1 to 3; 0 means 2
	// ExpectedConnections is how many connections all replicas together should
	// have; more are logged as a warning. 0 means that only closeness to Slack's
	// limit of 10 is.
	ExpectedConnections int
	LinkHosts           []string // hosts links may point to, besides the AWS console; "*.example.com" admits every subdomain
	Own                 Own      // names that are shown as they are

	ChannelInterval time.Duration // time between two posts into one channel; 0 means 1 s
	ChannelBurst    int           // posts a quiet channel takes at once; 0 means 1
	PostsPerSecond  float64       // posts into all channels together; 0 means 5
	PostBurst       int           // posts a quiet workspace takes at once; 0 means 10

	RequestTimeout time.Duration // one Web API request; 0 means 10 s
	LookupTTL      time.Duration // how long users and groups are remembered; 0 means 1 min, negative not at all
	Workers        int           // envelopes handled at the same time; 0 means 16
	DrainTimeout   time.Duration // how long Run waits for work under way when its context ends; 0 means 5 s

	Timing Timing // for tests; the zero value is right
}

// Ref names a posted message. Channel is always a conversation id, also for a
// direct message.
type Ref struct {
	Channel, TS string
}

// User is what the bot needs to know of a person in chat. Email is empty when
// the workspace hides it.
type User struct {
	ID, TeamID, Email, Name, TZ string

	Bot      bool // a bot, app or workflow
	Deleted  bool // deactivated
	Guest    bool // single- or multi-channel guest
	Stranger bool // of another organisation (Slack Connect)
}

// Handler receives what people do. It is called before the acknowledgement,
// with a context that ends 2.4 s after receipt, and must have made durable
// whatever must not be lost when it returns nil. After an error nothing is
// acknowledged and Slack tells the person that it did not work. The same
// envelope may reach two replicas, or one replica twice with another envelope
// id: implementations are idempotent. Whether the person may do this is for
// the Handler to decide.
type Handler interface {
	Action(ctx context.Context, a Action) (Reply, error)
	Command(ctx context.Context, c Command) (Reply, error)
	Submit(ctx context.Context, s Submission) (Reply, error)
}

// Action is a pressed button.
type Action struct {
	EnvelopeID  string
	Action      string // the Action of the message.Button
	Value       string // its Value
	User        string // who pressed
	Team        string // the workspace of who pressed
	Channel     string
	TS          string // the message the button is in; empty when it is in a modal
	Thread      string // the thread the message is in, if any
	ViewID      string // the modal the button is in, if any
	Ephemeral   bool   // the message is visible to this person alone
	TriggerID   string // opens a modal within 3 s, once
	ResponseURL string
	AppID       string
	ActionTS    string // when it was pressed, in Slack's notation
}

// Command is a slash command.
type Command struct {
	EnvelopeID  string
	Name        string // with the slash: "/ir"
	Text        string
	User        string
	Team        string
	Channel     string
	TriggerID   string
	ResponseURL string
	AppID       string
}

// Submission is a submitted modal. Values are by the id of the input field; where
// several options or people were chosen they stand in one value with commas
// between them. A field left empty is missing.
type Submission struct {
	EnvelopeID string
	Callback   string
	Private    string
	User       string
	Team       string
	ViewID     string
	Values     map[string]string
	TriggerID  string
	AppID      string
}

// Reply is what the person is told, privately, after the acknowledgement or
// in it.
type Reply struct {
	Message *message.Message      // shown to the person alone: in the answer of a command, as an ephemeral message after a button, in the dialog after a submission
	Errors  map[string]string     // submissions only: what is wrong, by the id of the input field; the dialog stays open
	Modal   *message.Modal        // opened with the trigger; after a submission it takes the place of the dialog
	After   func(context.Context) // run after the acknowledgement
}

// Timing holds the clocks of the supervisor. Zero fields mean the values in
// parentheses. Tests shorten them; nobody else should.
type Timing struct {
	Handle       time.Duration // from receipt to the end of the Handler's context (2.4 s)
	Write        time.Duration // one write to the socket (2 s)
	Hello        time.Duration // from dialling to Slack's hello (10 s)
	Ping         time.Duration // between our pings (10 s)
	Silence      time.Duration // without any inbound frame until a socket counts as dead (35 s)
	Overlap      time.Duration // how long a socket is still read when its successor is up (5 s)
	Spacing      time.Duration // between two connection attempts in good times (1 s)
	Crowded      time.Duration // between two attempts after too_many_websockets or a short-lived connection (10 s)
	MaxBackoff   time.Duration // the longest wait after failures in a row (2 min)
	Refused      time.Duration // between attempts after a refused token or link_disabled (5 min)
	ShortLived   time.Duration // a connection that ends sooner counts as a failure (30 s)
	AfterTimeout time.Duration // bound of Reply.After and of replies sent after the acknowledgement (30 s)
	MethodBurst  int           // calls of any one method at once; less than its tier tolerates changes nothing
}

func (c Config) withDefaults() (Config, error) {
	if c.AppToken == "" || c.BotToken == "" {
		return c, errors.New("chat: app token and bot token are both needed")
	}
	if strings.HasPrefix(c.AppToken, "xoxb-") || strings.HasPrefix(c.BotToken, "xapp-") {
		return c, errors.New("chat: app token and bot token are swapped")
	}
	setDefault(&c.APIURL, "https://slack.com/api/")
	if !strings.HasSuffix(c.APIURL, "/") {
		c.APIURL += "/"
	}
	u, err := url.Parse(c.APIURL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.User != nil {
		return c, errors.New("chat: the API address must be an http(s) URL without credentials")
	}
	setDefault(&c.Connections, 2)
	if c.Connections < 1 || c.Connections > 3 {
		return c, fmt.Errorf("chat: %d connections, want 1 to 3", c.Connections)
	}
	setDefault(&c.ChannelInterval, time.Second)
	setDefault(&c.ChannelBurst, 1)
	setDefault(&c.PostsPerSecond, 5)
	setDefault(&c.PostBurst, 10)
	setDefault(&c.RequestTimeout, 10*time.Second)
	setDefault(&c.LookupTTL, time.Minute)
	setDefault(&c.Workers, 16)
	setDefault(&c.DrainTimeout, 5*time.Second)
	if c.ChannelInterval < 0 || c.ChannelBurst < 0 || c.PostsPerSecond < 0 || c.PostBurst < 0 ||
		c.RequestTimeout < 0 || c.Workers < 0 || c.DrainTimeout < 0 {
		return c, errors.New("chat: negative limits make no sense")
	}
	c.Timing = c.Timing.withDefaults()
	return c, nil
}

func (t Timing) withDefaults() Timing {
	setDefault(&t.Handle, 2400*time.Millisecond)
	setDefault(&t.Write, 2*time.Second)
	setDefault(&t.Hello, 10*time.Second)
	setDefault(&t.Ping, 10*time.Second)
	setDefault(&t.Silence, 35*time.Second)
	setDefault(&t.Overlap, 5*time.Second)
	setDefault(&t.Spacing, time.Second)
	setDefault(&t.Crowded, 10*time.Second)
	setDefault(&t.MaxBackoff, 2*time.Minute)
	setDefault(&t.Refused, 5*time.Minute)
	setDefault(&t.ShortLived, 30*time.Second)
	setDefault(&t.AfterTimeout, 30*time.Second)
	return t
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
