package chat

import (
	"context"

	"github.com/securitybot/securitybot/internal/message"
)

// Respond sends a private answer to a response address; with replace it takes
// the place of the one before.
func (s *Slack) Respond(ctx context.Context, address string, m message.Message, replace bool) error {
	out := s.private(m)
	out.ReplaceFirst = replace
	return s.sendTo(ctx, address, out)
}
