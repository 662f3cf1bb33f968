package commands

import (
	"context"

	"github.com/securitybot/securitybot/internal/message"
)

func breakGlassCommand() command {
	return command{name: "breakglass", aliases: []string{"break-glass", "alone"}, about: "show who isolated or released without a second person, when and why", section: sectionAct, need: Responder, share: true,
		run: func(ctx context.Context, s *Set, r Request, _ []string) (Reply, error) {
			lines, err := s.desks.Operations.ActedAlone(ctx, r, listMost+1)
			if err != nil {
				return Reply{}, err
			}
			m := listed(message.Message{}, "Without a second person, last first", lines.Shown)
			if len(lines.Shown) == 0 {
				m = plain("Nobody has acted without a second person, as far as the list goes back.")
				if lines.Hidden > 0 {
					m = plain("Nobody has acted without a second person in your accounts, as far as the list goes back.")
				}
			}
			return Say(elsewhere(m, lines.Hidden)), nil
		}}
}
