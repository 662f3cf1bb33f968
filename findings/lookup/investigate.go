package lookup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// Options set an Investigator up. Zero values are the defaults.
type Options struct {
	Own     Own
	History History      // nil when there is none
	Log     *slog.Logger // nil logs nothing
	Now     func() time.Time
	// SourceTimeout bounds one source, Timeout the whole investigation, First the
	// wait for our own history before the first report. Defaults: 6 s, 8 s, 600 ms.
	SourceTimeout, Timeout, First time.Duration
	// Resolver is the host of the DNS resolver, for the report.
	Resolver string
}

// Investigator asks all sources about an indicator. It is safe for concurrent
// use.
type Investigator struct {
	seats []*seat
	o     Options
}

// NewInvestigator returns an Investigator with these sources, in the order of
// the report.
func NewInvestigator(seats []Seat, o Options) *Investigator {
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	for _, d := range []struct {
		v     *time.Duration
		usual time.Duration
	}{{&o.SourceTimeout, 6 * time.Second}, {&o.Timeout, 8 * time.Second}, {&o.First, 600 * time.Millisecond}} {
		if *d.v <= 0 {
			*d.v = d.usual
		}
	}
	v := &Investigator{o: o}
	for _, s := range seats {
		v.seats = append(v.seats, newSeat(s, o))
	}
	return v
}

// Sources returns the names of the sources, in order.
func (v *Investigator) Sources() []string {
	var out []string
	for _, s := range v.seats {
		out = append(out, s.Source.Name())
	}
	return out
}

// Query is what to investigate and how.
type Query struct {
	Indicator Indicator
	// Loud also asks where the indicator's own servers see it (DNS). Whoever sets
	// it has been told so.
	Loud bool
	// History replaces the Investigator's: what this asker may see of it.
	History History
}

// Investigate asks all sources at once and calls update with a report: first
// with what is known here, then whenever something has arrived, last with the
// complete report, which it also returns. Calls of update do not overlap; while
// one runs, what arrives is collected for the next. It ends within the timeout
// of the whole, with the sources that are not done named as failed.
func (v *Investigator) Investigate(ctx context.Context, q Query, update func(Report)) Report {
	ctx, cancel := context.WithTimeout(ctx, v.o.Timeout)
	defer cancel()
	in := v.begin(q)
	in.start(ctx)
	first := time.NewTimer(v.o.First)
	defer first.Stop()
	shown := in.history == nil
	if shown {
		update(in.snapshot())
	}
	for !in.report.Complete {
		select {
		case a := <-in.arrivals:
			in.take(a)
		case <-first.C:
			shown = true
		case <-ctx.Done():
			in.giveUp(ctx)
		}
		in.drain()
		in.settle()
		shown = shown || in.history == nil || in.early // nothing more is known here at once
		if shown || in.report.Complete {
			update(in.snapshot())
		}
	}
	return in.snapshot()
}

// inquiry is one investigation under way.
type inquiry struct {
	v        *Investigator
	q        Query
	report   Report
	asked    []*seat // by entry; nil when the source is not asked
	history  History // nil once it has answered
	early    bool    // a part of it is there
	arrivals chan arrival
}

// ours is the entry of our own history.
const ours = -1

// arrival is an answer of a source, or of our own history.
type arrival struct {
	entry    int
	result   Result
	sections []Section
	at       time.Time
	took     time.Duration
	more     bool // our own history: not all of it yet
	err      error
}

// begin fills in what is known without asking.
func (v *Investigator) begin(q Query) *inquiry {
	in := &inquiry{v: v, q: q, history: cmp.Or(q.History, v.o.History), arrivals: make(chan arrival, len(v.seats)+2)}
	in.report = Report{Indicator: q.Indicator, Class: Classify(q.Indicator, v.o.Own), At: v.o.Now(), HistoryState: NotAsked, Resolver: v.o.Resolver}
	if in.history != nil {
		in.report.HistoryState = Asking
	}
	for _, s := range v.seats {
		if !s.Source.Takes(q.Indicator) {
			continue
		}
		e := Entry{Source: s.Source.Name(), State: Asking}
		ask := s
		switch k, ok := s.remembered(q.Indicator); {
		case in.report.Class.Audience == Nobody, in.report.Class.Audience == Rehearsal && !s.Local:
			e.State, e.Reason, ask = NotAsked, privateReason, nil
		case ok: // showing what is known asks nobody
			e.State, e.Result, e.At, e.Kept, ask = Answered, k.result, k.at, true, nil
		case s.Loud && !q.Loud:
			e.State, e.Reason, ask = NotAsked, loudReason, nil
		}
		in.report.Entries = append(in.report.Entries, e)
		in.asked = append(in.asked, ask)
	}
	return in
}

// start asks everybody.
func (in *inquiry) start(ctx context.Context) {
	for k, s := range in.asked {
		if s == nil {
			continue
		}
		go func() {
			began := in.v.o.Now()
			r, at, err := s.look(ctx, in.q.Indicator)
			in.arrivals <- arrival{entry: k, result: r, at: at, took: in.v.o.Now().Sub(began), err: err}
		}()
	}
	if h := in.history; h != nil {
		go func() { in.arrivals <- in.v.remember(ctx, h, in.q.Indicator, func(a arrival) { in.arrivals <- a }) }()
	}
	in.settle()
}

// remember asks our own history. A defect there must not cost the rest.
func (v *Investigator) remember(ctx context.Context, h History, i Indicator, soFar func(arrival)) (a arrival) {
	a.entry = ours
	ctx, cancel := context.WithTimeout(ctx, v.o.SourceTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			v.o.Log.Error("own history panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			a.sections, a.err = nil, &Error{Reason: Defect}
		}
	}()
	if g, ok := h.(GrowingHistory); ok {
		var once sync.Once // there is room for one
		a.sections, a.err = g.Grow(ctx, i, func(s []Section) {
			once.Do(func() { soFar(arrival{entry: ours, sections: s, more: true}) })
		})
	} else {
		a.sections, a.err = h.About(ctx, i)
	}
	if a.err != nil {
		v.o.Log.Warn("own history failed", "error", a.err)
	}
	return a
}

func (in *inquiry) take(a arrival) {
	r := &in.report
	switch {
	case a.entry == ours && a.more:
		r.History, in.early = a.sections, true
	case a.entry == ours:
		in.history = nil
		if a.err != nil { // what came before it stays
			r.HistoryState, r.HistoryReason = Failed, reasonOf(a.err).Reason
			break
		}
		r.History, r.HistoryState = a.sections, Answered
	case a.err != nil:
		e := &r.Entries[a.entry]
		e.State, e.Reason, e.Took = Failed, reasonOf(a.err).Reason, a.took
	default:
		e := &r.Entries[a.entry]
		e.State, e.Result, e.At, e.Took = Answered, a.result, a.at, a.took
	}
}

// drain takes what else has arrived.
func (in *inquiry) drain() {
	for {
		select {
		case a := <-in.arrivals:
			in.take(a)
		default:
			return
		}
	}
}

// giveUp ends what is still under way.
func (in *inquiry) giveUp(ctx context.Context) {
	in.drain()
	reason := TimedOut
	if errors.Is(ctx.Err(), context.Canceled) {
		reason = Stopped
	}
	for k := range in.report.Entries {
		if e := &in.report.Entries[k]; e.State == Asking {
			e.State, e.Reason, e.Took = Failed, reason, in.v.o.Now().Sub(in.report.At)
		}
	}
	if in.report.HistoryState == Asking {
		in.history, in.report.HistoryState, in.report.HistoryReason = nil, Failed, reason
	}
}

func (in *inquiry) settle() {
	in.report.Took = in.v.o.Now().Sub(in.report.At)
	in.report.Complete = in.report.HistoryState != Asking && in.report.count(Asking) == 0
}

// snapshot is a report of its own: the caller may keep it.
func (in *inquiry) snapshot() Report {
	r := in.report
	r.Entries = append([]Entry(nil), r.Entries...)
	return r
}
