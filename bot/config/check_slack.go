package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

var (
	channelID = regexp.MustCompile(`^[CG][A-Z0-9]{6,20}$`)
	userID    = regexp.MustCompile(`^[UW][A-Z0-9]{2,20}$`)
	groupID   = regexp.MustCompile(`^S[A-Z0-9]{2,20}$`)
	slashName = regexp.MustCompile(`^/[a-z0-9_-]{1,31}$`)
	hostName  = regexp.MustCompile(`^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$`)
)

func (d *document) checkSlack(s Slack) {
	d.required("slack.app_token", s.AppToken.Configured(), "it is the token of the app itself (xapp-…, with the scope connections:write)")
	d.required("slack.bot_token", s.BotToken.Configured(), "it is the token of the installed bot (xoxb-…)")
	d.slackToken(s.AppToken, "app_token", "xapp-")
	d.slackToken(s.BotToken, "bot_token", "xoxb-")
	if u, ok := d.endpoint("slack.api_url", s.APIURL); ok && !strings.HasSuffix(u.Path, "/") {
		d.wrong("slack.api_url", "slack.api_url ends in a slash, such as https://slack.com/api/")
	}
	if !slashName.MatchString(s.Command) && !d.failed("slack.command") {
		d.wrong("slack.command", "slack.command is a slash and at most 31 of a-z, 0-9, - and _, not %s", show(s.Command))
	}
	between(d, "slack.connections", s.Connections, 1, 4)
	d.each("slack.link_hosts", s.LinkHosts, hostName, "a host name without https://, such as wiki.corp.example or *.corp.example")
	p := s.Posting
	d.span("slack.posting.channel_interval", p.ChannelInterval, 0, time.Minute)
	between(d, "slack.posting.channel_burst", p.ChannelBurst, 1, 1000)
	between(d, "slack.posting.per_second", p.PerSecond, 0.1, 10_000)
	between(d, "slack.posting.burst", p.Burst, 1, 1000)
}

// tokenKinds are Slack's tokens by how they begin.
var tokenKinds = []struct{ prefix, name string }{
	{"xapp-", "an app-level token"}, {"xoxb-", "a bot token"}, {"xoxp-", "a user token"},
	{"xoxe", "a token that expires (token rotation is on for this app; switch it off)"},
	{"xoxa-", "a token of a workspace app"}, {"xoxc-", "a token of a browser session"}, {"xoxs-", "a token of a session"},
}

// slackToken recognises a token of the wrong kind, whether it is here already or
// still in AWS, without repeating it.
func (d *document) slackToken(s Secret, setting, prefix string) {
	if !s.Configured() {
		return
	}
	s.held().validate = func(value string) error {
		if strings.HasPrefix(value, prefix) {
			return nil
		}
		wanted, got := "", "something that is no Slack token"
		for _, k := range tokenKinds {
			if k.prefix == prefix {
				wanted = k.name
			}
			if strings.HasPrefix(value, k.prefix) {
				got = k.name
			}
		}
		return fmt.Errorf("it needs %s (%s…), but the reference holds %s", wanted, prefix, got)
	}
	d.validate(s)
}

// validate applies the check of a secret that is known already.
func (d *document) validate(s Secret) {
	if !s.held().known || s.held().validate == nil {
		return
	}
	if err := s.held().validate(s.held().value); err != nil {
		d.problems = append(d.problems, s.held().ref.problem("%s: %v", s.held().ref.path, err))
	}
}

func (d *document) checkChannels(c Channels) {
	d.required("channels.security", c.Security != "", "it is the id (C…) of the channel where cases are told")
	for _, ch := range []struct{ path, id string }{
		{"channels.security", c.Security}, {"channels.announcements", c.Announcements}, {"channels.fallback", c.Fallback},
	} {
		if d.set(ch.path) && !channelID.MatchString(ch.id) && !d.failed(ch.path) {
			d.wrong(ch.path, "%s is a channel's id (C…, at the bottom of its details in Slack), not %s", ch.path, show(ch.id))
		}
	}
}
