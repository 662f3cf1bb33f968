package bot

import (
	"context"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/commands"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/message"
)

// The second line: a person acts in Slack. Each of these three functions is
// called before the acknowledgement: authorise, commit, and only then return,
// so that an acknowledged click is a durable click. What a person may enter
// through is in doors.go and in package commands; who may, in access.go.

// Action handles a pressed button.
func (b *Bot) Action(ctx context.Context, a chat.Action) (chat.Reply, error) {
	failpoint.Hit("click.received")
	d, known := b.buttons[a.Action]
	if !known {
		b.log.Info("a button nobody knows was pressed", "action", a.Action, "user", a.User)
		return chat.Reply{Message: refusal("This button is from another version of me and does nothing any more.")}, nil
	}
	return enter(ctx, b, d, who{a.User, a.Team}, a)
}

// Submit handles a submitted dialog.
func (b *Bot) Submit(ctx context.Context, s chat.Submission) (chat.Reply, error) {
	d, known := b.dialogs[s.Callback]
	if !known {
		return chat.Reply{Message: refusal("This dialog is from another version of me and does nothing any more.")}, nil
	}
	return enter(ctx, b, d, who{s.User, s.Team}, s)
}

// Command handles a slash command.
func (b *Bot) Command(ctx context.Context, c chat.Command) (chat.Reply, error) {
	out, err := b.commands.Run(ctx, commands.Request{Root: c.Name, Text: c.Text, User: c.User, Team: c.Team, Channel: c.Channel, Envelope: c.EnvelopeID})
	if err != nil {
		b.log.Error("command failed", "user", c.User, "error", err)
	}
	reply := chat.Reply{Modal: out.Modal}
	if out.Share {
		reply.After = func(ctx context.Context) { b.share(ctx, c, out) }
	} else if out.Follow != nil {
		reply.After = func(ctx context.Context) {
			b.respond(ctx, c.ResponseURL, commands.Reply{Follow: out.Follow}, false)
		}
	}
	if len(out.Message.Parts) > 0 && !out.Share {
		reply.Message = &out.Message
	}
	return reply, nil
}

// Refuse is the commands' gate to the one authorisation function.
func (b *Bot) Refuse(ctx context.Context, r commands.Request, need commands.Right) *message.Message {
	return b.authorise(ctx, who{r.User, r.Team}, actOf(need), object{})
}

// May is the same question without anybody trying anything.
func (b *Bot) May(ctx context.Context, r commands.Request, need commands.Right) bool {
	return b.may(ctx, who{r.User, r.Team}, actOf(need), object{})
}

// actOf is what a command's right means here; "" for a right nobody knows,
// which is denied.
func actOf(need commands.Right) act {
	switch need {
	case commands.Anyone:
		return actCommand
	case commands.Responder:
		return actRespond
	case commands.Incident:
		return actIncident
	case commands.LookUp:
		return actLookUp
	case commands.Collect:
		return actCollect
	case commands.Contain:
		return actAskContain
	case commands.Admin:
		return actAdmin
	}
	return ""
}
