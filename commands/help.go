package commands

import (
	"context"

	"github.com/securitybot/securitybot/internal/message"
)

func helpCommand() command {
	return command{name: "help", aliases: []string{"?", "-h", "--help"}, about: "show what you can do here", need: Anyone, run: runHelp}
}

// runHelp lists the commands the caller may use, and no others.
func runHelp(ctx context.Context, s *Set, r Request, _ []string) (message.Message, error) {
	m := message.Message{}.Title(message.L("What you can do here"))
	for _, c := range s.table {
		if c.need != Anyone && s.gate.Refuse(ctx, r, c.need) != nil {
			continue
		}
		usage := r.Root + " " + c.name
		if c.args != "" {
			usage += " " + c.args
		}
		m = m.Para(message.Text{}.Code(usage).L("  " + c.about))
	}
	return m.Note(message.L("Only you see the answers.")), nil
}
