package commands

import (
	"context"
	"fmt"

	"github.com/securitybot/securitybot/internal/message"
)

const listMost = 20

func listCommand() command {
	return command{name: "list", aliases: []string{"ls", "cases", "open-cases"}, about: "show the open cases, most serious first", section: sectionCases, need: Responder, share: true, run: runList}
}

func runList(ctx context.Context, s *Set, _ Request, _ []string) (Reply, error) {
	lines, err := s.desks.Cases.OpenCases(ctx, listMost+1)
	if err != nil {
		return Reply{}, err
	}
	if len(lines) == 0 {
		return Say(plain("No case is open.")), nil
	}
	m := message.Message{}.Title(message.L("Open cases"))
	for i, line := range lines {
		if i == listMost {
			m = m.Note(message.L(fmt.Sprintf("Only the first %d are shown.", listMost)))
			break
		}
		m = m.Para(line)
	}
	return Say(m), nil
}
