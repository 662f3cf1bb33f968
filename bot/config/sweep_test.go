package config

import (
	"strings"
	"testing"
	"time"
)

func TestSweep(t *testing.T) {
	t.Parallel()
	c, said := parseFixture(completed("sweep: {accounts: [\"111122223333\"], regions: [eu-west-1], every: 30m}\n"))
	if c == nil || !c.Sweep.Enabled() || c.Sweep.Every != 30*time.Minute || c.Sweep.Window != 72*time.Hour {
		t.Errorf("%+v %s", c, said)
	}
	if c, _ = parseFixture(completed("")); c == nil || c.Sweep.Enabled() {
		t.Error("there is a sweep that nobody asked for")
	}
	for text, want := range map[string]string{
		"sweep: {accounts: [\"111122223333\"]}":                                              "sweep has no regions",
		"sweep: {regions: [eu-west-1]}":                                                      "there is no account to ask",
		"sweep: {accounts: [\"1\"], regions: [eu-west-1]}":                                   "sweep.accounts[0]",
		"sweep: {accounts: [\"111122223333\"], regions: [Ireland]}":                          "sweep.regions[0]",
		"sweep: {accounts: [\"111122223333\"], regions: [eu-west-1], every: 1m}":             "sweep.every lies between",
		"sweep: {accounts: [\"111122223333\"], regions: [eu-west-1], window: 2400h}":         "sweep.window lies between",
		"sweep: {accounts: [\"111122223333\"], regions: [eu-west-1], every: 2h, window: 3h}": "give 4h or more",
	} {
		if c, got := parseFixture(completed(text + "\n")); c != nil || !strings.Contains(got, want) {
			t.Errorf("%s: %s", text, got)
		}
	}
}
