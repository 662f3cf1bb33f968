package commands

import "context"

func onCallCommand() command {
	return command{name: "oncall", aliases: []string{"on-call"}, about: "show who is on call", section: sectionIncident, need: Responder, share: true,
		run: func(ctx context.Context, s *Set, _ Request, _ []string) (Reply, error) {
			m, err := s.desks.Incidents.WhoIsOnCall(ctx)
			return Say(m), err
		}}
}
