package lookup_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings/lookup"
	"github.com/securitybot/securitybot/internal/fakes/lookupfake"
)

// short makes waits short enough for a test.
func short(c *lookup.Config) {
	c.SourceTimeout, c.Timeout, c.First = 400*time.Millisecond, 800*time.Millisecond, 100*time.Millisecond
}

func TestEveryWayToFailIsNamedPlainly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		failure lookupfake.Failure
		want    lookup.Reason
	}{
		{"hang", lookupfake.Hang(), lookup.TimedOut},
		{"drip", lookupfake.Drip(), lookup.TimedOut},
		{"drop", lookupfake.Drop(), lookup.Unreachable},
		{"500", lookupfake.Status(500), lookup.Broken},
		{"503", lookupfake.Status(503), lookup.Broken},
		{"418", lookupfake.Status(418), lookup.Broken},
		{"429", lookupfake.TooMany("30"), lookup.Throttled},
		{"429 without header", lookupfake.TooMany(""), lookup.Throttled},
		{"401", lookupfake.Status(401), lookup.Refused},
		{"403", lookupfake.Status(403), lookup.Refused},
		{"html", lookupfake.Garbage(), lookup.Unreadable},
		{"huge", lookupfake.Huge(), lookup.TooLarge},
		{"long header", lookupfake.LongHeader(200_000), lookup.Unreachable},
		{"JSON as a page", lookupfake.Says("text/html", `{"ip":"198.51.100.7","ports":[22],"data":{"ipAddress":"198.51.100.7","abuseConfidenceScore":1,"id":"198.51.100.7"}}`), lookup.Unreadable},
		{"metadata", lookupfake.Redirect("http://169.254.169.254/latest/meta-data/"), lookup.Redirected},
		{"list", lookupfake.Says("application/json", "[]"), lookup.Unreadable},
		{"cut off", lookupfake.Says("application/json", `{"data":{"attributes":`), lookup.Unreadable},
		{"other type", lookupfake.Says("application/json", `{"ip":7,"data":7,"services":7,"results":7}`), lookup.Unreadable},
		{"null", lookupfake.Says("application/json", `null`), lookup.Unreadable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(cfg *lookup.Config) {
				short(cfg)
				cfg.SourceTimeout, cfg.Timeout = 2*time.Second, 5*time.Second
			})
			for name := range w.Endpoints() {
				w.Down(name, c.failure)
			}
			if c.want != lookup.TooLarge && c.want != lookup.TimedOut {
				w.Down("aws", lookupfake.Status(500)) // a list has other limits
			}
			r := w.ask("198.51.100.7", false)
			for _, e := range r.Entries {
				got := e.Reason
				switch {
				case e.Source == "DNS", e.Source == "AWS ranges" && e.State == lookup.Failed,
					e.Source == "Tor exit list" && e.State == lookup.Failed, e.Source == "Spamhaus DROP" && e.State == lookup.Failed:
				case e.Source == "urlscan.io" && c.name == "null": // an empty search result
				case e.Source == "GreyNoise" && c.name == "null": // nothing seen
				case e.State != lookup.Failed || got != c.want && e.Source != "Team Cymru":
					t.Errorf("%s: %s %q, want %q", e.Source, e.State, got, c.want)
				}
			}
			if !r.Complete {
				t.Error("not complete")
			}
		})
	}
}

// A compromised or confused source says things about another address, or counts
// that cannot be.
func TestAnswersThatCannotBeRightAreNotBelieved(t *testing.T) {
	t.Parallel()
	for source, bodies := range map[string][]string{
		"abuseipdb":  {`{"data":{"ipAddress":"198.51.100.7","abuseConfidenceScore":101,"totalReports":1}}`, `{"data":{"ipAddress":"198.51.100.7","abuseConfidenceScore":-1}}`, `{"data":{"ipAddress":"198.51.100.7","abuseConfidenceScore":"99"}}`, `{"data":{"ipAddress":"198.51.100.7"}}`, `{"data":{"ipAddress":"192.0.2.1","abuseConfidenceScore":5}}`},
		"virustotal": {`{"data":{"id":"192.0.2.1","attributes":{"last_analysis_stats":{"malicious":1}}}}`, `{"data":{"id":"198.51.100.7","attributes":{"last_analysis_stats":{"malicious":-5}}}}`, `{"data":{"id":"198.51.100.7","attributes":{"last_analysis_stats":{"malicious":100000}}}}`},
		"greynoise":  {`{"ip":"192.0.2.1","noise":true,"classification":"benign"}`},
		"internetdb": {`{"ip":"192.0.2.1","ports":[22]}`, `{"ports":[22]}`},
	} {
		for _, body := range bodies {
			w := newWorld(t, short)
			w.Fail(source, lookupfake.Says("application/json", body))
			r := w.ask("198.51.100.7", false)
			n := 0
			for _, e := range r.Entries {
				if e.State == lookup.Failed && e.Reason == lookup.Unreadable {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%s saying %s was believed", source, body)
			}
		}
	}
}

func TestWhatSourcesSayIsBoundedAndPlain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, short)
	w.Fail("greynoise", lookupfake.Says("application/json", `{"ip":"198.51.100.7","noise":true,"classification":"malicious<!channel>\u202e\u0000","name":"`+strings.Repeat("x", 100_000)+`"}`))
	r := w.ask("198.51.100.7", false)
	got := told(r, "GreyNoise")
	if !strings.HasPrefix(got, "malicious<!channel> | name=xxx") || len(got) > 300 {
		t.Errorf("%.400s", got)
	}
}

func TestARegistryTalksAboutWhatWasAsked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, body, want string }{
		{"198.51.100.7", `{"startAddress":"198.51.100.0","endAddress":"198.51.100.255","name":"N"}`, "name=N | range=198.51.100.0 to 198.51.100.255"},
		{"198.51.100.7", `{"startAddress":"203.0.113.0","endAddress":"203.0.113.255","name":"N"}`, "failed: " + string(lookup.Unreadable)},
		{"198.51.100.7", `{"startAddress":"198.51.100.8","endAddress":"198.51.100.255"}`, "failed: " + string(lookup.Unreadable)},
		{"198.51.100.7", `{"name":"N"}`, "failed: " + string(lookup.Unreadable)},
		{"a.shop.example", `{"ldhName":"SHOP.EXAMPLE.","status":["active"]}`, "status=active"},
		{"shop.example", `{"ldhName":"other.example","status":["active"]}`, "failed: " + string(lookup.Unreadable)},
		{"shop.example", `{"status":["active"]}`, "failed: " + string(lookup.Unreadable)},
	} {
		w := newWorld(t, short)
		w.ask("192.0.2.99", false) // IANA's lists come first
		w.ask("other.example", false)
		w.Fail("rdap", lookupfake.Says("application/rdap+json", c.body))
		if got := told(w.ask(c.in, false), "RDAP"); got != c.want {
			t.Errorf("%s, %s: %s", c.in, c.body, got)
		}
	}
}

// A page that is not found, of a proxy or a mirror set up wrongly, must not look
// like the answer that nothing is known.
func TestAMissingPageIsNotGoodNews(t *testing.T) {
	t.Parallel()
	w := newWorld(t, short)
	for source := range w.Endpoints() {
		w.Down(source, lookupfake.Page(404))
	}
	for _, in := range []string{"198.51.100.7", "shop.example"} {
		if r := w.ask(in, true); r.Answers() != 0 {
			t.Errorf("%s: %+v", in, r.Entries)
		}
	}
	w.Up("rdap")
	w.clock.Advance(time.Hour)
	w.ask("192.0.2.99", false) // IANA's lists come first
	w.Down("rdap", lookupfake.Page(404))
	if got := told(w.ask("198.51.100.7", false), "RDAP"); got != "failed: "+string(lookup.Unreadable) {
		t.Errorf("RDAP: %s", got)
	}
}

func TestAnOriginWithoutNumberIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{"", "evil.example | 198.51.100.0/24 | NL", " | 198.51.100.0/24", "12345678901 | x", "|||"} {
		w := newWorld(t, short)
		w.AddHost("203.0.113.77", lookupfake.Host{Origin: origin})
		got := told(w.ask("203.0.113.77", false), "Team Cymru")
		if origin != "" && got != "failed: "+string(lookup.Unreadable) || origin == "" && got != "no network announces this address now" {
			t.Errorf("%q: %s", origin, got)
		}
		if len(w.Mentions("evil")) != 0 {
			t.Errorf("%q was looked up", origin)
		}
	}
	w := newWorld(t, short)
	w.AddHost("203.0.113.77", lookupfake.Host{Origin: "64500 64501 | 203.0.113.0/24"})
	if got := told(w.ask("203.0.113.77", false), "Team Cymru"); got != "network=AS64500 AS64501 BADHOST-AS, NL | announced as=203.0.113.0/24" {
		t.Error(got)
	}
}

// A registry may send us to another registry of IANA's list, once; not to any
// other place.
func TestRegistriesMaySendUsToEachOtherOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, short)
	iana := func(w *world) { // the lists come first
		w.ask("192.0.2.99", false)
	}
	iana(w)
	w.Fail("rdap", lookupfake.Redirect(w.URL+"/rdap/registry/ip/198.51.100.7"))
	if got := told(w.ask("198.51.100.7", false), "RDAP"); !strings.HasPrefix(got, "holder=Bad Host") {
		t.Errorf("redirect to a registry: %s", got)
	}
	for _, to := range []string{"http://169.254.169.254/latest/", "http://127.0.0.1:1/x", "https://evil.example/", "//evil.example/", "file:///etc/passwd", "http://user@" + strings.TrimPrefix(w.URL, "http://") + "/rdap/registry/ip/198.51.100.7"} {
		w := newWorld(t, short)
		iana(w)
		w.Fail("rdap", lookupfake.Redirect(to))
		if got := told(w.ask("198.51.100.7", false), "RDAP"); got != "failed: "+string(lookup.Redirected) {
			t.Errorf("redirect to %q: %s", to, got)
		}
	}
	w = newWorld(t, short)
	iana(w)
	again := lookupfake.Redirect(w.URL + "/rdap/registry/ip/198.51.100.7")
	w.Fail("rdap", again, again)
	if got := told(w.ask("198.51.100.7", false), "RDAP"); got != "failed: "+string(lookup.Redirected) {
		t.Errorf("a second redirect: %s", got)
	}
}

// Row 41 and 100, S12: the name of a source leads to an address inside.
func TestASourceThatLeadsInsideIsNotContacted(t *testing.T) {
	t.Parallel()
	for _, inside := range []string{"127.0.0.1", "169.254.169.254", "10.0.0.5", "100.64.0.9", "::1", "fd00:ec2::254", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:c000:201:0:0:80ff:fffe", "fec0::1", "0.0.0.0"} {
		fake := lookupfake.New()
		system, stop := fake.Resolver(inside)
		_, port, _ := strings.Cut(strings.TrimPrefix(fake.URL, "http://"), ":")
		// Everything is at the port of the fake, so that only the guard is between.
		cfg := lookup.Config{System: system, Off: []string{"cymru", "rdap", "dns", "aws", "tor", "drop", "urlscan", "internetdb"}, Endpoints: map[string]string{"greynoise": "https://greynoise.example:" + port + "/"}}
		v, err := lookup.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		// 192.0.3.1 is used because documentation addresses stay on this machine.
		r := v.Investigate(context.Background(), lookup.Query{Indicator: indicator(t, "192.0.3.1")}, func(lookup.Report) {})
		if got := told(r, "GreyNoise"); got != "failed: "+string(lookup.Forbidden) {
			t.Errorf("%s: %s", inside, got)
		}
		if len(fake.Calls("system")) == 0 {
			t.Errorf("%s: the name was never resolved, so nothing was tested", inside)
		}
		if calls := fake.Calls("greynoise"); len(calls) != 0 {
			t.Errorf("%s: contacted: %+v", inside, calls)
		}
		stop()
		fake.Close()
	}
}

// A proxy in the environment would see every question and undo the check of
// addresses.
func TestAProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	proxy := lookupfake.New()
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	w := newWorld(t, short)
	w.ask("198.51.100.7", false)
	if calls := proxy.Calls(""); len(calls) != 0 {
		t.Errorf("the proxy saw %+v", calls)
	}
	if len(w.Calls("")) == 0 {
		t.Error("nobody was asked")
	}
}

func TestKeysGoToTheirSourceAndNowhereElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *lookup.Config) { c.URLScan, c.GreyNoise = lookupfake.URLScanKey, "greynoise-key" })
	w.ask("198.51.100.7", true)
	keys := map[string]string{"virustotal": lookupfake.VirusTotalKey, "abuseipdb": lookupfake.AbuseIPDBKey, "urlscan": lookupfake.URLScanKey, "greynoise": "greynoise-key"}
	for _, c := range w.Calls("") {
		if c.Key != keys[c.Source] || strings.Contains(c.Target, "key") {
			t.Errorf("%s got key %q in %s", c.Source, c.Key, c.Target)
		}
	}
}
