package commands

import (
	"context"
	"strings"

	"github.com/securitybot/securitybot/internal/message"
)

// The headings of the help, in the order they are shown.
const (
	sectionIncident = "Run an incident"
	sectionLookUp   = "Look something up"
	sectionAct      = "Evidence and containment"
	sectionCases    = "Cases"
	sectionYou      = "For everybody"
)

var sections = []string{sectionIncident, sectionLookUp, sectionAct, sectionCases, sectionYou}

func helpCommand() command {
	return command{name: "help", aliases: []string{"?", "-h", "--help", "menu"}, args: "[command]", about: "show what you can do here", section: sectionYou, need: Anyone, run: runHelp}
}

// runHelp lists the commands the caller may use, and no others.
func runHelp(ctx context.Context, s *Set, r Request, args []string) (Reply, error) {
	if len(args) > 0 {
		if c, ok := s.find(args[0]); ok && s.may(ctx, r, c) {
			return Say(s.helpFor(r, c)), nil
		}
		return Say(s.unknown(r, args[0])), nil
	}
	m := message.Message{}.Title(message.L("What you can do here"))
	for _, section := range sections {
		var t message.Text
		for _, c := range s.table {
			if c.section != section || !s.may(ctx, r, c) {
				continue
			}
			if len(t) > 0 {
				t = t.L("\n")
			}
			t = t.Code(strings.TrimSpace(r.Root + " " + c.name + " " + c.args)).L("  " + c.about)
		}
		if len(t) > 0 {
			m = m.Para(append(message.Text{}.Strong(section).L("\n"), t...))
		}
	}
	return Say(m.Note(message.L("Only you see the answers, unless you put ").Code("share").L(" at the end of a command. ").Code(r.Root + " help COMMAND").L(" says more about one."))), nil
}

func (s *Set) may(ctx context.Context, r Request, c command) bool {
	return c.need == Anyone || s.gate.May(ctx, r, c.need)
}

func (s *Set) helpFor(r Request, c command) message.Message {
	m := message.Message{}.Para(message.Text{}.Code(strings.TrimSpace(r.Root + " " + c.name + " " + c.args)).L("  " + c.about))
	if len(c.aliases) > 0 {
		m = m.Note(message.L("Also: ").Code(strings.Join(c.aliases, ", ")))
	}
	return m
}
