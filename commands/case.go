package commands

import (
	"context"
	"strings"

	"github.com/securitybot/securitybot/internal/message"
)

func caseCommand() command {
	return command{name: "case", aliases: []string{"show", "status"}, args: "SB-…", about: "show what is known and was done about a case", need: Responder, run: runCase}
}

func runCase(ctx context.Context, s *Set, r Request, args []string) (message.Message, error) {
	ref, problem := reference(r, "case", args)
	if problem != nil {
		return *problem, nil
	}
	m, found, err := s.desk.Case(ctx, ref)
	if err != nil {
		return message.Message{}, err
	}
	if !found {
		return message.Message{}.Para(message.L("There is no case ").Code(ref).L(". The reference is in the small print of each message.")), nil
	}
	return m, nil
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
