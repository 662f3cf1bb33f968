package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/lookupfake"
)

const quietConfig = `slack: {app_token: "${file:app}", bot_token: "${file:bot}"}
channels: {security: C0SECURITY}
sqs:
  queues: [{url: "https://sqs.eu-west-1.amazonaws.com/111122223333/findings", accounts: ["111122223333"]}]
redis: {addrs: ["127.0.0.1:6379"]}
pagerduty: {routing_key: "${file:key}"}
on_call_mention: S0ONCALL
lookups:
  cache_dir: cache
  abuseipdb_key: ${file:abuse}
`

func TestInvestigateAsksTheConfiguredSources(t *testing.T) {
	t.Parallel()
	fake := lookupfake.New()
	defer fake.Close()
	fake.AddHost("198.51.100.7", lookupfake.Host{ASN: 64500, ASName: "BADHOST \x1b[31m<b>", Prefix: "198.51.100.0/25", Country: "NL", Tor: true, Reports: 3, Confidence: 90,
		Ports: []int{22}, Names: []string{"node7.badhost.example"}})
	dir := t.TempDir()
	config := quietConfig + "  endpoints:\n"
	for name, url := range fake.Endpoints() {
		config += fmt.Sprintf("    %s: %s\n", name, url)
	}
	for name, text := range map[string]string{"sb.yaml": config, "app": "xapp-1-A", "bot": "xoxb-1", "key": strings.Repeat("a1", 16), "abuse": lookupfake.AbuseIPDBKey} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := execute(append([]string{"investigate", "--config", filepath.Join(dir, "sb.yaml")}, args...), strings.NewReader(""), &out, &errs)
		return code, out.String(), errs.String()
	}
	code, out, errs := run("198[.]51[.]100[.]7")
	for _, want := range []string{"Tor exit", "Team Cymru: network AS64500 BADHOST \ufffd", "confidence of abuse 90 of 100", "node7[.]badhost[.]example", "Not asked: DNS"} {
		if want = strings.ReplaceAll(want, "\ufffd", ""); !strings.Contains(out, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if code != 0 || errs != "" || strings.Contains(out, "\x1b") || strings.Contains(out, "badhost.example") {
		t.Errorf("exit code %d, said %q, printed:\n%s", code, errs, out)
	}
	// A second run on the same machine does not fetch the lists again.
	before := len(fake.Calls("drop")) + len(fake.Calls("tor")) + len(fake.Calls("aws"))
	if code, out, _ := run("--format", "json", "198.51.100.7"); code != 0 || !strings.Contains(out, `"says":"Tor exit"`) {
		t.Errorf("exit code %d: %s", code, out)
	}
	if after := len(fake.Calls("drop")) + len(fake.Calls("tor")) + len(fake.Calls("aws")); before != 3 || after != before {
		t.Errorf("lists were fetched %d times, then %d", before, after)
	}
	// When nobody answers, the answer is no, and everybody is named.
	for name := range fake.Endpoints() {
		fake.Down(name, lookupfake.Status(503))
	}
	if code, out, _ := run("shop.example"); code != 1 || !strings.Contains(out, "No answer: RDAP (has an error of its own), urlscan.io (has an error of its own)") {
		t.Errorf("exit code %d: %s", code, out)
	}
}
