package commands

import (
	"context"
	"fmt"

	"github.com/securitybot/securitybot/internal/message"
)

const listMost = 20

func listCommand() command {
	return command{name: "list", aliases: []string{"ls", "cases", "open-cases", "incidents"}, about: "show the open incidents and cases, most serious first", section: sectionCases, need: Responder, share: true, run: runList}
}

func runList(ctx context.Context, s *Set, _ Request, _ []string) (Reply, error) {
	lines, err := s.desks.Cases.OpenCases(ctx, listMost+1)
	if err != nil {
		return Reply{}, err
	}
	var incidents []message.Text
	nothing := "No case is open."
	if s.desks.Incidents != nil {
		nothing = "No incident and no case is open."
		if incidents, err = s.desks.Incidents.OpenIncidents(ctx, listMost+1); err != nil {
			return Reply{}, err
		}
	}
	if len(lines)+len(incidents) == 0 {
		return Say(plain(nothing)), nil
	}
	return Say(listed(listed(message.Message{}, "Open incidents", incidents), "Open cases", lines)), nil
}

// listed adds lines with a heading, when there are any.
func listed(m message.Message, head string, lines []message.Text) message.Message {
	if len(lines) == 0 {
		return m
	}
	m = m.Title(message.L(head))
	for i, line := range lines {
		if i == listMost {
			return m.Note(message.L(fmt.Sprintf("Only the first %d are shown.", listMost)))
		}
		m = m.Para(line)
	}
	return m
}
