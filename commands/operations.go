package commands

import (
	"context"
	"fmt"

	"github.com/securitybot/securitybot/internal/message"
)

// OperationDesk lists operations.
type OperationDesk interface {
	// OpenOperations describes what waits for an approver or is under way, oldest
	// first, at most limit.
	OpenOperations(ctx context.Context, limit int) ([]message.Text, error)
}

func operationsCommand() command {
	return command{name: "operations", aliases: []string{"ops", "actions", "jobs"}, about: "show what is under way on instances, and what waits for an approver", section: sectionAct, need: Collect, share: true, run: runOperations}
}

func runOperations(ctx context.Context, s *Set, _ Request, _ []string) (Reply, error) {
	lines, err := s.desks.Operations.OpenOperations(ctx, listMost+1)
	if err != nil {
		return Reply{}, err
	}
	if len(lines) == 0 {
		return Say(plain("Nothing is under way on any instance, and nothing waits for an approver.")), nil
	}
	m := message.Message{}.Title(message.L("Under way on instances"))
	for i, line := range lines {
		if i == listMost {
			m = m.Note(message.L(fmt.Sprintf("Only the first %d are shown.", listMost)))
			break
		}
		m = m.Para(line)
	}
	return Say(m), nil
}
