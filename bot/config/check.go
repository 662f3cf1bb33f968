package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/responders"
)

// check looks at what the settings mean, each at its own place.
func (d *document) check(c *Config) {
	d.checkSlack(c.Slack)
	d.checkChannels(c.Channels)
	d.checkSQS(c.SQS)
	d.checkRedis(c.Redis)
	d.checkPaging(c)
	d.checkTheHive(c.TheHive)
	d.checkOnCall(c.PagerDuty)
	d.checkAccess(c.Access)
	d.checkInquiries(c.Inquiries)
	d.checkMFA(c.MFA)
	d.checkPeople(c.Enrich)
	d.checkAWSIR(c.AWSIR)
	d.checkLookups(c.Lookups)
	d.checkNLBMap(c)
	d.checkSweep(c)
	d.checkIncidents(c.Incidents)
	d.checkServing(c)
	d.checkAudit(c.Audit)
}

// failed says whether the setting at path, or something around it, could not be
// read, so that nothing more is said about it.
func (d *document) failed(path string) bool {
	for p := path; p != ""; p = parent(p) {
		if d.unread[p] {
			return true
		}
	}
	return false
}

// required notes a setting that has to be there.
func (d *document) required(path string, given bool, hint string) {
	if !given && !d.set(path) && !d.failed(path) {
		d.wrong(path, "%s is missing; %s", path, hint)
	}
}

// between checks that a number or duration lies in its range.
func between[T cmp.Ordered](d *document, path string, v, least, most T) {
	if (v < least || v > most) && !d.failed(path) {
		d.wrong(path, "%s lies between %v and %v, not %v", path, least, most, v)
	}
}

func (d *document) span(path string, v, least, most time.Duration) {
	if (v < least || v > most) && !d.failed(path) {
		d.wrong(path, "%s lies between %s and %s, not %s", path, short(least), short(most), short(v))
	}
}

// short prints a duration as people write it: 5m, not 5m0s.
func short(t time.Duration) string {
	s := t.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (d *document) oneOf(path, v string, allowed ...string) {
	if !slices.Contains(allowed, v) && !d.failed(path) {
		d.wrong(path, "%s is one of %s, not %s%s", path, strings.Join(allowed, ", "), show(v), didYouMean(v, allowed))
	}
}

// unique notes entries that stand in a list twice.
func (d *document) unique(path string, list []string) {
	seen := map[string]int{}
	for i, v := range list {
		if first, dup := seen[v]; dup && v != "" {
			d.wrong(fmt.Sprintf("%s[%d]", path, i), "%s is in %s twice; it is also number %d", show(v), path, first+1)
			continue
		}
		seen[v] = i
	}
}

// each checks every entry of a list against a pattern.
func (d *document) each(path string, list []string, pattern *regexp.Regexp, what string) {
	for i, v := range list {
		item := fmt.Sprintf("%s[%d]", path, i)
		if !pattern.MatchString(v) && !d.failed(item) {
			d.wrong(item, "%s is %s, not %s", item, what, show(v))
		}
	}
	d.unique(path, list)
}

// endpoint checks the address of a service that gets a secret from us: https,
// or a server on this machine.
func (d *document) endpoint(path, raw string) (*url.URL, bool) {
	if raw == "" || d.failed(path) {
		return nil, false
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || (u.Scheme != "https" && u.Scheme != "http"):
		d.wrong(path, "%s is an address such as https://host/path, not %s", path, show(raw))
	case u.User != nil:
		d.wrong(path, "%s has a user or password in it; remove that", path)
	case u.RawQuery != "" || u.Fragment != "":
		d.wrong(path, "%s has no ? or # part; remove that", path)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		d.wrong(path, "%s sends secrets unencrypted; use https (http only to this machine)", path)
	default:
		return u, true
	}
	return nil, false
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

// hostPort checks "host:port".
func (d *document) hostPort(path, v string) (host string, ok bool) {
	host, port, err := net.SplitHostPort(v)
	n, numErr := strconv.Atoi(port)
	if err != nil || numErr != nil || n < 0 || n > 65535 || strings.ContainsAny(host, "/@ ") {
		d.wrong(path, "%s is host:port, such as 127.0.0.1:6379, not %s", path, show(v))
		return "", false
	}
	return host, true
}

// checkServing checks the settings of the process itself.
func (d *document) checkServing(c *Config) {
	if c.HTTP.Addr != "" && !d.failed("http.addr") {
		if host, ok := d.hostPort("http.addr", c.HTTP.Addr); ok && !loopback(host) {
			d.warn("http.addr", "http.addr is reachable from other machines; metrics and health are not secret, but prefer 127.0.0.1 unless something scrapes them")
		}
	}
	d.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	d.oneOf("log.format", c.Log.Format, "text", "json")
	if c.Policy != "" && !d.failed("policy") {
		d.checkPolicy(c.Policy)
	}
	if c.Archive.Dir != "" && !d.failed("archive.dir") {
		d.directory("archive.dir", c.Archive.Dir)
	}
}

// checkPolicy compiles the policy. Its mistakes stand in its own file.
func (d *document) checkPolicy(path string) {
	src, err := readRegular(path, maxSize)
	if err != nil {
		d.wrong("policy", "policy: %v", err)
		return
	}
	var ps policy.Problems
	if _, err := CompilePolicy(path, src); errors.As(err, &ps) {
		for _, p := range ps {
			d.problems = append(d.problems, Problem(p))
		}
	} else if err != nil {
		d.wrong("policy", "policy: %v", err)
	}
}

// CompilePolicy reads a policy text and refuses one that lets something run by
// itself that needs a person. The error is a policy.Problems with everything
// that is wrong.
func CompilePolicy(name string, src []byte) (*policy.Policy, error) {
	p, err := policy.Compile(name, src)
	if err != nil {
		return nil, err
	}
	if refused := p.CheckCollect(responders.WhyNotAutomatic); len(refused) > 0 {
		return nil, refused
	}
	return p, nil
}
