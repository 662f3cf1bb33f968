package commands

import "context"

func statusCommand() command {
	return command{name: "status", args: "[INC-…] [retry]", about: "show how an incident stands; retry tries again what did not work",
		section: sectionIncident, need: Incident, share: true, run: runStatus}
}

func runStatus(ctx context.Context, s *Set, r Request, args []string) (Reply, error) {
	args, again := pop(args, "retry")
	ref, _, problem := incidentRef(args)
	if problem != nil {
		return Say(*problem), nil
	}
	if again {
		return s.desks.Incidents.ChangeIncident(ctx, r, ref, IncidentChange{Act: RetrySteps})
	}
	m, err := s.desks.Incidents.IncidentStatus(ctx, r, ref)
	return Say(m), err
}
