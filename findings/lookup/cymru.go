package lookup

import (
	"context"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/securitybot/securitybot/internal/message"
)

// cymruSource asks Team Cymru's DNS zones which network announces an address
// (Team Cymru, "IP to ASN mapping service"). The question ends at Team Cymru's
// own name servers.
type cymruSource struct{ r *resolver }

// Name implements Source.
func (*cymruSource) Name() string { return "Team Cymru" }

// Takes implements Source.
func (*cymruSource) Takes(i Indicator) bool { return i.Kind == IP }

// Look implements Source. An answer reads "64500 | 203.0.113.0/24 | NL |
// ripencc | 2010-01-01"; there may be several, and several numbers in one.
func (s *cymruSource) Look(ctx context.Context, i Indicator) (Result, error) {
	records, err := s.r.ask(ctx, reverse(i, "origin.asn.cymru.com", "origin6.asn.cymru.com"), dnsmessage.TypeTXT)
	if err != nil {
		return Result{}, err
	}
	r := Result{Topic: What}
	origins := texts(records, dnsmessage.TypeTXT)
	if len(origins) == 0 {
		r.Nothing = "no network announces this address now"
		return r, nil
	}
	field := columns(longest(origins))
	numbers := strings.Fields(field(0))
	if len(numbers) == 0 || strings.Trim(numbers[0], "0123456789") != "" || len(numbers[0]) > 10 {
		return Result{}, fail(Unreadable, "an origin without AS number")
	}
	as := "AS" + strings.Join(numbers[:min(len(numbers), 4)], " AS")
	name := ""
	if about, err := s.r.ask(ctx, "AS"+numbers[0]+".asn.cymru.com", dnsmessage.TypeTXT); err != nil {
		r.Note = "the name of the network could not be looked up"
	} else if t := texts(about, dnsmessage.TypeTXT); len(t) > 0 {
		name = columns(t[0])(4)
	}
	r.add("network", strings.TrimSpace(as+" "+name))
	r.add("announced as", field(1))
	r.add("country of allocation", field(2))
	r.add("registry", field(3))
	r.Brief = message.Text{}.V(clean(strings.TrimSpace(as + " " + name)))
	if c := clean(field(2)); c != "" {
		r.Brief = r.Brief.L(", ").V(c)
	}
	return r, nil
}

// longest is the origin with the most specific network.
func longest(origins []string) string {
	best, bits := origins[0], -1
	for _, o := range origins {
		_, after, _ := strings.Cut(columns(o)(1), "/")
		n := 0
		for _, c := range after {
			if c < '0' || c > '9' || n > 128 {
				n = -1
				break
			}
			n = n*10 + int(c-'0')
		}
		if n > bits {
			best, bits = o, n
		}
	}
	return best
}

// columns splits a line of Team Cymru; a column it lacks is empty.
func columns(line string) func(int) string {
	parts := strings.Split(line, "|")
	return func(i int) string {
		if i >= len(parts) {
			return ""
		}
		return strings.TrimSpace(parts[i])
	}
}
