package commands

import "strings"

func noteCommand() command {
	c := command{name: "note", aliases: []string{"log"}, args: "[INC-…] [decision:|todo:] TEXT", about: "write into the incident's timeline"}
	return changing(c, func(_ Request, args []string) IncidentChange {
		kind, text := noteKind(free(args))
		return IncidentChange{Act: Note, Kind: kind, Text: text}
	})
}

// noteKind reads what sort of line it is off its front.
func noteKind(text string) (NoteKind, string) {
	word, rest, found := strings.Cut(text, ":")
	if !found {
		return PlainNote, text
	}
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "decision", "decided":
		return Decision, strings.TrimSpace(rest)
	case "todo", "to do", "task":
		return Task, strings.TrimSpace(rest)
	case "note":
		return PlainNote, strings.TrimSpace(rest)
	}
	return PlainNote, text
}
