package commands

func severityCommand() command {
	c := command{name: "severity", aliases: []string{"sev"}, args: "[INC-…] critical|high|medium|low", about: "change how serious the incident is"}
	return changing(c, func(_ Request, args []string) IncidentChange {
		return IncidentChange{Act: SetSeverity, Text: free(args)}
	})
}
