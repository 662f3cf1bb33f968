package commands

import (
	"context"

	"github.com/securitybot/securitybot/internal/message"
)

func verifyCommand() command {
	return command{name: "verify", aliases: []string{"check"}, args: "SB-…", about: "check that a question you got is really from the security bot", section: sectionYou, need: Anyone, run: runVerify}
}

// runVerify answers about the caller's own questions only: nobody learns
// whether somebody else was asked something.
func runVerify(ctx context.Context, s *Set, r Request, args []string) (Reply, error) {
	ref, problem := reference(r, "verify", args)
	if problem != nil {
		return Say(*problem), nil
	}
	about, found, err := s.desks.Cases.Question(ctx, ref, r.User)
	if err != nil {
		return Reply{}, err
	}
	if !found {
		return Say(message.Message{}.Para(message.L("I have not asked you anything with the reference ").Code(ref).L(". If a message says otherwise, do not answer it and tell the security team."))), nil
	}
	return Say(message.Message{}.Para(message.L("Yes, this is from me.")).Para(about).Note(message.L("I never ask for a password or a code."))), nil
}
