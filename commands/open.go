package commands

import (
	"context"
	"strings"

	"github.com/securitybot/securitybot/internal/message"
)

func openCommand() command {
	return command{name: "open", aliases: []string{"new", "create", "declare", "start"}, args: "[severity] TITLE [case=SB-…] [--page]",
		about: "open an incident with a channel of its own; without a title, a form asks", section: sectionIncident, need: Incident, run: runOpen}
}

func runOpen(ctx context.Context, s *Set, r Request, args []string) (Reply, error) {
	o, problem := opening(r, args)
	if problem != nil {
		return Say(*problem), nil
	}
	return s.desks.Incidents.OpenIncident(ctx, r, o)
}

// opening reads what may stand anywhere in the title out of it.
func opening(r Request, args []string) (Opening, *message.Message) {
	var o Opening
	args, o.Page = pop(args, "--page", "page=yes")
	var title []string
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		switch {
		case strings.EqualFold(name, "case"):
			ref, problem := reference(r, "open TITLE case=", []string{value})
			if problem != nil {
				return o, problem
			}
			o.Cases = append(o.Cases, ref)
		case strings.HasPrefix(a, "<@") && o.People.add(a, r.User):
		case strings.HasPrefix(a, "@") && len(a) > 1: // perhaps a person: the form asks whom
			o.People.Unknown = append(o.People.Unknown, a)
			title = append(title, a)
		default:
			title = append(title, a)
		}
	}
	o.Text = free(title)
	return o, nil
}
