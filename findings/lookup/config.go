package lookup

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"
)

// Config says which sources there are and how they are asked.
type Config struct {
	Options
	// Off names sources that are not asked, by the names of Endpoints.
	Off []string
	// Endpoints replaces addresses of sources, for private mirrors and tests.
	Endpoints map[string]string
	// PerDay replaces the daily quota of sources, for paid keys; zero is no limit.
	PerDay map[string]int
	// Keys of sources; secret. Without its key, a source that needs one is left
	// out.
	VirusTotal, AbuseIPDB, GreyNoise, URLScan string
	CacheDir                                  string        // where downloaded lists are kept; empty keeps them in memory only
	Agent                                     string        // the User-Agent header; sources like to know who asks
	System                                    *net.Resolver // finds the hosts of the sources; nil is the machine's own
}

// Defaults returns the addresses of all sources, by the names that settings use.
func Defaults() map[string]string {
	return map[string]string{
		"resolver":   "https://cloudflare-dns.com/dns-query",
		"rdap":       "https://data.iana.org/rdap/",
		"tor":        "https://check.torproject.org/torbulkexitlist",
		"drop":       "https://www.spamhaus.org/drop/",
		"aws":        "https://ip-ranges.amazonaws.com/ip-ranges.json",
		"internetdb": "https://internetdb.shodan.io/",
		"greynoise":  "https://api.greynoise.io/",
		"urlscan":    "https://urlscan.io/",
		"virustotal": "https://www.virustotal.com/",
		"abuseipdb":  "https://api.abuseipdb.com/",
	}
}

// SourceNames returns the names settings use for sources, in the order of the
// report. "cymru" and "dns" are asked at the resolver.
func SourceNames() []string {
	return []string{"cymru", "rdap", "dns", "aws", "tor", "drop", "virustotal", "abuseipdb", "greynoise", "urlscan", "internetdb"}
}

// CheckEndpoint says what is wrong with the address of a source, in words for a
// configuration file.
func CheckEndpoint(raw string) error {
	_, err := newEndpoint(raw)
	return err
}

// New returns an Investigator with the sources of a configuration. It contacts
// nobody.
func New(c Config) (*Investigator, error) {
	at, err := c.endpoints()
	if err != nil {
		return nil, fmt.Errorf("look-ups: %w", err)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Agent == "" {
		c.Agent = "securitybot"
	}
	d := newDoor(slices.Collect(maps.Values(at)), c.System, c.Agent, c.Now)
	if c.Resolver == "" {
		c.Resolver = at["resolver"].Hostname()
	}
	return NewInvestigator(c.seats(d, at), c.Options), nil
}

func (c Config) endpoints() (map[string]endpoint, error) {
	defaults := Defaults()
	for name := range c.Endpoints {
		if _, known := defaults[name]; !known {
			return nil, fmt.Errorf("no source has the endpoint %q", name)
		}
	}
	for _, name := range c.Off {
		if !slices.Contains(SourceNames(), name) {
			return nil, fmt.Errorf("there is no source %q", name)
		}
	}
	out := map[string]endpoint{}
	for name, usual := range defaults {
		raw := usual
		if other := c.Endpoints[name]; other != "" {
			raw = other
		}
		e, err := newEndpoint(raw)
		if err != nil {
			return nil, fmt.Errorf("endpoint %s: %w", name, err)
		}
		out[name] = e
	}
	for _, key := range []string{c.VirusTotal, c.AbuseIPDB, c.GreyNoise, c.URLScan} {
		if strings.ContainsAny(key, "\r\n\x00") || strings.TrimSpace(key) != key {
			return nil, errors.New("a key has white space around it or a line end in it")
		}
	}
	return out, nil
}

// seats lists the sources with what they tolerate, as they document it; where
// they do not, what is polite.
func (c Config) seats(d *door, at map[string]endpoint) []Seat {
	r := &resolver{d, at["resolver"]}
	cache := disk(c.CacheDir)
	hour := time.Hour
	greynoise := 25 // "a few dozen" a day without a key, about 50 a week with a free one
	if c.GreyNoise != "" {
		greynoise = 50
	}
	all := []struct {
		name, endpoint string
		source         Source
		limits         Limits
		left           bool // out
	}{
		{"cymru", "resolver", &cymruSource{r}, Limits{TTL: 6 * hour, Every: 100 * time.Millisecond, Burst: 20}, false},
		{"rdap", "rdap", &rdapSource{d, newBootstrap(d, cache, at["rdap"])}, Limits{TTL: 12 * hour, Nothing: hour, Every: time.Second, Burst: 5}, false},
		{"dns", "resolver", &dnsSource{r}, Limits{TTL: 5 * time.Minute, Nothing: time.Minute, Every: 100 * time.Millisecond, Burst: 20}, false},
		{"aws", "aws", newAWS(d, cache, at["aws"]), Limits{}, false},
		{"tor", "tor", newTor(d, cache, at["tor"]), Limits{}, false},
		{"drop", "drop", newDrop(d, cache, at["drop"]), Limits{}, false},
		{"virustotal", "virustotal", &virustotalSource{d, at["virustotal"], c.VirusTotal}, Limits{TTL: 6 * hour, Nothing: hour, Every: 15 * time.Second, Burst: 4, PerDay: 500}, c.VirusTotal == ""},
		{"abuseipdb", "abuseipdb", &abuseipdbSource{d, at["abuseipdb"], c.AbuseIPDB}, Limits{TTL: 6 * hour, Nothing: hour, Every: time.Second, Burst: 5, PerDay: 1000}, c.AbuseIPDB == ""},
		{"greynoise", "greynoise", &greynoiseSource{d, at["greynoise"], c.GreyNoise}, Limits{TTL: 12 * hour, Every: time.Second, Burst: 5, PerDay: greynoise}, false},
		{"urlscan", "urlscan", &urlscanSource{d, at["urlscan"], c.URLScan}, Limits{TTL: 6 * hour, Nothing: hour, Every: 2 * time.Second, Burst: 5, PerDay: 400}, false},
		{"internetdb", "internetdb", &internetdbSource{d, at["internetdb"]}, Limits{TTL: 24 * hour, Nothing: 6 * hour, Every: time.Second, Burst: 5}, false},
	}
	var out []Seat
	for _, s := range all {
		if s.left || slices.Contains(c.Off, s.name) {
			continue
		}
		if n, ok := c.PerDay[s.name]; ok {
			s.limits.PerDay, s.limits.Every = n, min(s.limits.Every, time.Second)
		}
		out = append(out, Seat{Source: s.source, Limits: s.limits, Loud: s.name == "dns", Local: at[s.endpoint].local()})
	}
	return out
}
