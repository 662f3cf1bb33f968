package enrich_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/enrich"
)

func config() enrich.Config {
	return enrich.Config{
		Domains: []string{"corp.example", "Sub.Corp.example"},
		People: []enrich.Person{
			{Email: "Ana@corp.example", ChatID: "U0ANA0000", Name: "Ana", Principals: []string{"ana", "ana-*"}, DeviceIPs: []string{"203.0.113.5"}},
			{Email: "ben@corp.example", ChatID: "U0BEN0000", Principals: []string{"ben", "deploy/ben"}},
			{Email: "cem@corp.example", Principals: []string{"shared-*", "AROA*:cem"}},
			{Email: "dee@corp.example", Principals: []string{"shared-key*"}},
		},
		OwnerTags: []string{"owner", "Team", "app:owner"},
		Teams: map[string]enrich.Contact{
			"payments": {Channel: "C0PAYMENTS"},
			"Platform": {Channel: "C0PLATFORM", Email: "platform@corp.example"},
		},
		Accounts: map[string]enrich.Account{
			"111122223333": {Name: "payments-prod", Team: "payments"},
			"444455556666": {Name: "sandbox"},
		},
		TrustedEgress: []string{"192.0.2.0/24", "2001:db8:aa::/48"},
		CatchAll:      enrich.Contact{Channel: "C0SECURITY"},
	}
}

func directory(t *testing.T) *enrich.Directory {
	t.Helper()
	d, err := enrich.New(config())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEmployee(t *testing.T) {
	t.Parallel()
	d := directory(t)
	role := func(session string) findings.Principal {
		return findings.Principal{Type: "AssumedRole", ID: "AROAEXAMPLE:" + session, Name: "AWSReservedSSO_Admin_0123456789abcdef", Session: session}
	}
	for name, tc := range map[string]struct {
		p    findings.Principal
		want string // e-mail, or empty for nobody
		why  string
	}{
		"session is an e-mail":        {role("eve@corp.example"), "eve@corp.example", "the session was opened with the sign-in name “eve@corp.example”"},
		"session in capitals":         {role("EVE@Corp.Example"), "eve@corp.example", "sign-in name"},
		"session of a listed person":  {role("ANA@corp.example"), "ana@corp.example", "sign-in name"},
		"second company domain":       {role("eve@sub.corp.example"), "eve@sub.corp.example", "sign-in name"},
		"domain below the company's":  {role("eve@evil.corp.example"), "", "not an address of the company"},
		"domain above the company's":  {role("eve@example"), "", "nothing tells"},
		"e-mail of somewhere else":    {role("eve@example.com"), "", "not an address of the company"},
		"look-alike domain":           {role("eve@corp.example.net"), "", "not an address of the company"},
		"hostile session name":        {role("ana@corp.example|<!channel>"), "", "nothing tells"},
		"two addresses":               {role("ana@corp.example,eve@corp.example"), "", "nothing tells"},
		"line break in the session":   {role("eve@corp.example\nana"), "", "nothing tells"},
		"unicode look-alike":          {role("аna@corp.example"), "", "nothing tells"},
		"session name in the table":   {role("ana"), "ana@corp.example", "the configuration says that “ana” is theirs"},
		"session name in capitals":    {role("ANA"), "ana@corp.example", "the configuration"},
		"session by pattern":          {role("ana-laptop"), "ana@corp.example", "“ana-laptop”"},
		"role and session":            {findings.Principal{Type: "AssumedRole", Name: "deploy", Session: "ben"}, "ben@corp.example", "“deploy/ben”"},
		"role id with a pattern":      {findings.Principal{Type: "AssumedRole", ID: "AROA7:cem", Name: "x"}, "cem@corp.example", "“AROA7:cem”"},
		"role name alone":             {findings.Principal{Type: "AssumedRole", Name: "ana", Session: "job-7"}, "", "nothing tells"},
		"two people for one pattern":  {role("shared-key-1"), "", "more than one person"},
		"one person for the pattern":  {role("shared-other"), "cem@corp.example", "the configuration"},
		"IAM user in the table":       {findings.Principal{Type: "IAMUser", Name: "ben", ID: "AIDAEXAMPLE"}, "ben@corp.example", "“ben”"},
		"IAM user named by e-mail":    {findings.Principal{Type: "IAMUser", Name: "eve@corp.example"}, "eve@corp.example", "the IAM user is called"},
		"IAM user nobody knows":       {findings.Principal{Type: "IAMUser", Name: "ci"}, "", "nothing tells whose credentials these are (type “IAMUser”, name “ci”)"},
		"federated user":              {findings.Principal{Type: "FederatedUser", ID: "111122223333:ana", Session: "ana"}, "ana@corp.example", "the configuration"},
		"root":                        {findings.Principal{Type: "Root", Name: "ana"}, "", "root credentials"},
		"root in other letters":       {findings.Principal{Type: "ROOT", Session: "ana@corp.example"}, "", "root credentials"},
		"service":                     {findings.Principal{Type: "AWSService", Session: "ana@corp.example"}, "", "an AWS service"},
		"other account":               {findings.Principal{Type: "AWSAccount", ID: "444455556666"}, "", "another AWS account"},
		"instance":                    {findings.Principal{Type: "AssumedRole", Name: "web", Session: "i-0abc1234def567890"}, "", "credentials of the instance"},
		"service-linked role":         {findings.Principal{Type: "AssumedRole", Name: "AWSServiceRoleForSupport", Session: "ana"}, "", "role of an AWS service"},
		"Kubernetes system account":   {findings.Principal{Type: "Kubernetes", Name: "system:anonymous"}, "", "system account"},
		"Kubernetes user":             {findings.Principal{Type: "Kubernetes", Name: "k8s-admin", Session: "eve@corp.example"}, "eve@corp.example", "sign-in name"},
		"no credentials in a finding": {findings.Principal{}, "", "names no credentials"},
	} {
		e := d.Employee(&findings.Finding{Principal: tc.p})
		if e.Known != (tc.want != "") || e.Email != tc.want || !strings.Contains(e.Why, tc.why) {
			t.Errorf("%s: %+v, want %q because %q", name, e, tc.want, tc.why)
		}
		if strings.ContainsAny(e.Why, "\n\r\x1b") {
			t.Errorf("%s: why carries control characters: %q", name, e.Why)
		}
	}
	want := findings.Employee{
		Known: true, Email: "ana@corp.example", ChatID: "U0ANA0000", Name: "Ana", DeviceIPs: []string{"203.0.113.5"},
		Why: "the configuration says that “ana” is theirs",
	}
	if diff := cmp.Diff(want, d.Employee(&findings.Finding{Principal: role("ana")})); diff != "" {
		t.Error(diff)
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	d := directory(t)
	ten := make([]findings.Tag, 0, 12)
	for range 12 {
		ten = append(ten, findings.Tag{Key: "owner", Value: "nobody in particular"})
	}
	for name, tc := range map[string]struct {
		account string
		tags    []findings.Tag
		want    findings.Owner // without Why
		why     []string
	}{
		"team by tag":           {"111122223333", []findings.Tag{{Key: "owner", Value: "Platform"}}, findings.Owner{Team: "Platform", Channel: "C0PLATFORM", Email: "platform@corp.example"}, []string{"tag “owner” says “Platform”"}},
		"other letters":         {"", []findings.Tag{{Key: "OWNER", Value: " PLATFORM "}}, findings.Owner{Team: "Platform", Channel: "C0PLATFORM", Email: "platform@corp.example"}, []string{"tag “OWNER”"}},
		"person by tag":         {"", []findings.Tag{{Key: "team", Value: "ANA@corp.example"}}, findings.Owner{Email: "ana@corp.example", ChatID: "U0ANA0000"}, []string{"tag “team” says"}},
		"person not listed":     {"", []findings.Tag{{Key: "app:owner", Value: "list@corp.example"}}, findings.Owner{Email: "list@corp.example"}, []string{"tag “app:owner”"}},
		"first key wins":        {"", []findings.Tag{{Key: "team", Value: "platform"}, {Key: "owner", Value: "payments"}}, findings.Owner{Team: "payments", Channel: "C0PAYMENTS"}, []string{"tag “owner”", "2 owner tags name different owners"}},
		"agreeing tags":         {"", []findings.Tag{{Key: "owner", Value: "payments"}, {Key: "Owner", Value: "Payments"}}, findings.Owner{Team: "payments", Channel: "C0PAYMENTS"}, []string{"tag “owner”"}},
		"unknown, then account": {"111122223333", []findings.Tag{{Key: "owner", Value: "atlantis"}}, findings.Owner{Team: "payments", Channel: "C0PAYMENTS"}, []string{"account 111122223333 (payments-prod) belongs to team payments", "“atlantis”, which is neither a team nor an e-mail address"}},
		"guest's address":       {"111122223333", []findings.Tag{{Key: "owner", Value: "guest@example.net"}}, findings.Owner{Team: "payments", Channel: "C0PAYMENTS"}, []string{"not an address of the company"}},
		"empty tag":             {"111122223333", []findings.Tag{{Key: "owner", Value: " "}}, findings.Owner{Team: "payments", Channel: "C0PAYMENTS"}, []string{"tag “owner” is empty"}},
		"hostile tag":           {"111122223333", []findings.Tag{{Key: "owner", Value: "<!channel>\nplatform"}}, findings.Owner{Team: "payments", Channel: "C0PAYMENTS"}, []string{"“<!channel> platform”"}},
		"unrelated tags":        {"111122223333", []findings.Tag{{Key: "coowner", Value: "Platform"}}, findings.Owner{Team: "payments", Channel: "C0PAYMENTS"}, []string{"has no owner tag"}},
		"account without team":  {"444455556666", nil, findings.Owner{Channel: "C0SECURITY", Catch: true}, []string{"catch-all", "no team is configured for account “444455556666”"}},
		"account not known":     {"999900001111", nil, findings.Owner{Channel: "C0SECURITY", Catch: true}, []string{"no team is configured"}},
		"nothing at all":        {"", nil, findings.Owner{Channel: "C0SECURITY", Catch: true}, []string{"catch-all"}},
		"a dozen owner tags":    {"", ten, findings.Owner{Channel: "C0SECURITY", Catch: true}, []string{"2 more owner tags were not looked at"}},
	} {
		got := d.Owner(&findings.Finding{Account: tc.account, Tags: tc.tags})
		why := got.Why
		got.Why = ""
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		for _, want := range tc.why {
			if !strings.Contains(why, want) {
				t.Errorf("%s: why %q lacks %q", name, why, want)
			}
		}
		if strings.ContainsAny(why, "\n\r\x1b") || len(why) > 2000 {
			t.Errorf("%s: why is not fit to show: %q", name, why)
		}
	}
}

func TestOwnersEndWithTheCatchAll(t *testing.T) {
	t.Parallel()
	d := directory(t)
	f := &findings.Finding{Account: "111122223333", Tags: []findings.Tag{{Key: "owner", Value: "gone@corp.example"}, {Key: "team", Value: "Platform"}}}
	var got []string
	for _, o := range d.Owners(f) {
		got = append(got, o.Team+"/"+o.Email+"/"+o.Channel)
		if o.Why == "" {
			t.Errorf("no reason in %+v", o)
		}
	}
	want := []string{"/gone@corp.example/", "Platform/platform@corp.example/C0PLATFORM", "payments//C0PAYMENTS", "//C0SECURITY"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if d.AccountName("111122223333") != "payments-prod" || d.AccountName("1") != "" {
		t.Error("account names")
	}
}

func TestDefaultOwnerTags(t *testing.T) {
	t.Parallel()
	c := config()
	c.OwnerTags = nil
	d, err := enrich.New(c)
	if err != nil {
		t.Fatal(err)
	}
	f := &findings.Finding{Tags: []findings.Tag{{Key: "team", Value: "platform"}, {Key: "owner", Value: "payments"}}}
	if o := d.Owner(f); o.Team != "payments" {
		t.Errorf("owner goes before team by default: %+v", o)
	}
}

func remote(ips ...string) *findings.Finding {
	f := &findings.Finding{}
	for _, ip := range ips {
		f.Remote = append(f.Remote, findings.Remote{IP: netip.MustParseAddr(ip)})
	}
	return f
}

func TestTrustedNetworkAndDevice(t *testing.T) {
	t.Parallel()
	d := directory(t)
	ana := findings.Employee{Known: true, DeviceIPs: []string{"203.0.113.5"}}
	for name, tc := range map[string]struct {
		f       *findings.Finding
		trusted bool
		device  findings.IPMatch
	}{
		"office":            {remote("192.0.2.7"), true, findings.IPUnknown},
		"office, mapped":    {remote("::ffff:192.0.2.7"), true, findings.IPUnknown},
		"office IPv6":       {remote("2001:db8:aa:1::2"), true, findings.IPUnknown},
		"own laptop":        {remote("203.0.113.5"), false, findings.IPSame},
		"somewhere else":    {remote("198.51.100.7"), false, findings.IPMismatch},
		"office and beyond": {remote("192.0.2.7", "198.51.100.7"), false, findings.IPMismatch},
		"no address":        {remote(), false, findings.IPUnknown},
		"invalid address":   {&findings.Finding{Remote: []findings.Remote{{Port: 7}}}, false, findings.IPUnknown},
	} {
		if got := d.Trusted(tc.f); got != tc.trusted {
			t.Errorf("%s: trusted %t", name, got)
		}
		if got := d.Device(tc.f, ana); got != tc.device {
			t.Errorf("%s: device %s, want %s", name, got, tc.device)
		}
	}
	if got := d.Device(remote("203.0.113.5"), findings.Employee{DeviceIPs: ana.DeviceIPs}); got != findings.IPUnknown {
		t.Errorf("nobody has no device: %s", got)
	}
}

func TestEnrich(t *testing.T) {
	t.Parallel()
	d := directory(t)
	f := &findings.Finding{Principal: findings.Principal{Type: "IAMUser", Name: "ana"}, Account: "111122223333", Remote: remote("192.0.2.7").Remote}
	ctx := context.Background()
	if got, err := d.Enrich(ctx, "employee", f); err != nil || got.(findings.Employee).Email != "ana@corp.example" {
		t.Errorf("employee: %v %v", got, err)
	}
	if got, err := d.Enrich(ctx, "owner", f); err != nil || got.(findings.Owner).Team != "payments" {
		t.Errorf("owner: %v %v", got, err)
	}
	if got, err := d.Enrich(ctx, "network", f); err != nil || got.(map[string]any)["trusted"] != true {
		t.Errorf("network: %v %v", got, err)
	}
	for _, name := range []string{"resource", "by_ip", "api_calls", "", "nonsense"} {
		if got, err := d.Enrich(ctx, name, f); got != nil || !errors.Is(err, enrich.ErrUnavailable) {
			t.Errorf("%s: %v %v, want ErrUnavailable", name, got, err)
		}
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := d.Enrich(done, "employee", f); !errors.Is(err, enrich.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestDirectoryKeepsItsOwnCopy(t *testing.T) {
	t.Parallel()
	c := config()
	d, err := enrich.New(c)
	if err != nil {
		t.Fatal(err)
	}
	c.People[0].Email, c.Teams["payments"], c.OwnerTags[0] = "eve@example.com", enrich.Contact{Channel: "C0ELSEWHERE"}, "other"
	c.People[0].DeviceIPs[0] = "198.51.100.1"
	f := &findings.Finding{Principal: findings.Principal{Type: "IAMUser", Name: "ana"}, Tags: []findings.Tag{{Key: "owner", Value: "payments"}}}
	if e := d.Employee(f); e.Email != "ana@corp.example" || e.DeviceIPs[0] != "203.0.113.5" {
		t.Errorf("the configuration changed under the directory: %+v", e)
	}
	if o := d.Owner(f); o.Channel != "C0PAYMENTS" {
		t.Errorf("%+v", o)
	}
	d.Employee(f).DeviceIPs[0] = "198.51.100.1"
	if e := d.Employee(f); e.DeviceIPs[0] != "203.0.113.5" {
		t.Error("a caller changed the directory")
	}
}

func FuzzDirectory(f *testing.F) {
	f.Add("AssumedRole", "ana@corp.example", "role", "owner", "payments")
	f.Add("Root", "", "", "owner", "<!channel>")
	f.Add("IAMUser", "", "shared-key\x00", "Team", "a@corp.example\n")
	d, err := enrich.New(config())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind, session, name, key, value string) {
		finding := &findings.Finding{
			Principal: findings.Principal{Type: kind, Session: session, Name: name, ID: "AROA:" + session},
			Tags:      []findings.Tag{{Key: key, Value: value}},
		}
		e := d.Employee(finding)
		if e.Why == "" || (e.Known && !strings.HasSuffix(e.Email, "corp.example")) || strings.ContainsAny(e.Why+e.Email, "\n\r\x1b\x00") {
			t.Errorf("%+v", e)
		}
		o := d.Owner(finding)
		if o.Why == "" || (o.Channel == "" && o.ChatID == "" && o.Email == "") || strings.ContainsAny(o.Why+o.Email, "\n\r\x1b\x00") {
			t.Errorf("%+v", o)
		}
	})
}
