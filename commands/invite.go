package commands

func inviteCommand() command {
	c := command{name: "invite", aliases: []string{"add"}, args: "[INC-…] [PERSON|GROUP|oncall…]", about: "bring people into the incident's channel"}
	return changing(c, func(r Request, args []string) IncidentChange {
		return IncidentChange{Act: Invite, People: people(r, args)}
	})
}
