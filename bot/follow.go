package bot

import (
	"context"
	"sync"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/commands"
	"github.com/securitybot/securitybot/internal/message"
)

// pace says how often an answer that grows is shown anew before it is complete.
// The complete one is always shown.
type pace struct {
	every time.Duration // at most one in this time
	most  int           // at most so many; 0 means any number
}

// The two paces.
var (
	// alone is the pace of what one person is shown through a response_url: each
	// use after a command shows one more message, and there are five in 30 minutes.
	alone = pace{2500 * time.Millisecond, 1}
	// inPlace is the pace of a message that is edited.
	inPlace = pace{time.Second, 0}
)

// following brings an answer up to date: show gets better versions, the last
// one always, none twice.
func (b *Bot) following(ctx context.Context, out commands.Reply, p pace, show func(message.Message) error) error {
	var f follower
	done := make(chan error, 1)
	go func() {
		done <- b.guard(func() error { return out.Follow(ctx, f.put) })
	}()
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	for shown := 0; ; {
		select {
		case err := <-done:
			if m := f.take(); m != nil {
				if failed := show(*m); failed != nil {
					return failed
				}
			}
			return err
		case <-tick.C:
			if p.most > 0 && shown == p.most {
				continue
			}
			if m := f.take(); m != nil {
				shown++
				if err := show(*m); err != nil {
					f.giveBack(m)
				}
			}
		}
	}
}

// follower keeps the newest version that was not shown.
type follower struct {
	mu     sync.Mutex
	newest *message.Message
}

func (f *follower) put(m message.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.newest = &m
	return nil
}

func (f *follower) take() *message.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.newest
	f.newest = nil
	return m
}

// giveBack keeps what could not be shown, unless there is something newer.
func (f *follower) giveBack(m *message.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.newest == nil {
		f.newest = m
	}
}

// share posts the answer of a command for everybody in the channel, under the
// name of who asked, and edits it while more is found out.
func (b *Bot) share(ctx context.Context, c chat.Command, out commands.Reply) {
	err := b.publish(ctx, c.Channel, out, message.L("Shared by ").Person(c.User).L("."))
	if err == nil {
		return
	}
	b.log.Warn("an answer could not be shared", "error", err)
	sorry := message.Message{}.Para(message.L("I could not post here; invite me to this channel and try again. Only you see this.")).Divider()
	sorry.Parts = append(sorry.Parts, out.Message.Parts...)
	if err := b.slack.Respond(ctx, c.ResponseURL, sorry, false); err != nil {
		b.log.Error("cannot answer a person", "error", err)
	}
}

// publish posts an answer into a channel and edits it while more is found out.
func (b *Bot) publish(ctx context.Context, channel string, out commands.Reply, note message.Text) error {
	var at chat.Ref
	show := func(m message.Message) error {
		if len(note) > 0 {
			m = m.Note(note)
		}
		if at.TS != "" {
			return b.slack.Update(ctx, at, m)
		}
		if err := b.slack.Wait(ctx, channel, true); err != nil {
			return err
		}
		ref, err := b.slack.Post(ctx, channel, "", m, "")
		at = ref
		return err
	}
	if err := show(out.Message); err != nil || out.Follow == nil {
		return err
	}
	if err := b.following(ctx, out, inPlace, show); err != nil {
		b.log.Warn("an answer was not brought to its end", "error", err)
	}
	return nil
}

// respond answers one person through a response_url. With replace the message
// with the button they pressed gives way to it.
func (b *Bot) respond(ctx context.Context, address string, out commands.Reply, replace bool) {
	show := func(m message.Message) error { return b.slack.Respond(ctx, address, m, replace) }
	var err error
	if len(out.Message.Parts) > 0 {
		err = show(out.Message)
	}
	if err == nil && out.Follow != nil {
		err = b.following(ctx, out, alone, show)
	}
	if err != nil {
		b.log.Warn("an answer was not brought to its end", "error", err)
	}
}

// direct answers one person in their messages with the bot.
func (b *Bot) direct(ctx context.Context, user string, out commands.Reply) {
	dm, err := b.slack.DM(ctx, user)
	if err == nil {
		err = b.publish(ctx, dm, out, nil)
	}
	if err != nil {
		b.log.Error("cannot answer a person", "error", err)
	}
}
