package config

import (
	"regexp"
	"time"

	"github.com/securitybot/securitybot/findings"
)

// Incidents is how incident channels are made. Everything may be left out.
type Incidents struct {
	Prefix string `yaml:"prefix"` // channel names begin with it
	Public bool   `yaml:"public"` // channels anybody in the workspace may join
	// Groups are the user groups invited to each incident. Default: those of the
	// responders.
	Groups []string `yaml:"groups"`
	// PageFrom is the least severity that pages the people on call when an incident
	// is opened or becomes as serious; "never" leaves it to people.
	PageFrom string `yaml:"page_from"`
	// ReopenWithin is how long after its end an incident can be reopened.
	ReopenWithin time.Duration `yaml:"reopen_within"`
}

// pageNever is the value of incidents.page_from that pages nobody by itself.
const pageNever = "never"

// PageLevels are the severities that page by themselves.
func (i Incidents) PageLevels() []findings.Level {
	var out []findings.Level
	for _, l := range []findings.Level{findings.Critical, findings.High, findings.Medium, findings.Low} {
		if i.PageFrom == pageNever {
			break
		}
		out = append(out, l)
		if string(l) == i.PageFrom {
			break
		}
	}
	return out
}

func defaultIncidents() Incidents {
	return Incidents{Prefix: "inc", PageFrom: string(findings.High), ReopenWithin: 30 * 24 * time.Hour}
}

var channelPrefix = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$`)

func (d *document) checkIncidents(i Incidents) {
	if !channelPrefix.MatchString(i.Prefix) && !d.failed("incidents.prefix") {
		d.wrong("incidents.prefix", "incidents.prefix is at most 20 of a-z, 0-9 and -, such as inc, not %s", show(i.Prefix))
	}
	d.each("incidents.groups", i.Groups, groupID, "a user group's id (S…)")
	d.oneOf("incidents.page_from", i.PageFrom, string(findings.Critical), string(findings.High), string(findings.Medium), string(findings.Low), pageNever)
	d.span("incidents.reopen_within", i.ReopenWithin, 0, 90*24*time.Hour) // closed incidents are kept for 100 days
	if i.Public && !d.failed("incidents.public") {
		d.warn("incidents.public", "incidents.public lets everybody in the workspace read incidents, the people they are about included")
	}
}
