package config

import (
	"slices"
	"testing"

	"github.com/securitybot/securitybot/findings"
)

func TestWhichSeveritiesOfIncidentsPage(t *testing.T) {
	t.Parallel()
	for from, want := range map[string][]findings.Level{
		"critical": {findings.Critical},
		"high":     {findings.Critical, findings.High},
		"low":      {findings.Critical, findings.High, findings.Medium, findings.Low},
		"never":    nil,
	} {
		if got := (Incidents{PageFrom: from}).PageLevels(); !slices.Equal(got, want) {
			t.Errorf("from %s: %v, want %v", from, got, want)
		}
	}
}

func TestIncidentsInviteTheRespondersByDefault(t *testing.T) {
	t.Parallel()
	c, said := parseFixture(completed(""))
	if c == nil {
		t.Fatal(said)
	}
	if got := c.Incidents; got.Prefix != "inc" || got.Public || got.PageFrom != "high" || !slices.Equal(got.Groups, []string{"S0RESPONDERS"}) {
		t.Errorf("by default incidents are %+v", got)
	}
	c, said = parseFixture(completed("incidents:\n  groups: [S0OTHERS]\n"))
	if c == nil || !slices.Equal(c.Incidents.Groups, []string{"S0OTHERS"}) {
		t.Errorf("groups that are named: %+v %s", c, said)
	}
}
