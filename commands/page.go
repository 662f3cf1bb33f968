package commands

func pageCommand() command {
	c := command{name: "page", args: "[INC-…] [why]", about: "page the people on call for this incident"}
	return changing(c, func(_ Request, args []string) IncidentChange {
		return IncidentChange{Act: Page, Text: free(args)}
	})
}
