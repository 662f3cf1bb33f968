package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/findings"
)

// The kinds of what is parked.
const (
	KindRefused   = "refused"   // findings.Parse makes nothing of it
	KindAccount   = "account"   // an account that is not on the list
	KindRegion    = "region"    // a region that is not on the list
	KindTopic     = "topic"     // an SNS topic that is not on the list
	KindUnsigned  = "unsigned"  // no SNS envelope where one is asked for
	KindSignature = "signature" // the SNS signature is not good
	KindPanic     = "panic"     // parsing or handling it panics
	KindOften     = "often"     // received too often
)

// Kinds returns every kind, for metrics and for documentation.
func Kinds() []string {
	return []string{KindRefused, KindAccount, KindRegion, KindTopic, KindUnsigned, KindSignature, KindPanic, KindOften}
}

// keptBody is how much of a parked body is kept.
const keptBody = 4 << 10

// job is a message on its way. A parked.Kind says that it, or a part of it,
// is to be parked.
type job struct {
	m       *inflight
	arrival Arrival
	parked  Parked
	outcome Outcome
}

// refusal is why a message, or an item, is not taken.
type refusal struct{ kind, reason string }

func (r *refusal) Error() string { return r.reason }

func refusef(kind, format string, args ...any) *refusal {
	return &refusal{kind: kind, reason: fmt.Sprintf(format, args...)}
}

// admit sorts a batch: what the handler is asked about, what is to be parked,
// and what must be tried again. It settles what was parked before.
func (p *Poller) admit(s scope, got []*inflight) (jobs, poison []*job, retry []*inflight) {
	var known []*inflight
	for _, m := range got {
		seen := p.memory.get(m.id)
		if seen.parked {
			known = append(known, m)
			continue
		}
		p.memory.excuse(m.id) // unless it turns out otherwise
		j := &job{m: m}
		if p.tooOften(m, seen) {
			j.refuse(refusef(KindOften, "received %d times and never finished; not read again", m.receives), 0)
			poison = append(poison, j)
			continue
		}
		err := p.open(s.work, j)
		switch {
		case err != nil:
			p.log.Warn("message cannot be checked now", "message", m.id, "error", err)
			retry = append(retry, m)
		case len(j.arrival.Items) == 0:
			poison = append(poison, j)
		default:
			jobs = append(jobs, j)
		}
	}
	if len(known) > 0 {
		p.metrics.left.Add(float64(len(known)))
		p.leave(s.calls, settle(known), func(m *inflight) time.Duration { return parkedDelay(m.receives) })
	}
	return jobs, poison, retry
}

// tooOften reports whether a message is suspected to end processes. Each time
// it does it is hidden for a visibility timeout: many receives in a short time
// are the copies that a standard queue may deliver.
func (p *Poller) tooOften(m *inflight, seen note) bool {
	now := time.Now()
	return m.receives-seen.excused > p.cfg.QuarantineAfter &&
		now.Sub(m.sent) >= time.Duration(p.cfg.QuarantineAfter)*p.cfg.Visibility/2 &&
		!p.outage.explains(now)
}

// open reads a message. What is usable ends in j.arrival, the reason for the
// rest in j.parked. An error means that this cannot be decided now.
func (p *Poller) open(ctx context.Context, j *job) error {
	m := j.m
	j.arrival = Arrival{MessageID: m.id, Queue: p.cfg.QueueURL, ReceiveCount: m.receives, SentAt: m.sent}
	if p.sns != nil {
		var no *refusal
		switch err := p.verify(ctx, m); {
		case errors.As(err, &no):
			j.refuse(no, 0)
			return nil
		case err != nil:
			return err
		}
	}
	items, no := p.parse(m.body)
	if no != nil {
		j.refuse(no, 0)
		return nil
	}
	var reasons []string
	for _, it := range items {
		no := p.allowed.item(it)
		if no == nil {
			j.arrival.Items = append(j.arrival.Items, it)
			continue
		}
		if reasons = append(reasons, inLine(it.Line, no.reason)); len(reasons) == 1 {
			j.refuse(no, it.Line)
		}
	}
	if n := len(reasons); n > 1 {
		j.parked.Reason = strings.Join(reasons[:min(n, 5)], "; ")
		if n > 5 {
			j.parked.Reason += fmt.Sprintf("; and %d more", n-5)
		}
	}
	return nil
}

// verify checks the signature of a message that has one.
func (p *Poller) verify(ctx context.Context, m *inflight) error {
	err := p.sns.verify(ctx, []byte(m.body))
	if errors.Is(err, errNoEnvelope) {
		if p.cfg.AllowRaw {
			return nil
		}
		return refusef(KindUnsigned, "no SNS envelope, so no signature: raw delivery is not allowed")
	}
	return err
}

// parse contains panics: no body may end the process.
func (p *Poller) parse(body string) (items []findings.Item, no *refusal) {
	defer func() {
		if r := recover(); r != nil {
			p.metrics.panics.Inc()
			items, no = nil, refusef(KindPanic, "parsing it panics: %v", r)
		}
	}()
	items = p.cfg.Parse([]byte(body))
	if len(items) == 0 {
		return nil, refusef(KindRefused, "no document in it")
	}
	return items, nil
}

// refuse notes why a message is parked, and its beginning; for line-delimited
// documents that of the line.
func (j *job) refuse(no *refusal, line int) {
	j.parked = Parked{Kind: no.kind, Reason: no.reason, Body: head(j.m.body, line)}
}

func inLine(line int, reason string) string {
	if line > 1 {
		return fmt.Sprintf("line %d: %s", line, reason)
	}
	return reason
}

// head returns the first 4 KiB of a body, or of its n-th line if it has one.
func head(body string, line int) []byte {
	b := []byte(body)
	if lines := bytes.SplitN(b, []byte("\n"), line+1); line > 1 && len(lines) >= line {
		b = lines[line-1]
	}
	return slices.Clone(b[:min(len(b), keptBody)])
}

// allowed holds the lists; a nil list allows all.
type allowed struct {
	accounts, regions, topics map[string]bool
	raw                       bool
}

func newAllowed(c Config) allowed {
	return allowed{accounts: set(c.Accounts), regions: set(c.Regions), topics: set(c.Topics), raw: c.AllowRaw}
}

func set(list []string) map[string]bool {
	if len(list) == 0 {
		return nil
	}
	m := map[string]bool{}
	for _, s := range list {
		m[s] = true
	}
	return m
}

// Allows says whether a queue with these lists takes a finding that came another
// way than through it: by account and region; its topic does not matter.
func (c Config) Allows(f *findings.Finding) bool {
	a := newAllowed(c)
	a.topics = nil
	return a.item(findings.Item{Finding: f}) == nil
}

// item returns why a document is not taken, or nil.
func (a allowed) item(it findings.Item) *refusal {
	f := it.Finding
	switch {
	case it.Err != nil:
		return refusef(KindRefused, "%v", it.Err)
	case f == nil:
		return refusef(KindRefused, "no finding in it")
	case a.topics != nil && f.Envelope.Topic == "" && !a.raw:
		return refusef(KindTopic, "no SNS topic, and raw delivery is not allowed")
	case a.topics != nil && f.Envelope.Topic != "" && !a.topics[f.Envelope.Topic]:
		return refusef(KindTopic, "SNS topic %q is not on the list", f.Envelope.Topic)
	}
	homeless := f.Kind == findings.KindAnnouncement || f.Source == "siem" // these need not name a place
	for _, v := range []string{f.Account, f.Envelope.Account} {
		if a.accounts != nil && v != "" && !a.accounts[v] {
			return refusef(KindAccount, "account %q is not on the list", v)
		}
	}
	if a.accounts != nil && f.Account == "" && !homeless {
		return refusef(KindAccount, "it names no account")
	}
	for _, v := range []string{f.Region, f.Envelope.Region} {
		if a.regions != nil && v != "" && !a.regions[v] {
			return refusef(KindRegion, "region %q is not on the list", v)
		}
	}
	if a.regions != nil && f.Region == "" && !homeless {
		return refusef(KindRegion, "it names no region")
	}
	return nil
}
