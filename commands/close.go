package commands

import (
	"context"
	"strings"

	"github.com/securitybot/securitybot/internal/message"
)

func closeCommand() command {
	c := changing(command{name: "close", aliases: []string{"resolve", "end"}, args: "[INC-…] REASON", about: "end the incident: timeline into the channel, then it is archived"},
		func(_ Request, args []string) IncidentChange { return IncidentChange{Act: Close, Text: free(args)} })
	end := c.run
	c.run = func(ctx context.Context, s *Set, r Request, args []string) (Reply, error) {
		if len(args) > 0 && strings.HasPrefix(strings.ToUpper(args[0]), "SB-") { // a case: it must not end the incident of this channel
			return Say(message.Message{}.Para(message.L("This command ends incidents. A case is closed with the button on its message, or on ").Code(r.Root + " case " + args[0]).L("."))), nil
		}
		return end(ctx, s, r, args)
	}
	return c
}
