package bot

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings"
)

// Life is what happened to one finding and what is still to come, for those
// who look at the bot from outside.
type Life struct {
	Ref      string
	Headline string
	Level    findings.Level
	Status   string
	Rule     string
	Step     string
	Reasons  []string
	Opened   time.Time
	Timeline []cases.Entry
	Pending  []string
	Deadline time.Time // of the question that is open; zero without one
}

// Lives describes the latest cases, newest first, at most limit.
func (b *Bot) Lives(ctx context.Context, limit int) ([]Life, error) {
	docs, err := b.store.Find(ctx, "c:", 10*limit)
	if err != nil {
		return nil, err
	}
	t := b.begin()
	var out []Life
	for _, d := range docs {
		c, err := cases.Decode(strings.TrimPrefix(d.ID, "c:"), d.Body)
		if err != nil || c.Finding == nil {
			continue
		}
		l := Life{Ref: c.Ref(), Headline: headline(&c), Level: findings.LevelOf(c.Severity), Status: string(c.Status), Step: string(c.Step), Opened: c.Opened, Timeline: c.Timeline, Pending: c.Pending}
		if c.Decision != nil {
			l.Rule, l.Reasons = c.Decision.Rule, c.Decision.Reasons
		}
		if c.Inquiry != "" {
			if q, known, err := t.loadInquiry(ctx, c.Inquiry); err == nil && known && q.Open() {
				l.Deadline = q.Deadline
			}
		}
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b Life) int { return cmp.Or(b.Opened.Compare(a.Opened), cmp.Compare(a.Ref, b.Ref)) })
	return out[:min(limit, len(out))], nil
}
