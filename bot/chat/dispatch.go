package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// maxAck is Slack's limit for the payload of an acknowledgement; a larger one
// is dropped without a word.
const maxAck = 20 << 10

// job is one envelope on its way to the Handler.
type job struct {
	conn *conn
	env  envelope
	at   time.Time
}

func (p *supervisor) count(kind, result string) {
	p.s.metrics.envelopes.WithLabelValues(kind, result).Inc()
}

// greeted notes what Slack says of the app at the start of a connection.
func (p *supervisor) greeted(e envelope) {
	if e.Info.AppID != "" {
		p.appID.Store(&e.Info.AppID)
	}
	n := e.Connections
	p.s.metrics.reported.Set(float64(n))
	if limit := p.s.cfg.ExpectedConnections; n > limit && limit > 0 || n > 8 {
		p.s.log.Warn("slack counts more connections of this app than expected; it allows 10", "connections", n, "expected", limit)
	}
}

// receive takes one envelope off the wire. It runs on the reading goroutine, so
// it never waits for work.
func (p *supervisor) receive(c *conn, e envelope, at time.Time) {
	kind := kindLabel(e.Type)
	if e.ID == "" {
		p.count(kind, "no_id")
		return
	}
	if kind != "interactive" && kind != "slash_commands" {
		// Nothing of ours. Slack repeats events that are not acknowledged and
		// switches off apps that let many fail.
		p.count(kind, "ignored")
		p.s.log.Debug("acknowledged an envelope that is not handled", "type", kind)
		p.acked(c.ack(e.ID, nil), at)
		return
	}
	if !p.accept() {
		p.count(kind, "draining")
		return
	}
	fresh, done, payload := p.seen.begin(e.ID, c, at)
	if !fresh {
		p.count(kind, "duplicate")
		if done {
			p.acked(c.ack(e.ID, payload), at)
		}
		p.work.Done()
		return
	}
	select {
	case p.jobs <- job{conn: c, env: e, at: at}:
	default:
		p.count(kind, "overload")
		p.seen.forget(e.ID)
		p.work.Done()
	}
}

func kindLabel(t string) string {
	switch t {
	case "interactive", "slash_commands", "events_api":
		return t
	}
	return "other"
}

func (p *supervisor) worker(base context.Context) {
	for {
		select {
		case j := <-p.jobs:
			p.process(base, j)
		case <-base.Done():
			return
		}
	}
}

// process decodes an envelope, hands it to the Handler and acknowledges it once
// the Handler has made it durable. What follows the acknowledgement does not
// hold up the worker.
func (p *supervisor) process(base context.Context, j job) {
	kind := kindLabel(j.env.Type)
	what, err := decode(j.env, p.ourApp())
	switch {
	case errors.Is(err, errIgnored), errors.Is(err, errOddShape):
		p.count(kind, "ignored")
		p.s.log.Warn("acknowledged an envelope that is not understood", "type", kind, "why", err.Error())
		p.finish(j, nil)
		p.work.Done()
		return
	case err != nil:
		p.count(kind, "refused")
		p.s.log.Warn("refused an envelope", "type", kind, "why", err.Error())
		p.seen.forget(j.env.ID)
		p.work.Done()
		return
	}
	reply, err := p.call(base, what, j.at)
	if err != nil {
		p.count(kind, "failed")
		p.s.log.Error("an envelope was not handled", "type", kind, "error", err.Error())
		p.seen.forget(j.env.ID)
		p.work.Done()
		return
	}
	p.count(kind, "ok")
	payload, rest := p.s.answer(what, reply, j.env.Accepts)
	p.finish(j, payload)
	go func() {
		defer p.work.Done()
		p.tail <- struct{}{}
		defer func() { <-p.tail }()
		p.after(base, what, rest)
	}()
}

// finish acknowledges an envelope on every connection a copy came by.
func (p *supervisor) finish(j job, payload json.RawMessage) {
	for _, c := range p.seen.finish(j.env.ID, payload) {
		p.acked(c.ack(j.env.ID, payload), j.at)
	}
}

func (p *supervisor) acked(err error, at time.Time) {
	if err != nil {
		p.s.metrics.acks.WithLabelValues("failed").Inc()
		return
	}
	p.s.metrics.acks.WithLabelValues("ok").Inc()
	p.s.metrics.ackTime.Observe(time.Since(at).Seconds())
}

func (p *supervisor) ourApp() string {
	if id := p.appID.Load(); id != nil {
		return *id
	}
	return ""
}

// call runs the Handler within its deadline and contains its panics.
func (p *supervisor) call(base context.Context, what any, at time.Time) (reply Reply, err error) {
	ctx, cancel := context.WithDeadline(base, at.Add(p.s.cfg.Timing.Handle))
	defer cancel()
	if ctx.Err() != nil {
		return Reply{}, errors.New("it waited too long for a worker")
	}
	defer p.contain(&err)
	switch w := what.(type) {
	case Action:
		return p.s.handler.Action(ctx, w)
	case Command:
		return p.s.handler.Command(ctx, w)
	case Submission:
		return p.s.handler.Submit(ctx, w)
	}
	return Reply{}, fmt.Errorf("no handler for %T", what)
}

// contain turns a panic into an error. The value of a panic may quote a
// payload, so only its type and place are logged.
func (p *supervisor) contain(err *error) {
	r := recover()
	if r == nil {
		return
	}
	p.s.log.Error("panic in chat handler", "type", fmt.Sprintf("%T", r), "stack", string(debug.Stack()))
	*err = errors.New("the handler panicked")
}

// after does what follows the acknowledgement.
func (p *supervisor) after(base context.Context, what any, r Reply) {
	ctx, cancel := context.WithTimeout(base, p.s.cfg.Timing.AfterTimeout)
	defer cancel()
	var err error
	defer p.contain(&err)
	p.s.follow(ctx, what, r)
	if r.After != nil {
		r.After(ctx)
	}
}
