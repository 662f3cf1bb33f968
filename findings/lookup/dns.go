package lookup

import (
	"context"
	"net/netip"
	"slices"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/securitybot/securitybot/internal/message"
)

// dnsSource asks DNS about the indicator itself. The resolver hands the
// question on to the indicator's own name servers, whose owner may be the
// attacker: it is loud, and asked only when somebody wants it.
type dnsSource struct{ r *resolver }

// Name implements Source.
func (*dnsSource) Name() string { return "DNS" }

// Takes implements Source.
func (*dnsSource) Takes(Indicator) bool { return true }

// Look implements Source.
func (s *dnsSource) Look(ctx context.Context, i Indicator) (Result, error) {
	if i.Kind == IP {
		return s.address(ctx, i)
	}
	return s.name(ctx, i)
}

// address looks up the names of an address, and whether the first of them leads
// back to it: anybody can claim any name for his address.
func (s *dnsSource) address(ctx context.Context, i Indicator) (Result, error) {
	records, err := s.r.ask(ctx, reverse(i, "in-addr.arpa", "ip6.arpa"), dnsmessage.TypePTR)
	if err != nil {
		return Result{}, err
	}
	r := Result{Topic: What}
	names := texts(records, dnsmessage.TypePTR)
	if len(names) == 0 {
		r.Nothing = "no name for this address"
		return r, nil
	}
	kind := dnsmessage.TypeA
	if i.Addr.Is6() {
		kind = dnsmessage.TypeAAAA
	}
	r.add("name", list(names))
	forward, err := s.r.ask(ctx, names[0], kind)
	switch {
	case err != nil:
		r.Note = "whether the name leads back to the address could not be found out"
	case slices.Contains(texts(forward, kind), i.Addr.String()):
		r.Note = "the name leads back to the address"
	default:
		r.Note = "the name does not lead back to the address, so it may be made up"
	}
	return r, nil
}

// name looks up what a name leads to. What exists is told even when one of the
// questions gets no answer.
func (s *dnsSource) name(ctx context.Context, i Indicator) (Result, error) {
	r := Result{Topic: What}
	kinds := []struct {
		label string
		kind  dnsmessage.Type
	}{{"IPv4", dnsmessage.TypeA}, {"IPv6", dnsmessage.TypeAAAA}, {"mail", dnsmessage.TypeMX}, {"name servers", dnsmessage.TypeNS}, {"text", dnsmessage.TypeTXT}}
	type reply struct {
		records []record
		err     error
	}
	replies := make([]chan reply, len(kinds))
	for k, q := range kinds {
		replies[k] = make(chan reply, 1)
		go func() {
			records, err := s.r.ask(ctx, i.Name, q.kind)
			replies[k] <- reply{records, err}
		}()
	}
	var failed error
	var aliases []string
	for k, q := range kinds {
		got := <-replies[k]
		if got.err != nil {
			failed = got.err
			continue
		}
		r.add(q.label, list(texts(got.records, q.kind)))
		if len(aliases) == 0 {
			aliases = texts(got.records, dnsmessage.TypeCNAME)
		}
	}
	r.add("alias of", list(aliases))
	switch {
	case len(r.Facts) == 0 && failed != nil:
		return Result{}, failed
	case len(r.Facts) == 0:
		r.Nothing = "no such name now"
		r.Brief = message.L("does not resolve")
	case failed != nil:
		r.Note = "not all questions were answered"
	}
	return r, nil
}

func texts(records []record, kind dnsmessage.Type) []string {
	var out []string
	for _, r := range records {
		if r.kind == kind && r.text != "" {
			out = append(out, r.text)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func addrFrom(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}
