package commands

func domainCommand() command {
	return command{name: "domain", aliases: []string{"dns", "host", "url"}, args: "DOMAIN… [loud]",
		about: "show what is known about domains", section: sectionLookUp, need: LookUp, share: true, run: runLookUp}
}
