package config

import (
	"path/filepath"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/enrich"
)

// Config is a whole, checked configuration. Every setting not in the file has
// its default; deploy/securitybot.example.yaml explains them one by one.
type Config struct {
	Slack     Slack     `yaml:"slack"`
	Channels  Channels  `yaml:"channels"`
	SQS       SQS       `yaml:"sqs"`
	Redis     Redis     `yaml:"redis"`
	PagerDuty PagerDuty `yaml:"pagerduty"`
	TheHive   TheHive   `yaml:"thehive"`
	// OnCallMention is the Slack user group (S…) or user (U…) mentioned in the
	// fallback channel when PagerDuty accepts no page.
	OnCallMention string `yaml:"on_call_mention"`
	Access        Access `yaml:"access"`
	// Enrich says who is who. Without a catch-all, the security channel is it.
	Enrich    enrich.Config `yaml:"enrich"`
	Policy    string        `yaml:"policy"` // path of the policy; empty is the one built in
	Inquiries Inquiries     `yaml:"inquiries"`
	MFA       MFA           `yaml:"mfa"`
	AWSIR     AWSIR         `yaml:"aws_ir"`
	NLBMap    NLBMap        `yaml:"nlb_map"`
	Sweep     Sweep         `yaml:"sweep"`
	Incidents Incidents     `yaml:"incidents"`
	Lookups   Lookups       `yaml:"lookups"`
	HTTP      HTTP          `yaml:"http"`
	Log       Log           `yaml:"log"`
	Archive   Archive       `yaml:"archive"`
	Audit     Audit         `yaml:"audit"`

	// Warnings are things that work but are probably not meant.
	Warnings Problems `yaml:"-"`

	file    string
	secrets []Secret
}

// Slack is the chat side.
type Slack struct {
	AppToken    Secret   `yaml:"app_token"`   // xapp-…, opens the sockets
	BotToken    Secret   `yaml:"bot_token"`   // xoxb-…, speaks
	APIURL      string   `yaml:"api_url"`     // another end than Slack's, for private endpoints and tests; ends in "/"
	Command     string   `yaml:"command"`     // the slash command
	Connections int      `yaml:"connections"` // sockets per process
	LinkHosts   []string `yaml:"link_hosts"`  // hosts that messages may link to
	Posting     Posting  `yaml:"posting"`
}

// Posting is how fast the bot speaks. Slack takes about one message a second
// in a channel and some hundred a minute in a workspace.
type Posting struct {
	ChannelInterval time.Duration `yaml:"channel_interval"` // between messages in one channel
	ChannelBurst    int           `yaml:"channel_burst"`
	PerSecond       float64       `yaml:"per_second"` // in the whole workspace
	Burst           int           `yaml:"burst"`
}

// Channels are ids of channels (C… or G…) the bot is a member of.
type Channels struct {
	Security      string `yaml:"security"`      // where cases are told and escalated
	Announcements string `yaml:"announcements"` // GuardDuty's own news; default: security
	Fallback      string `yaml:"fallback"`      // where the on-call is mentioned when paging fails; default: security
}

// SQS is where findings come from.
type SQS struct {
	Queues     []Queue       `yaml:"queues"`
	Workers    int           `yaml:"workers"`    // receivers per queue
	Visibility time.Duration `yaml:"visibility"` // how long a received message is hidden from others
	Wait       time.Duration `yaml:"wait"`       // long polling, at most 20s
}

// Queue is one queue and what may come out of it. An empty list allows
// everything of its kind.
type Queue struct {
	URL       string   `yaml:"url"`
	Region    string   `yaml:"region"`     // default: from the URL
	VerifySNS bool     `yaml:"verify_sns"` // accept only messages that SNS signed; needs raw delivery off
	Accounts  []string `yaml:"accounts"`   // 12 digits each
	Regions   []string `yaml:"regions"`
	Topics    []string `yaml:"topics"` // ARNs of SNS topics
}

// Redis is the only store.
type Redis struct {
	Addrs          []string      `yaml:"addrs"`           // host:port; several are a Cluster, or the Sentinels
	SentinelMaster string        `yaml:"sentinel_master"` // makes addrs the Sentinels
	Username       string        `yaml:"username"`
	Password       Secret        `yaml:"password"`
	TLS            bool          `yaml:"tls"`
	DB             int           `yaml:"db"`
	Prefix         string        `yaml:"prefix"`       // of every key
	Durability     string        `yaml:"durability"`   // local, replicated or fsynced: what a commit waits for
	Strict         bool          `yaml:"strict"`       // refuse to start when a crash could lose anything
	Replicas       int           `yaml:"replicas"`     // that a replicated commit waits for
	DialTimeout    time.Duration `yaml:"dial_timeout"` // to connect
}

// PagerDuty is who wakes people.
type PagerDuty struct {
	EventsURL          string        `yaml:"events_url"` // another end than PagerDuty's, for tests
	RoutingKey         Secret        `yaml:"routing_key"`
	FallbackRoutingKey Secret        `yaml:"fallback_routing_key"`
	FallbackAfter      time.Duration `yaml:"fallback_after"` // without acceptance, the fallback is used too
	// EventsPerMinute is how many events a minute each key is given; PagerDuty
	// takes about 120 (developer documentation, "Events API rate limits").
	EventsPerMinute int `yaml:"events_per_minute"`

	// APIURL, APIToken and EscalationPolicies are for telling people who is on
	// call; see pagerduty_api.go.
	APIURL             string   `yaml:"api_url"`
	APIToken           Secret   `yaml:"api_token"`
	EscalationPolicies []string `yaml:"escalation_policies"`
}

// Inquiries changes how long people are waited for.
type Inquiries struct {
	Zone string `yaml:"zone"` // company time zone, for people whose own is not known
	// Timeouts replaces the wait for an answer, by severity, where the policy's
	// rule names none. Low and medium count working or waking hours only.
	Timeouts map[findings.Level]time.Duration `yaml:"timeouts"`
	// MaxOpen is how many questions one person has open at most.
	MaxOpen int `yaml:"max_open"`
}

// HTTP is the small server for probes and metrics.
type HTTP struct {
	Addr string `yaml:"addr"` // empty switches it off
}

// Log is what goes to standard error.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // text or json
}

// Archive keeps every decision with the facts it was made on, for reports and
// for trying a new policy on old findings.
type Archive struct {
	Dir string `yaml:"dir"` // empty switches it off
}

// Default returns the configuration that an empty file would mean. It is not
// complete: Slack, queues, Redis and PagerDuty have to be named.
func Default() *Config {
	return &Config{
		Slack: Slack{
			Command: "/ir", Connections: 2,
			Posting: Posting{ChannelInterval: time.Second, ChannelBurst: 3, PerSecond: 5, Burst: 20},
		},
		SQS:       SQS{Workers: 2, Visibility: 2 * time.Minute, Wait: 20 * time.Second},
		Redis:     Redis{Prefix: "sb", Durability: "local", DialTimeout: 5 * time.Second},
		TheHive:   defaultTheHive(),
		PagerDuty: PagerDuty{FallbackAfter: 5 * time.Minute, EventsPerMinute: 120},
		Inquiries: Inquiries{Zone: "UTC", MaxOpen: 3},
		MFA:       defaultMFA(),
		NLBMap:    NLBMap{Every: 15 * time.Minute, Fresh: 45 * time.Minute, ListenerPorts: []int{80, 443}},
		AWSIR: AWSIR{CollectPerHour: 40, CollectAgainAfter: time.Hour, Roles: AWSRoles{Read: "securitybot-read", Acquire: "securitybot-acquire",
			Contain: "securitybot-contain", Release: "securitybot-release"}},
		Incidents: defaultIncidents(),
		Sweep:     defaultSweep(),

		HTTP:  HTTP{Addr: "127.0.0.1:9090"},
		Log:   Log{Level: "info", Format: "text"},
		Audit: Audit{CheckpointEvery: 10 * time.Minute},
	}
}

// complete fills in the defaults that follow from other settings. dir is where
// relative paths start.
func (c *Config) complete(dir string) {
	if c.Channels.Announcements == "" {
		c.Channels.Announcements = c.Channels.Security
	}
	if c.Channels.Fallback == "" {
		c.Channels.Fallback = c.Channels.Security
	}
	if c.Enrich.CatchAll == (enrich.Contact{}) {
		c.Enrich.CatchAll.Channel = c.Channels.Security
	}
	if len(c.Incidents.Groups) == 0 {
		c.Incidents.Groups = c.Access.Responders.Groups
	}
	for i := range c.SQS.Queues {
		q := &c.SQS.Queues[i]
		if region, ok := queueRegion(q.URL); ok && q.Region == "" {
			q.Region = region
		}
	}
	for _, p := range []*string{&c.Policy, &c.Archive.Dir, &c.Audit.Checkpoints, &c.Lookups.CacheDir} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}
