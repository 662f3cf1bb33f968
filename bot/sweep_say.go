package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders/guardduty"
)

// kindSwept tells the security channel what a sweep found.
const kindSwept = "swept"

// sweepNews is what is told about a sweep: what has changed, nothing twice.
type sweepNews struct {
	Missing int               `json:"missing,omitempty"` // cases made just now
	Wrong   map[string]string `json:"wrong,omitempty"`   // by place: why it cannot be compared
	Right   []string          `json:"right,omitempty"`   // places that can be compared again
}

func (n sweepNews) empty() bool { return n.Missing == 0 && len(n.Wrong) == 0 && len(n.Right) == 0 }

// sweepWhy is a reason in words for people.
func sweepWhy(err error) string {
	for _, known := range []error{guardduty.ErrNoDetector, guardduty.ErrSuspended, guardduty.ErrTooMany, errNotStored} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return awsSays(err)
}

// next is the state after a sweep, and what has to be said. An outage is said
// when it lasts for a second sweep, and once; that GuardDuty is off is no outage
// and is said at once.
func (s sweepState) next(r *swept) (sweepState, sweepNews) {
	news := sweepNews{Wrong: map[string]string{}}
	out := sweepState{Next: s.Next, Trouble: map[string]sweepWrong{}, Lost: r.missing > 0}
	if r.missing > 0 && !s.Lost {
		news.Missing = r.missing
	}
	for place, why := range r.trouble {
		w, lasts := s.Trouble[place]
		if !w.Said && (lasts || r.off[place]) {
			w.Said, news.Wrong[place] = true, why
		}
		out.Trouble[place] = w
	}
	for place, w := range s.Trouble {
		if _, still := r.trouble[place]; !still && w.Said {
			news.Right = append(news.Right, place)
		}
	}
	slices.Sort(news.Right)
	return out, news
}

// tellSweep stores how a sweep went and plans what is to be said about it.
func (b *Bot) tellSweep(ctx context.Context, r *swept) error {
	return b.change(ctx, func(t *tx, now time.Time) error {
		s, err := t.loadSweep(ctx)
		if err != nil {
			return err
		}
		s, news := s.next(r)
		if err := t.putSweep(s); err != nil || news.empty() {
			return err
		}
		body, err := json.Marshal(news)
		if err != nil {
			return fmt.Errorf("encode what a sweep found: %w", err)
		}
		t.plan(store.Effect{ID: "swept/" + strconv.FormatInt(now.UnixMilli(), 10), Lane: store.LaneNotify, Kind: kindSwept, Group: b.routes.Security,
			Doc: sweepDoc, Body: body, Planned: now, Due: now})
		return nil
	})
}

// doSwept posts what a sweep found.
func (b *Bot) doSwept(ctx context.Context, e *store.Effect) error {
	var news sweepNews
	if err := json.Unmarshal(e.Body, &news); err == nil && !news.empty() {
		if _, err := b.post(ctx, e, b.routes.Security, "", sweepMessage(news), false); err != nil && !permanent(err) {
			return err
		}
	}
	return b.change(ctx, func(t *tx, _ time.Time) error { t.finish(e); return nil })
}

// maxSweepLines bounds how many places a message names; the log names all.
const maxSweepLines = 20

func sweepMessage(n sweepNews) message.Message {
	m := message.Message{}.Title(message.L("GuardDuty's own list"))
	if n.Missing > 0 {
		m = m.Para(message.L(fmt.Sprintf("GuardDuty had %s that I did not know. Each has its case now. Either something between GuardDuty and my queue loses findings "+
			"(EventBridge rule, SNS topic, queue policy), or my store has lost them; while it goes on I do not say it again.", counted(n.Missing, "finding"))))
	}
	for i, place := range slices.Sorted(maps.Keys(n.Wrong)) {
		if i == maxSweepLines {
			m = m.Para(message.L(fmt.Sprintf("… and %d more places; my log names them.", len(n.Wrong)-i)))
			break
		}
		m = m.Para(message.L("I cannot compare ").Code(place).L(": ").V(n.Wrong[place]).L("."))
	}
	if len(n.Wrong) > 0 {
		m = m.Note(message.L("Findings still arrive through the queue, but one that is lost on the way would not be noticed. Where GuardDuty is off, nothing is found at all. What to do: securitybot doctor."))
	}
	for i, place := range n.Right {
		if i == maxSweepLines {
			break
		}
		m = m.Para(message.Text{}.Code(place).L(" can be compared again."))
	}
	return m
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
