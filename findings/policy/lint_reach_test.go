package policy_test

import (
	"slices"
	"strings"
	"testing"
)

func TestLintFindsRulesThatAreNeverReached(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ rules, want string }{
		"two rules together": {`
  - {id: recon, on: "Recon:*", then: ticket}
  - {id: trojan, on: "Trojan:*", then: ticket}
  - {id: late, on: ["Recon:EC2/*", "Trojan:EC2/DropPoint"], then: page}`, "rule late is never reached: rules recon, trojan take the same types"},
		"the same condition": {`
  - {id: low, on: "*:EC2/*", when: finding.severity < 4, then: record}
  - {id: again, on: "Recon:EC2/*", when: "finding.severity  <  4", then: page}`, "rule again is never reached: rule low takes the same types under the same condition"},
		"the same condition on everything": {`
  - {id: low, when: finding.sample, then: record}
  - {id: again, when: finding.sample, then: page}`, "rule again is never reached: rule low takes the same types under the same condition"},
		"every known type": {`
  - {id: probes, on: ["Recon:EC2/PortProbe*", "Recon:EC2/Portscan"], then: ticket}
  - {id: recon, on: "Recon:EC2/*", then: page}`, "rule recon is reached by no known finding type: rule probes takes all that it is about"},
		"another condition": {`
  - {id: low, on: "*:EC2/*", when: finding.severity < 4, then: record}
  - {id: high, on: "*:EC2/*", when: finding.severity < 5, then: page}`, ""},
		"some types are left": {`
  - {id: probes, on: "Recon:EC2/PortProbe*", then: ticket}
  - {id: recon, on: "Recon:EC2/*", then: page}`, ""},
		"the earlier one expires": {`
  - {id: recon, on: "Recon:*", then: ticket, expires: 2099-01-01}
  - {id: late, on: "Recon:EC2/*", then: page}`, ""},
		"the earlier one is a shadow": {`
  - {id: recon, on: "Recon:*", then: ticket, mode: shadow}
  - {id: late, on: "Recon:EC2/*", then: page}`, ""},
		"the later one is off": {`
  - {id: recon, on: "Recon:*", then: ticket}
  - {id: late, on: "Recon:EC2/*", then: page, mode: off}`, ""},
	} {
		var got []string
		for _, p := range compile(t, tc.rules+tail).Lint(noon) {
			if strings.Contains(p.Msg, "reached") {
				got = append(got, p.Msg)
			}
		}
		var want []string
		if tc.want != "" {
			want = []string{tc.want}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestWhatRulesCollectIsAskedAboutAtItsPlace(t *testing.T) {
	t.Parallel()
	p := compile(t, `
  - id: a
    on: "Recon:*"
    then: page
    collect: [{run: [memory, isolate]}, {when: finding.severity > 8, run: release}]
  - {id: b, on: "Trojan:*", then: page, mode: off, collect: [{run: [isolate]}]}`+tail)
	var asked []string
	got := p.CheckCollect(func(name string) string {
		asked = append(asked, name)
		if name == "memory" {
			return ""
		}
		return "not by itself"
	})
	if want := []string{"memory", "isolate", "release", "isolate"}; !slices.Equal(asked, want) {
		t.Errorf("asked about %v, want %v", asked, want)
	}
	want := "p.yaml:7:30: rule a collects isolate: not by itself\np.yaml:7:75: rule a collects release: not by itself\np.yaml:8:69: rule b collects isolate: not by itself"
	if got.Error() != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
