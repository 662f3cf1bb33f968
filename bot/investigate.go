package bot

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/securitybot/securitybot/commands"
	"github.com/securitybot/securitybot/findings/lookup"
	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// Look-ups of addresses and domains: people ask, the sources of findings/lookup
// and our own history (investigate_history.go) answer.

// LookupAgent is how the bot introduces itself to the sources.
const LookupAgent = "securitybot (+https://github.com/securitybot/securitybot)"

// firstWait is how long the first answer waits for quick sources. Slack wants
// the acknowledgement within three seconds and we promise one.
const firstWait = 500 * time.Millisecond

// newLookups sets look-ups up; nil without them.
func (b *Bot) newLookups(c *lookup.Config) (*lookup.Investigator, error) {
	if c == nil {
		return nil, nil
	}
	full := *c
	full.Log, full.Now, full.Agent = b.log, b.clock.Now, LookupAgent
	v, err := lookup.New(full)
	if err != nil {
		return nil, fmt.Errorf("set up look-ups: %w", err)
	}
	return v, nil
}

// sourceHosts are the sources' pages that a report links to.
func sourceHosts() []string {
	return []string{"urlscan.io", "www.virustotal.com", "www.abuseipdb.com", "viz.greynoise.io", "www.shodan.io"}
}

// Investigate implements the commands' desk for look-ups.
func (b *Bot) Investigate(ctx context.Context, r commands.Request, q commands.Search) (commands.Reply, error) {
	if refused := b.overLimit(r.User, len(q.Indicators)); refused != nil {
		return commands.Say(*refused), nil
	}
	if q.Loud {
		return b.warnLoud(ctx, r, q)
	}
	b.auditLookUp(ctx, r.User, q, r.Share)
	return b.lookUp(ctx, r.User, q, !r.Share), nil
}

// lookUp starts looking for a person and answers with what is known after a
// moment. private says that only the person sees it, in a channel where they may
// want to share it.
func (b *Bot) lookUp(ctx context.Context, user string, q commands.Search, private bool) commands.Reply {
	s := &search{b: b, q: q, history: history{b, user}, reports: make([]lookup.Report, len(q.Indicators)), begun: make(chan struct{}), news: make(chan struct{}, 1)}
	s.start(context.WithoutCancel(ctx))
	s.keep(context.WithoutCancel(ctx), private)
	enough := time.NewTimer(firstWait)
	defer enough.Stop()
	for waiting := true; waiting; {
		select {
		case <-ctx.Done():
			waiting = false
		case <-enough.C:
			waiting = false
		case <-s.news:
			waiting = !s.complete()
		}
	}
	select {
	case <-s.begun: // our own history had its time
	case <-ctx.Done():
	}
	out := commands.Reply{Message: s.message()}
	if !s.complete() {
		out.Follow = s.follow
	}
	return out
}

// search is one look-up of several indicators under way.
type search struct {
	b       *Bot
	q       commands.Search
	history history

	mu      sync.Mutex
	reports []lookup.Report  // of the indicators, in their order; zero until the first
	left    int              // indicators without a first report
	version int              // grows with every report
	shown   int              // the version that was rendered last
	kept    bool             // uses is as it stays
	uses    []message.Button // below the complete answer
	begun   chan struct{}    // closed when there is a first report of each
	news    chan struct{}
}

// start asks about all indicators. Each ends within the limits of lookup.
func (s *search) start(ctx context.Context) {
	s.left = len(s.q.Indicators)
	for k, ind := range s.q.Indicators {
		s.reports[k].Indicator = ind
		s.b.workers.Go(func() {
			err := s.b.guard(func() error {
				s.b.lookups.Investigate(ctx, lookup.Query{Indicator: ind, Loud: s.q.Loud, History: s.history}, func(r lookup.Report) { s.take(k, r) })
				return nil
			})
			if err != nil {
				s.take(k, lookup.Report{Indicator: ind, At: s.b.clock.Now(), Complete: true, HistoryState: lookup.Failed, HistoryReason: lookup.Defect})
			}
		})
	}
}

// keep makes the buttons below the complete answer.
func (s *search) keep(ctx context.Context, private bool) {
	s.b.workers.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, indexTime)
		defer cancel()
		uses := s.b.lookUpUses(ctx, s.q, private)
		s.mu.Lock()
		s.uses, s.kept = uses, true
		s.version++
		s.mu.Unlock()
		select {
		case s.news <- struct{}{}:
		default:
		}
	})
}

func (s *search) take(k int, r lookup.Report) {
	s.mu.Lock()
	if s.reports[k].At.IsZero() {
		if s.left--; s.left == 0 {
			close(s.begun)
		}
	}
	s.reports[k] = r
	s.version++
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *search) complete() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept && !slices.ContainsFunc(s.reports, func(r lookup.Report) bool { return !r.Complete })
}

// message renders what is known so far.
func (s *search) message() message.Message {
	s.mu.Lock()
	reports, uses := slices.Clone(s.reports), s.uses
	s.shown = s.version
	s.mu.Unlock()
	var m message.Message
	for k, r := range reports {
		one := r.Message()
		if k == 0 {
			m.Fallback = one.Fallback
		} else {
			m = m.Divider()
		}
		m.Parts = append(m.Parts, one.Parts...)
	}
	m.Parts = append(m.Parts, s.q.Others.Parts...)
	if len(uses) > 0 && !slices.ContainsFunc(reports, func(r lookup.Report) bool { return !r.Complete }) {
		m = m.Actions(uses...)
	}
	return m
}

// stale says whether something came after the last rendering.
func (s *search) stale() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version > s.shown
}

// follow shows what comes after the first answer.
func (s *search) follow(ctx context.Context, show func(message.Message) error) error {
	for {
		complete := s.complete()
		if s.stale() {
			if err := show(s.message()); err != nil {
				return err
			}
		}
		if complete {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.news:
		}
	}
}

// Limits of look-ups, so that nobody uses up what the sources give all of us.
const (
	lookUpsPerHour = 60 // of one person
	lookUpWindow   = time.Hour
)

// lookUpLimit counts the look-ups of people. Each process counts its own.
type lookUpLimit struct {
	mu sync.Mutex
	at map[string][]time.Time
}

// take counts n look-ups of a person, unless that were too many.
func (l *lookUpLimit) take(user string, n int, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at == nil {
		l.at = map[string][]time.Time{}
	}
	recent := slices.DeleteFunc(l.at[user], func(t time.Time) bool { return now.Sub(t) >= lookUpWindow })
	l.at[user] = recent
	if len(recent)+n > lookUpsPerHour {
		return false
	}
	for range n {
		recent = append(recent, now)
	}
	l.at[user] = recent
	return true
}

// overLimit counts look-ups and returns the sentence for whoever had too many.
func (b *Bot) overLimit(user string, n int) *message.Message {
	if b.lookedUp.take(user, n, b.clock.Now()) {
		return nil
	}
	return refusal(fmt.Sprintf("You looked up %d addresses and domains in the last hour. That is as many as one person may, so that the sources go on answering us. Please try again later.", lookUpsPerHour))
}

// lookUpRecord is what the audit log says of a look-up.
func lookUpRecord(user string, q commands.Search, shared bool) audit.Record {
	r := audit.Record{Actor: user, Act: string(actLookUp), Decision: audit.Allowed, Detail: map[string]string{"shared": fmt.Sprint(shared), "loud": fmt.Sprint(q.Loud)}}
	for k, ind := range q.Indicators {
		if k == 0 {
			r.Object = ind.String()
		} else {
			r.Object += " " + ind.String()
		}
	}
	return r
}

// auditLookUp records a look-up. It changes nothing, so nobody waits for it.
func (b *Bot) auditLookUp(ctx context.Context, user string, q commands.Search, shared bool) {
	r := lookUpRecord(user, q, shared)
	ctx = context.WithoutCancel(ctx)
	b.workers.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		err := b.changeAudited(ctx, func(t *tx, _ time.Time) error { return t.audit(ctx, r) })
		if err != nil {
			b.log.Warn("a look-up was not recorded", "user", user, "error", err)
		}
	})
}

// seenMark makes an envelope or a permission count once.
func seenMark(id string) store.Mark { return store.Mark{ID: id, TTL: inboxTTL} }
