package lookup_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings/lookup"
	"github.com/securitybot/securitybot/internal/fakes/lookupfake"
)

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a fake of all sources with two hosts and two names, and an
// investigator that asks it.
type world struct {
	*lookupfake.Server
	*lookup.Investigator
	clock *clock
	t     *testing.T
}

func newWorld(t *testing.T, change func(*lookup.Config)) *world {
	t.Helper()
	w := &world{Server: lookupfake.New(), clock: &clock{now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}, t: t}
	t.Cleanup(w.Server.Close)
	w.AddHost("198.51.100.7", lookupfake.Host{ASN: 64500, ASName: "BADHOST-AS, NL", Prefix: "198.51.100.0/25", Country: "NL", Holder: "Bad Host B.V.", Abuse: "abuse@badhost.example",
		Names: []string{"node7.badhost.example"}, Tor: true, SBL: "SBL123456", Ports: []int{22, 9001}, Vulns: []string{"CVE-2025-0001"}, Noise: "malicious", NoiseName: "unknown",
		Malicious: 12, Harmless: 60, Reports: 41, Confidence: 100, Scans: 2})
	w.AddHost("203.0.113.9", lookupfake.Host{ASN: 64501, ASName: "CLOUD, US", Prefix: "203.0.113.0/24", Country: "US", Holder: "Example Cloud", AWSService: "EC2", AWSRegion: "eu-west-1"})
	w.AddHost("2001:db8::7", lookupfake.Host{ASN: 64500, ASName: "BADHOST-AS, NL", Prefix: "2001:db8::/48", Country: "NL", SBL: "SBL7"})
	w.AddName("shop.example", lookupfake.Name{Registered: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Registrar: "Cheap Names", Servers: []string{"ns1.badhost.example"},
		Addresses: []string{"198.51.100.7", "2001:db8::7"}, Mail: []string{"mx.badhost.example"}, Text: []string{"v=spf1 -all"}, Malicious: 3, Harmless: 80, Scans: 4, ScanBad: true})
	w.AddName("node7.badhost.example", lookupfake.Name{Addresses: []string{"198.51.100.7"}})
	cfg := lookup.Config{Endpoints: w.Endpoints(), VirusTotal: lookupfake.VirusTotalKey, AbuseIPDB: lookupfake.AbuseIPDBKey, Agent: "securitybot-test"}
	cfg.Now = w.clock.Now
	if change != nil {
		change(&cfg)
	}
	v, err := lookup.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Investigator = v
	return w
}

// ask runs one investigation and returns its last report.
func (w *world) ask(in string, loud bool) lookup.Report {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return w.Investigate(ctx, lookup.Query{Indicator: indicator(w.t, in), Loud: loud}, func(lookup.Report) {})
}

// told is what one source said, as one line.
func told(r lookup.Report, source string) string {
	for _, e := range r.Entries {
		if e.Source != source {
			continue
		}
		if e.State != lookup.Answered {
			return fmt.Sprintf("%s: %s", e.State, e.Reason)
		}
		parts := []string{}
		for _, s := range []string{e.Result.Nothing, e.Result.Says} {
			if s != "" {
				parts = append(parts, s)
			}
		}
		for _, f := range e.Result.Facts {
			v := f.Value
			if !f.At.IsZero() {
				v = f.At.Format(time.DateOnly)
			}
			parts = append(parts, f.Label+"="+v)
		}
		if e.Result.Note != "" {
			parts = append(parts, "("+e.Result.Note+")")
		}
		if e.Result.Warns {
			parts = append(parts, "!")
		}
		return strings.Join(parts, " | ")
	}
	return "no such source"
}

func (w *world) wants(r lookup.Report, want map[string]string) {
	w.t.Helper()
	for source, line := range want {
		if got := told(r, source); got != line {
			w.t.Errorf("%s about %s:\n got %s\nwant %s", source, r.Indicator, got, line)
		}
	}
}

func TestWhatEachSourceSaysAboutABadAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	r := w.ask("198.51.100.7", true)
	w.wants(r, map[string]string{
		"Team Cymru":        "network=AS64500 BADHOST-AS, NL | announced as=198.51.100.0/25 | country of allocation=NL | registry=ripencc",
		"RDAP":              "holder=Bad Host B.V. | name=EXAMPLE-NET | range=198.51.100.0 to 198.51.100.7 | country=NL | abuse contact=abuse@badhost.example",
		"DNS":               "name=node7.badhost.example | (the name leads back to the address)",
		"AWS ranges":        "not an address of AWS",
		"Tor exit list":     "Tor exit",
		"Spamhaus DROP":     "do not route or peer | network=198.51.100.0/25 | listing=SBL123456 | !",
		"VirusTotal":        "12 of 72 engines say malicious | reputation by its users=-12 | categories=phishing | !",
		"AbuseIPDB":         "confidence of abuse 100 of 100 | reports in 90 days=41 reports by 3 reporters | usage=Data Center/Web Hosting/Transit | provider=Bad Host B.V., host.example | !",
		"GreyNoise":         "malicious | kind=scans the internet | !",
		"urlscan.io":        "public scans=2 | last scan=2026-03-02 | page title=Sign in <now> | domain=shop.example",
		"Shodan InternetDB": "ports=22, 9001 | known vulnerabilities=CVE-2025-0001 | host names=node7.badhost.example",
	})
	if !r.Complete || r.Failures() != 0 || r.Answers() != 11 || r.Warnings() != 4 {
		t.Errorf("complete %v, %d answers, %d failures, %d warnings", r.Complete, r.Answers(), r.Failures(), r.Warnings())
	}
	for _, c := range w.Calls("") {
		if c.Agent != "securitybot-test" || c.Status >= 400 && c.Source != "rdap" {
			t.Errorf("asked badly: %+v", c)
		}
	}
}

func TestWhatEachSourceSaysAboutAnUnknownAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	r := w.ask("192.0.2.55", true)
	w.wants(r, map[string]string{
		"Team Cymru": "no network announces this address now", "RDAP": "not registered", "DNS": "no name for this address", "AWS ranges": "not an address of AWS",
		"Tor exit list": "not a Tor exit", "Spamhaus DROP": "not listed", "VirusTotal": "not known", "GreyNoise": "not seen scanning the internet",
		"AbuseIPDB":  "no reports in 90 days | usage=Data Center/Web Hosting/Transit | provider=host.example",
		"urlscan.io": "never scanned in public", "Shodan InternetDB": "nothing seen open",
	})
	if r.Failures() != 0 {
		t.Errorf("failures: %+v", r.Entries)
	}
}

func TestWhatEachSourceSaysAboutOtherIndicators(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.wants(w.ask("203.0.113.9", false), map[string]string{"AWS ranges": "service=AMAZON, EC2 | region=eu-west-1 | network=203.0.113.0/24"})
	w.wants(w.ask("2001:db8::7", false), map[string]string{
		"Team Cymru": "network=AS64500 BADHOST-AS, NL | announced as=2001:db8::/48 | country of allocation=NL | registry=ripencc",
		"GreyNoise":  "no such source", "Spamhaus DROP": "do not route or peer | network=2001:db8::/48 | listing=SBL7 | !",
	})
	r := w.ask("shop.example", true)
	w.wants(r, map[string]string{
		"RDAP":       "registered=2026-03-01 | registrar=Cheap Names | status=client transfer prohibited | name servers=ns1.badhost.example | abuse contact=abuse@registrar.example",
		"DNS":        "IPv4=198.51.100.7 | IPv6=2001:db8::7 | mail=mx.badhost.example | name servers=ns1.badhost.example | text=v=spf1 -all",
		"VirusTotal": "3 of 83 engines say malicious | reputation by its users=-3 | categories=phishing | !",
		"urlscan.io": "malicious | public scans=4 | last scan=2026-03-02 | page title=Sign in <now> | seen at=198.51.100.77 | !",
		"Team Cymru": "no such source", "Tor exit list": "no such source",
	})
	w.wants(w.ask("gone.example", true), map[string]string{"RDAP": "not registered", "DNS": "no such name now", "VirusTotal": "not known"})
}

// The registry is asked about what somebody registered, the others about the
// name itself.
func TestOnlyTheRegisteredPartGoesToTheRegistry(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.wants(w.ask("login.shop.example", false), map[string]string{"RDAP": "registered=2026-03-01 | registrar=Cheap Names | status=client transfer prohibited | name servers=ns1.badhost.example | abuse contact=abuse@registrar.example"})
	if asked := w.Mentions("registry/domain/"); len(asked) != 1 || asked[0].Target != "registry/domain/shop.example" {
		t.Errorf("asked the registry %+v", asked)
	}
}

// S13: unless it is asked for, nobody near the indicator sees a question.
func TestAnInvestigationIsQuiet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, in := range []string{"198.51.100.7", "shop.example"} {
		r := w.ask(in, false)
		if got := told(r, "DNS"); !strings.HasPrefix(got, "not asked") {
			t.Errorf("%s: DNS %s", in, got)
		}
	}
	for _, c := range w.Calls("resolver") {
		if !strings.HasSuffix(c.Target, ".asn.cymru.com") && !strings.HasSuffix(c.Target, "asn.cymru.com") {
			t.Errorf("DNS was asked for %s", c.Target)
		}
	}
	if len(w.Calls("resolver")) == 0 {
		t.Error("the resolver saw nothing at all")
	}
	w.ask("shop.example", true)
	if len(w.Mentions("A shop.example")) == 0 {
		t.Error("DNS was not asked even though it was wanted")
	}
}

func TestAPrivateIndicatorLeavesNoTrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *lookup.Config) { c.Own.Domains = []string{"corp.example"} })
	for _, in := range []string{"10.0.0.5", "169.254.169.254", "::ffff:10.0.0.5", "2002:a00:5::", "100.64.3.4", "fd00::1", "vpn.corp.example", "jira.corp", "printer.local", "localhost"} {
		r := w.ask(in, true)
		if r.Answers() != 0 || !r.Complete || r.Class.Audience != lookup.Nobody {
			t.Errorf("%s: %+v", in, r)
		}
	}
	if calls := w.Calls(""); len(calls) != 0 {
		t.Errorf("asked outside: %+v", calls)
	}
}

// Documentation addresses belong to rehearsals: they go to this machine only.
func TestDocumentationAddressesStayOnThisMachine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *lookup.Config) { c.Endpoints["greynoise"] = "https://greynoise.example/" })
	r := w.ask("198.51.100.7", false)
	if got := told(r, "GreyNoise"); !strings.HasPrefix(got, "not asked") {
		t.Errorf("GreyNoise elsewhere: %s", got)
	}
	if got := told(r, "Tor exit list"); got != "Tor exit" {
		t.Errorf("Tor here: %s", got)
	}
}

func TestSourcesCanBeSwitchedOffAndNeedTheirKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *lookup.Config) { c.Off, c.VirusTotal = []string{"urlscan", "cymru"}, "" })
	if got := strings.Join(w.Sources(), ", "); got != "RDAP, DNS, AWS ranges, Tor exit list, Spamhaus DROP, AbuseIPDB, GreyNoise, Shodan InternetDB" {
		t.Error(got)
	}
	for name, change := range map[string]func(*lookup.Config){
		"off":      func(c *lookup.Config) { c.Off = []string{"nonsense"} },
		"endpoint": func(c *lookup.Config) { c.Endpoints = map[string]string{"nonsense": "https://x.example"} },
		"scheme":   func(c *lookup.Config) { c.Endpoints = map[string]string{"tor": "ftp://x.example"} },
		"http":     func(c *lookup.Config) { c.Endpoints = map[string]string{"tor": "http://x.example"} },
		"user":     func(c *lookup.Config) { c.Endpoints = map[string]string{"tor": "https://a:b@x.example"} },
		"metadata": func(c *lookup.Config) { c.Endpoints = map[string]string{"tor": "https://169.254.169.254/"} },
		"mapped":   func(c *lookup.Config) { c.Endpoints = map[string]string{"tor": "https://[::ffff:169.254.169.254]/"} },
		"key":      func(c *lookup.Config) { c.AbuseIPDB = "a\nb" },
	} {
		cfg := lookup.Config{}
		change(&cfg)
		if _, err := lookup.New(cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := lookup.New(lookup.Config{}); err != nil {
		t.Errorf("nothing set: %v", err)
	}
	var names []string
	for n := range lookup.Defaults() {
		names = append(names, n)
	}
	for _, n := range names {
		if err := lookup.CheckEndpoint(lookup.Defaults()[n]); err != nil {
			t.Errorf("%s: %v", n, err)
		}
	}
	if !slices.Contains(lookup.SourceNames(), "dns") {
		t.Error("dns has no name")
	}
}
