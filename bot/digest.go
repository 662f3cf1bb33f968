package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/store"
)

// doDigest posts one message about several cases.
func (b *Bot) doDigest(ctx context.Context, e *store.Effect) error {
	var entries []digestEntry
	if err := json.Unmarshal(e.Body, &entries); err != nil {
		return fmt.Errorf("read digest: %w", err)
	}
	t := b.begin()
	all, err := b.digestCases(ctx, t, entries)
	if err != nil {
		return err
	}
	var show []*cases.Case
	var target *cases.Notice
	for i, c := range all {
		if n := entryNotice(c, entries[i]); n != nil && n.Ref.TS == "" && c.Finding != nil {
			show, target = append(show, c), n
		}
	}
	var ref chat.Ref
	if len(show) > 0 {
		channel, err := b.noticeChannel(ctx, *target)
		if err == nil {
			ref, err = b.post(ctx, e, channel, "", b.digestMessage(show), false)
		}
		if err != nil && !permanent(err) && b.clock.Now().Sub(e.Planned) < giveUpAfter {
			return err
		}
		if err != nil {
			return b.digestDone(ctx, t, e, entries, func(c *cases.Case, i int, now time.Time) []store.Effect {
				return c.Undeliverable(i, reasonOf(err), b.routes, now)
			})
		}
	}
	failpoint.Hit("digest.posted")
	return b.digestDone(ctx, t, e, entries, func(c *cases.Case, i int, now time.Time) []store.Effect {
		return c.Delivered(i, cases.Ref(ref), true, c.Looks(), b.routes, now)
	})
}

// digestDone records the outcome of a digest in all its cases at once.
func (b *Bot) digestDone(ctx context.Context, t *tx, e *store.Effect, entries []digestEntry, fn func(c *cases.Case, i int, now time.Time) []store.Effect) error {
	return b.changeFrom(ctx, t, func(t *tx, now time.Time) error {
		all, err := b.digestCases(ctx, t, entries)
		if err != nil {
			return err
		}
		t.finish(e)
		for i, c := range all {
			if !c.Known() {
				continue
			}
			if n := entryNotice(c, entries[i]); n != nil && n.Ref.TS == "" {
				t.plan(fn(c, noticeIndex(entries[i].Effect), now)...)
			}
			c.Finished(entries[i].Effect, now)
			t.touch(c)
		}
		return nil
	})
}

func (b *Bot) digestCases(ctx context.Context, t *tx, entries []digestEntry) ([]*cases.Case, error) {
	ids := make([]string, len(entries))
	for i, entry := range entries {
		ids[i] = cases.DocID(entry.Case)
	}
	if err := t.load(ctx, ids...); err != nil {
		return nil, err
	}
	all := make([]*cases.Case, len(entries))
	for i, entry := range entries {
		c, err := t.loadCase(ctx, entry.Case)
		if err != nil {
			return nil, err
		}
		all[i] = c
	}
	return all, nil
}

func entryNotice(c *cases.Case, e digestEntry) *cases.Notice {
	if i := noticeIndex(e.Effect); i < len(c.Notices) {
		return &c.Notices[i]
	}
	return nil
}
