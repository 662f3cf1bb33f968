package bot

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// post waits for the channel's lane and posts once: a repeated attempt looks
// for the message of the earlier one first.
func (b *Bot) post(ctx context.Context, e *store.Effect, channel, thread string, m message.Message, urgent bool) (chat.Ref, error) {
	if e.Attempt > 1 && !b.notPosted.was(e) {
		ref, found, err := b.slack.Find(ctx, channel, thread, e.ID, e.Planned.Add(-time.Minute))
		if err != nil {
			return chat.Ref{}, fmt.Errorf("look for an earlier attempt: %w", err)
		}
		if found {
			return ref, nil
		}
	}
	if err := b.slack.Wait(ctx, channel, urgent); err != nil {
		return chat.Ref{}, err
	}
	b.channels.posting(e)
	failpoint.Hit("post.before")
	ref, err := b.slack.Post(ctx, channel, thread, m, e.ID)
	if err != nil && chat.KindOf(err) != chat.Ambiguous {
		b.notPosted.note(e)
	}
	return ref, err
}

// notPosted remembers attempts that certainly posted nothing, so that the next
// one need not look: looking is one of Slack's slower methods, and it would be
// used up just when Slack refuses most.
type notPosted struct {
	mu sync.Mutex
	m  map[string]int // effect id → attempt
}

// maxNotPosted bounds the memory; forgetting costs a look, nothing else.
const maxNotPosted = 4096

func (n *notPosted) note(e *store.Effect) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.m == nil || len(n.m) >= maxNotPosted {
		n.m = map[string]int{}
	}
	n.m[e.ID] = e.Attempt
}

// was says whether the attempt before this one was here and posted nothing.
func (n *notPosted) was(e *store.Effect) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, ok := n.m[e.ID]
	delete(n.m, e.ID)
	return ok && at == e.Attempt-1
}
