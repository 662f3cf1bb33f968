package chat

import (
	"context"
	"sync"
	"time"
)

// tiers keeps to the per-method limits of the Web API. Slack counts calls per
// method, app and workspace and tolerates bursts (docs.slack.dev, "Rate
// limits"); the tier of each method is from the method reference.
// chat.postMessage is not here: it has lanes.
type tiers struct {
	mu      sync.Mutex
	buckets map[string]*bucket
	burst   int // at least, of every method
}

func newTiers(burst int) *tiers { return &tiers{buckets: map[string]*bucket{}, burst: burst} }

func tierOf(method string) (interval time.Duration, burst int) {
	switch method {
	case "usergroups.users.list", "conversations.create", "conversations.setTopic", "conversations.setPurpose",
		"conversations.archive", "conversations.unarchive", "pins.add", "conversations.canvases.create":
		return time.Minute / 20, 3 // tier 2
	case "conversations.open", "conversations.history", "conversations.replies",
		"users.lookupByEmail", "chat.update", "conversations.invite", "conversations.info",
		"users.conversations", "canvases.edit":
		return time.Minute / 50, 5 // tier 3
	case "users.info", "chat.postEphemeral", "views.open", "conversations.members",
		"files.getUploadURLExternal", "files.completeUploadExternal":
		return time.Minute / 100, 10 // tier 4
	case "chat.getPermalink":
		return time.Second / 5, 10 // "hundreds per minute"
	}
	return 0, 1
}

// wait blocks until the method may be called, and returns a RateLimited error
// at once when that would be after ctx's deadline.
func (t *tiers) wait(ctx context.Context, method string) error {
	for {
		now := time.Now()
		at := t.reserve(method, now)
		if !at.After(now) {
			return nil
		}
		if deadline, ok := ctx.Deadline(); ok && at.After(deadline) {
			return &Error{Kind: RateLimited, Code: "own_limit", Method: method, RetryAfter: clampRetry(at.Sub(now))}
		}
		if err := sleep(ctx, at.Sub(now)); err != nil {
			return &Error{Kind: Transient, Code: "canceled", Method: method, cause: err}
		}
	}
}

// reserve takes a token if there is one and else says when to come back.
func (t *tiers) reserve(method string, now time.Time) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.bucket(method)
	at := b.readyAt(now)
	if !at.After(now) {
		b.take()
	}
	return at
}

// pause holds back a method that was refused with 429.
func (t *tiers) pause(method string, d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.bucket(method)
	b.paused = later(b.paused, time.Now().Add(d))
}

func (t *tiers) bucket(method string) *bucket {
	b := t.buckets[method]
	if b == nil {
		interval, burst := tierOf(method)
		nb := newBucket(interval, max(burst, t.burst))
		b = &nb
		t.buckets[method] = b
	}
	return b
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
