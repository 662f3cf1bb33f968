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

// Lines are a list for one person.
type Lines struct {
	Shown  []message.Text
	Hidden int // how many more there are in accounts this person does not look after
}

func runList(ctx context.Context, s *Set, r Request, _ []string) (Reply, error) {
	open, err := s.desks.Cases.OpenCases(ctx, r, listMost+1)
	if err != nil {
		return Reply{}, err
	}
	var incidents Lines
	kinds := "case"
	if s.desks.Incidents != nil {
		kinds = "incident and no case"
		if incidents, err = s.desks.Incidents.OpenIncidents(ctx, r, listMost+1); err != nil {
			return Reply{}, err
		}
	}
	hidden := open.Hidden + incidents.Hidden
	m := listed(listed(message.Message{}, "Open incidents", incidents.Shown), "Open cases", open.Shown)
	switch {
	case len(m.Parts) > 0:
	case hidden > 0:
		m = plain("No " + kinds + " of your accounts is open.")
	default:
		m = plain("No " + kinds + " is open.")
	}
	return Say(elsewhere(m, hidden)), nil
}

// elsewhere says how many lines somebody is not shown, and nothing else of them.
func elsewhere(m message.Message, hidden int) message.Message {
	switch hidden {
	case 0:
		return m
	case 1:
		return m.Note(message.L("1 more is in an AWS account you do not look after."))
	}
	return m.Note(message.L(fmt.Sprintf("%d more are in AWS accounts you do not look after.", hidden)))
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
