package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func readExample(t *testing.T) string {
	t.Helper()
	src, err := os.ReadFile("../../deploy/securitybot.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

func exampleLoader() Loader {
	return Loader{LookupEnv: func(name string) (string, bool) {
		v, ok := map[string]string{
			"SLACK_APP_TOKEN": "xapp-1-A", "SLACK_BOT_TOKEN": "xoxb-1",
			"PAGERDUTY_ROUTING_KEY": strings.Repeat("a1", 16), "PAGERDUTY_FALLBACK_ROUTING_KEY": strings.Repeat("b2", 16),
			"THEHIVE_API_KEY":     strings.Repeat("c3", 16),
			"PAGERDUTY_API_TOKEN": "u+3xample",
			"AUDIT_KEY":           strings.Repeat("c3", 32), "AUDIT_OLD_KEY": strings.Repeat("d4", 32),
			"DUO_SECRET_KEY": strings.Repeat("e5", 20), "OKTA_TOKEN": strings.Repeat("f6", 20), "OIDC_CLIENT_SECRET": strings.Repeat("a7", 20),
			"VIRUSTOTAL_KEY": "key-1", "ABUSEIPDB_KEY": "key-2", "GREYNOISE_KEY": "key-3", "URLSCAN_KEY": "key-4",
		}[name]
		return v, ok
	}}
}

func TestTheExampleIsRight(t *testing.T) {
	t.Parallel()
	c, err := exampleLoader().Parse("example.yaml", []byte(readExample(t)))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings:\n%s", c.Warnings.Error())
	}
}

// commented matches a setting that is commented out to show its default.
var commented = regexp.MustCompile(`(?m)^( *)# ((?:  )*(?:[a-z_]+): ?.*)$`)

func TestWhatTheExampleShowsCommentedOutExistsAndIsTheDefault(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "policy.yaml", "version: 1\nrules:\n  - {id: default, then: ticket}\n", 0o600)
	write(t, dir, "redis", "secret\n", 0o600)
	full := commented.ReplaceAllString(readExample(t), "$1$2")
	for from, to := range map[string]string{"/run/secrets/redis": dir + "/redis", "/var/lib/securitybot/archive": dir, "/var/lib/securitybot/audit": dir} {
		if !strings.Contains(full, from) {
			t.Errorf("the example does not mention %s", from)
		}
		full = strings.ReplaceAll(full, from, to)
	}
	c, err := exampleLoader().Parse(filepath.Join(dir, "full.yaml"), []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	for _, pair := range []struct {
		name      string
		got, want any
	}{
		{"slack.posting", c.Slack.Posting, want.Slack.Posting},
		{"slack.connections", c.Slack.Connections, want.Slack.Connections},
		{"slack.command", c.Slack.Command, want.Slack.Command},
		{"sqs", c.SQS, want.SQS},
		{"redis", c.Redis, want.Redis},
		{"pagerduty", c.PagerDuty, want.PagerDuty},
		{"inquiries.max_open", c.Inquiries.MaxOpen, want.Inquiries.MaxOpen},
		{"mfa.per_hour", c.MFA.PerHour, want.MFA.PerHour},
		{"mfa.oidc.listen", c.MFA.OIDC.Listen, want.MFA.OIDC.Listen},
		{"mfa.oidc.claim", c.MFA.OIDC.Claim, want.MFA.OIDC.Claim},
		{"mfa.username", c.MFA.Username, want.MFA.Username},
		{"thehive.marking", c.TheHive.Marking, want.TheHive.Marking},
		{"http", c.HTTP, want.HTTP},
		{"log", c.Log, want.Log},
		{"nlb_map", c.NLBMap, want.NLBMap},
		{"sweep", c.Sweep, want.Sweep},
		{"audit.checkpoint_every", c.Audit.CheckpointEvery, want.Audit.CheckpointEvery},
	} {
		ignore := cmp.Options{cmpopts.IgnoreFields(Redis{}, "Addrs", "SentinelMaster", "Username"), cmpopts.IgnoreFields(PagerDuty{}, "EscalationPolicies")}
		if diff := cmp.Diff(pair.want, pair.got, cmpopts.IgnoreTypes(Secret{}), cmpopts.IgnoreFields(SQS{}, "Queues"), cmpopts.IgnoreFields(NLBMap{}, "Accounts", "Regions"), cmpopts.IgnoreFields(Sweep{}, "Accounts", "Regions"), ignore); diff != "" {
			t.Errorf("%s is shown with another default (-default +shown)\n%s", pair.name, diff)
		}
	}
}

func TestTheExampleShowsEverySetting(t *testing.T) {
	t.Parallel()
	text := readExample(t)
	private := []string{"api_url", "events_url"} // for tests and private endpoints
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || typ == secretType {
			return
		}
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ",")
			if name == "" || name == "-" {
				continue
			}
			shown := regexp.MustCompile(`(?m)(^|[ {,])` + name + `:`).MatchString(text)
			if shown == slices.Contains(private, name) {
				t.Errorf("%s.%s: shown %v", typ.Name(), name, shown)
			}
			walk(typ.Field(i).Type)
		}
	}
	walk(reflect.TypeFor[Config]())
}
