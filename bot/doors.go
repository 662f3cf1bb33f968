package bot

import (
	"context"
	"fmt"
	"maps"

	"github.com/securitybot/securitybot/bot/chat"
)

// door is a way into the bot for people: the act it is, and what is done for
// whoever may. Nothing else is ever called because somebody pressed something;
// a test looks for handlers without a door.
type door[T any] struct {
	act act
	run func(*Bot, context.Context, T) (chat.Reply, error)
}

// buttons are the doors behind buttons, by the action of the button.
func buttons() map[string]door[chat.Action] {
	return joined(inquiryButtons(), caseButtons(), operationButtonDoors(), incidentButtons(), lookUpButtons())
}

// dialogs are the doors behind submitted dialogs, by their callback.
func dialogs() map[string]door[chat.Submission] {
	return joined(caseDialogs(), operationDialogs(), incidentDialogs(), lookUpDialogs())
}

// joined puts tables together; a name in two of them is a mistake in the
// program.
func joined[T any](tables ...map[string]door[T]) map[string]door[T] {
	out := map[string]door[T]{}
	for _, t := range tables {
		for name := range t {
			if _, twice := out[name]; twice {
				panic(fmt.Sprintf("two doors are called %q", name))
			}
		}
		maps.Copy(out, t)
	}
	return out
}

// enter lets a person through a door.
func enter[T any](ctx context.Context, b *Bot, d door[T], p who, in T) (chat.Reply, error) {
	if refused := b.authorise(ctx, p, d.act, object{}); refused != nil {
		return chat.Reply{Message: refused}, nil
	}
	return d.run(b, ctx, in)
}
