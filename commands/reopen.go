package commands

func reopenCommand() command {
	c := command{name: "reopen", aliases: []string{"restart"}, args: "INC-… REASON", about: "take a closed incident up again: channel, people, timeline and records go on"}
	return changing(c, func(_ Request, args []string) IncidentChange {
		return IncidentChange{Act: Reopen, Text: free(args)}
	})
}
