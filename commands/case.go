package commands

import (
	"context"
	"strings"

	"github.com/securitybot/securitybot/internal/message"
)

// CaseDesk is what the commands about cases and questions ask of the bot.
type CaseDesk interface {
	// OpenCases describes open cases, most serious first, at most limit.
	OpenCases(ctx context.Context, r Request, limit int) (Lines, error)
	// Case describes one case by its reference, or says why not to this person;
	// false when there is none.
	Case(ctx context.Context, r Request, ref string) (message.Message, bool, error)
	// Question says whether the bot has an open or past question with this
	// reference for this person.
	Question(ctx context.Context, ref, user string) (message.Text, bool, error)
}

func caseCommand() command {
	return command{name: "case", aliases: []string{"show"}, args: "SB-…", about: "show what is known and was done about a case", section: sectionCases, need: Responder, share: true, run: runCase}
}

func runCase(ctx context.Context, s *Set, r Request, args []string) (Reply, error) {
	ref, problem := reference(r, "case", args)
	if problem != nil {
		return Say(*problem), nil
	}
	m, found, err := s.desks.Cases.Case(ctx, r, ref)
	if err != nil {
		return Reply{}, err
	}
	if !found {
		return Say(message.Message{}.Para(message.L("There is no case ").Code(ref).L(". The reference is in the small print of each message."))), nil
	}
	return Say(m), nil
}

// reference reads the one argument SB-XXXXXXXX, in any case, with or without
// the prefix.
func reference(r Request, name string, args []string) (string, *message.Message) {
	if len(args) != 1 {
		m := message.Message{}.Para(message.L("Please give one reference, like this: ").Code(r.Root + " " + name + " SB-7F3K9QXA"))
		return "", &m
	}
	ref := strings.ToUpper(strings.Trim(args[0], "`'\"*_.,"))
	ref = "SB-" + strings.TrimPrefix(ref, "SB-")
	if len(ref) != len("SB-7F3K9QXA") || strings.Trim(ref[3:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		m := message.Message{}.Para(message.Text{}.Code(args[0]).L(" is not a reference: those look like ").Code("SB-7F3K9QXA").L("."))
		return "", &m
	}
	return ref, nil
}
