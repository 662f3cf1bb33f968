package commands

import (
	"context"

	"github.com/securitybot/securitybot/internal/message"
)

// OperationDesk lists operations.
type OperationDesk interface {
	// OpenOperations describes what waits for an approver or is under way, oldest
	// first, at most limit.
	OpenOperations(ctx context.Context, r Request, limit int) (Lines, error)
}

func operationsCommand() command {
	return command{name: "operations", aliases: []string{"ops", "actions", "jobs"}, about: "show what is under way on instances, and what waits for an approver", section: sectionAct, need: Collect, share: true, run: runOperations}
}

func runOperations(ctx context.Context, s *Set, r Request, _ []string) (Reply, error) {
	lines, err := s.desks.Operations.OpenOperations(ctx, r, listMost+1)
	if err != nil {
		return Reply{}, err
	}
	m := listed(message.Message{}, "Under way on instances", lines.Shown)
	if len(lines.Shown) == 0 {
		nothing := "Nothing is under way on any instance, and nothing waits for an approver."
		if lines.Hidden > 0 {
			nothing = "Nothing is under way on an instance of your accounts, and nothing there waits for an approver."
		}
		m = plain(nothing)
	}
	return Say(elsewhere(m, lines.Hidden)), nil
}
