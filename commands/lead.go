package commands

func leadCommand() command {
	c := command{name: "lead", aliases: []string{"commander", "ic"}, args: "[INC-…] [me|PERSON]", about: "say who leads the incident"}
	return changing(c, func(r Request, args []string) IncidentChange {
		return IncidentChange{Act: SetLead, People: people(r, args)}
	})
}
