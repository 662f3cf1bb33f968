package config

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a container has no zone files

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/enrich"
)

var (
	prefixName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)
	pagingKey  = regexp.MustCompile(`^[A-Za-z0-9]{32}$`)
)

func (d *document) checkRedis(r Redis) {
	if len(r.Addrs) == 0 && !d.failed("redis.addrs") {
		d.wrong("redis.addrs", "redis.addrs names no server; give host:port, or several for a Cluster or Sentinels")
	}
	for i, addr := range r.Addrs {
		if item := fmt.Sprintf("redis.addrs[%d]", i); !d.failed(item) {
			d.hostPort(item, addr)
		}
	}
	d.unique("redis.addrs", r.Addrs)
	between(d, "redis.db", r.DB, 0, 15)
	if r.DB != 0 && len(r.Addrs) > 1 && r.SentinelMaster == "" {
		d.wrong("redis.db", "redis.db: a Cluster has only database 0; remove this line")
	}
	if !prefixName.MatchString(r.Prefix) && !d.failed("redis.prefix") {
		d.wrong("redis.prefix", "redis.prefix is at most 32 of a-z, 0-9, - and _, not %s", show(r.Prefix))
	}
	d.oneOf("redis.durability", r.Durability, "local", "replicated", "fsynced")
	between(d, "redis.replicas", r.Replicas, 0, 5)
	if r.Durability == "replicated" && r.Replicas == 0 && !d.failed("redis.replicas") {
		d.wrong("redis.replicas", "redis.replicas is how many replicas a commit waits for; with durability: replicated give at least 1")
	}
	if r.Password.Configured() && !r.TLS && !slices.ContainsFunc(r.Addrs, onThisMachine) {
		d.warn("redis.password", "redis.password goes over the network unencrypted; set redis.tls: true")
	}
	d.span("redis.dial_timeout", r.DialTimeout, 100*time.Millisecond, time.Minute)
	if r.Username != "" && !r.Password.Configured() {
		d.wrong("redis.username", "redis.username without redis.password; give both or none")
	}
}

func onThisMachine(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && loopback(host)
}

func (d *document) checkPaging(c *Config) {
	p := c.PagerDuty
	d.required("pagerduty.routing_key", p.RoutingKey.Configured(), "it is the integration key (Events API v2) of the service that wakes the on-call")
	d.endpoint("pagerduty.events_url", p.EventsURL)
	for _, s := range []Secret{p.RoutingKey, p.FallbackRoutingKey} {
		d.routingKey(s)
	}
	if p.RoutingKey.Reveal() != "" && p.RoutingKey.Reveal() == p.FallbackRoutingKey.Reveal() {
		d.wrong("pagerduty.fallback_routing_key", "pagerduty.fallback_routing_key is the same key as routing_key; use another service, or leave it out")
	}
	d.span("pagerduty.fallback_after", p.FallbackAfter, 30*time.Second, time.Hour)
	between(d, "pagerduty.events_per_minute", p.EventsPerMinute, 10, 1_000_000)
	mention := c.OnCallMention
	if mention != "" && !groupID.MatchString(mention) && !userID.MatchString(mention) && !d.failed("on_call_mention") {
		d.wrong("on_call_mention", "on_call_mention is the id of a user group (S…) or user (U…), not %s", show(mention))
	}
	if mention == "" && !p.FallbackRoutingKey.Configured() {
		d.warn("pagerduty", "no on_call_mention and no pagerduty.fallback_routing_key: when PagerDuty takes no page, nobody is called by name")
	}
}

// routingKey warns of keys that PagerDuty would refuse: a key of another kind
// (an API key has 20 characters) is the usual mistake.
func (d *document) routingKey(s Secret) {
	if !s.Configured() {
		return
	}
	s.held().validate = func(value string) error {
		if tokenShape.MatchString(value) {
			return errors.New("the reference holds a Slack token, not a key of PagerDuty")
		}
		return nil
	}
	d.validate(s)
	if value := s.Reveal(); value != "" && !pagingKey.MatchString(value) {
		p := s.held().ref.problem("%s: keys of the Events API v2 have 32 letters and digits, this one does not; is it a key of another kind?", s.held().ref.path)
		d.warnings = append(d.warnings, p)
	}
}

var tokenShape = regexp.MustCompile(`^x(ox[a-z]|app)-`)

func (d *document) checkInquiries(q Inquiries) {
	if _, err := time.LoadLocation(q.Zone); (err != nil || q.Zone == "Local" || q.Zone == "") && !d.failed("inquiries.zone") {
		d.wrong("inquiries.zone", "inquiries.zone is a time zone such as Europe/Berlin or UTC, not %s", show(q.Zone))
	}
	levels := []findings.Level{findings.Low, findings.Medium, findings.High}
	for level, t := range q.Timeouts {
		path := "inquiries.timeouts." + string(level)
		switch {
		case level == findings.Critical:
			d.wrong(path, "%s: a critical finding pages at once, there is nothing to wait for; remove this line", path)
		case !slices.Contains(levels, level):
			d.wrong(path, "unknown key %s in inquiries.timeouts; known here: low, medium, high", show(string(level)))
		default:
			d.span(path, t, 5*time.Minute, 14*24*time.Hour)
		}
	}
	between(d, "inquiries.max_open", q.MaxOpen, 1, 20)
}

// checkPeople leaves the meaning of the directory to its owner and adds the
// places.
func (d *document) checkPeople(c enrich.Config) {
	var ps enrich.Problems
	if err := c.Validate(); err == nil || !errors.As(err, &ps) {
		return
	}
	for _, p := range ps {
		path := "enrich." + p.Path
		inherited := strings.HasPrefix(p.Path, "catch_all") && !d.set("enrich.catch_all")
		if !inherited && !d.failed(path) {
			d.wrong(path, "%s: %s", path, p.Msg)
		}
	}
}
