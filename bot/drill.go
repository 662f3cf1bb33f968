package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/store"
)

// The drill: a finding that an operator makes up is put into the store as if
// intake had brought it. The bots that run take it from there, so that what is
// shown to work is what would have to work (P28).

// DrillStep is one hop of a drill.
type DrillStep struct {
	Step  string // stored, page, message, resolved; closed when that failed
	OK    bool
	After time.Duration // since the finding was put in; what the bots did is by the store's clock
	Says  string
}

const (
	drillLook = 100 * time.Millisecond
	// drillEnd bounds how long the end of a drill is waited for. What is left
	// then is ended by the bots.
	drillEnd  = 30 * time.Second
	drillRule = "DRILL (nothing has happened)" // replicas of an older version show the rule
)

// drill is one drill under way.
type drill struct {
	b       *Bot
	id      string // of the case
	began   time.Time
	tell    func(DrillStep)
	failure error
}

// ErrDrillFailed says that some hop of a drill did not work; its step says why.
var ErrDrillFailed = errors.New("the drill failed")

var errNoBotYet = errors.New("no bot has run on this store yet; start one first: what a drill tries is the bot that runs")

// Drill pages whoever is on call with an event that is marked as a drill, waits
// up to patience until PagerDuty has accepted it and the security channel has
// been told, and ends it: the page is resolved, the case closed. Nobody is asked
// anything, nothing is recorded in TheHive or the archive. It ends what it began
// also when ctx ends. An error says that some hop does not work.
func Drill(ctx context.Context, cfg *config.Config, log *slog.Logger, patience time.Duration, tell func(DrillStep)) error {
	x, err := store.Examine(ctx, storeOptions(cfg))
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	if !x.Used {
		return errNoBotYet
	}
	s, err := store.Open(ctx, storeOptions(cfg))
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	defer s.Close()
	clockCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	clock, err := store.NewClock(clockCtx, s, clockSync)
	if err != nil {
		stop()
		return fmt.Errorf("read the store's clock: %w", err)
	}
	defer clock.Wait()
	defer stop()
	b := &Bot{cfg: SettingsOf(cfg), store: s, clock: clock, log: log, instance: randomID()[:10] + "-", routes: cases.Routes{Security: cfg.Channels.Security}}
	d := &drill{b: b, tell: tell}
	if err := d.begin(ctx); err != nil {
		return fmt.Errorf("begin the drill: %w", err)
	}
	one, cancel := context.WithTimeout(ctx, patience)
	d.await(one, "page", d.paged, "a page was not accepted in time: see that a bot is running, and what it logs about PagerDuty")
	d.await(one, "message", d.told, "the security channel was not told in time: see what the bot logs about Slack")
	cancel()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(patience, drillEnd))
	defer cancel()
	d.end(last)
	return d.failure
}

// begin puts the made-up finding into the store.
func (d *drill) begin(ctx context.Context) error {
	started := time.Now()
	d.began = d.b.clock.Now()
	id, err := d.b.startDrill(ctx)
	if err != nil {
		return err
	}
	d.id = id
	d.tell(DrillStep{Step: "stored", OK: true, After: time.Since(started), Says: "case " + cases.RefOf(id)})
	return nil
}

// startDrill commits a case about nothing whose decision is to page, with its
// planned effects, as an arriving finding would be.
func (b *Bot) startDrill(ctx context.Context) (id string, err error) {
	f := &findings.Finding{Kind: findings.KindDrill, Source: "drill", ID: randomID(), Type: "Drill:SecurityBot/PagePath", Severity: 8, Count: 1}
	id = cases.IDOf(f.Key())
	err = b.change(ctx, func(t *tx, now time.Time) error {
		c, err := t.loadCase(ctx, id)
		if err != nil {
			return err
		}
		f.CreatedAt, f.UpdatedAt = now, now
		facts := &cases.Facts{Decision: policy.Decision{Rule: drillRule, Step: policy.Page, Group: findings.GroupOther,
			Reasons: []string{"An operator tries whether pages arrive. There is nothing to do; the drill ends by itself."}},
			Owner: findings.Owner{Why: "a drill"}}
		return b.arrive(ctx, t, c, f, facts, now)
	})
	return id, err
}

// endDrill closes a drill: the page is resolved, its message says so.
func (t *tx) endDrill(c *cases.Case, now time.Time) {
	effects, cancel := c.Close(cases.Drilled, "", "the drill is over", 2*leaseTime, now)
	t.plan(effects...)
	t.cancel = append(t.cancel, cancel...)
	t.touch(c)
}

// await looks at the case until a hop is done. done says what became of it, and
// when; false means not yet.
func (d *drill) await(ctx context.Context, step string, done func(*cases.Case) (DrillStep, bool), late string) {
	for {
		c, err := d.b.begin().loadCase(ctx, d.id)
		if err == nil {
			if s, yes := done(c); yes {
				d.note(step, s)
				return
			}
		}
		if !sleep(ctx, drillLook) {
			d.note(step, DrillStep{After: d.b.clock.Now().Sub(d.began), Says: late})
			return
		}
	}
}

func (d *drill) note(step string, s DrillStep) {
	s.Step = step
	if !s.OK {
		d.failure = ErrDrillFailed
	}
	d.tell(s)
}

// paged: PagerDuty has accepted the page, or refused it for good.
func (d *drill) paged(c *cases.Case) (DrillStep, bool) {
	switch {
	case c.Page != nil && c.Page.Sent:
		return DrillStep{OK: true, After: d.when(c, "the team was paged"), Says: "PagerDuty accepted the page"}, true
	case c.Page != nil && c.Page.Fallback:
		return DrillStep{After: d.when(c, "PagerDuty has not accepted"), Says: "PagerDuty did not take the page, and the fallback was used: look at pagerduty.routing_key"}, true
	}
	return DrillStep{}, false
}

// told: the message is in the security channel.
func (d *drill) told(c *cases.Case) (DrillStep, bool) {
	delivered := slices.ContainsFunc(c.Notices, func(n cases.Notice) bool { return n.Ref.TS != "" })
	return DrillStep{OK: true, After: d.when(c, "message delivered"), Says: "the security channel was told"}, delivered
}

// when is how long after the beginning the case's timeline says something.
func (d *drill) when(c *cases.Case, what string) time.Duration {
	for _, e := range c.Timeline {
		if strings.HasPrefix(e.What, what) {
			return max(e.At.Sub(d.began), 0)
		}
	}
	return d.b.clock.Now().Sub(d.began)
}

// end closes the case and waits until its page is resolved and nothing is
// planned any more.
func (d *drill) end(ctx context.Context) {
	err := d.b.change(ctx, func(t *tx, now time.Time) error {
		c, err := t.loadCase(ctx, d.id)
		if err != nil {
			return err
		}
		if !c.IsOpen() {
			return errGiveUp
		}
		t.endDrill(c, now)
		return nil
	})
	if err != nil {
		d.note("closed", DrillStep{After: d.b.clock.Now().Sub(d.began), Says: "the case could not be closed: " + err.Error() + "; the bots close it after ten minutes"})
		return
	}
	late := "the page was not resolved in time: resolve the incident in PagerDuty by hand if it is open; a bot that runs does so when it can"
	d.await(ctx, "resolved", func(c *cases.Case) (DrillStep, bool) {
		resolving := slices.ContainsFunc(c.Pending, func(p string) bool {
			return strings.Contains(p, "/"+cases.KindResolve+"/") && !strings.HasSuffix(p, "/late")
		})
		return DrillStep{OK: true, After: d.b.clock.Now().Sub(d.began), Says: "the page is resolved, the case closed"}, !resolving
	}, late)
}
