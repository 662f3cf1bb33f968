package lookup

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// resolver asks a DNS resolver over HTTPS (RFC 8484). The machine's own
// resolver is not used: who runs that one, and what it logs, is unknown, and
// the answers of a hostile zone would pass through it.
type resolver struct {
	door *door
	at   endpoint
}

// record is one record of an answer, as text.
type record struct {
	kind dnsmessage.Type
	text string
}

// ask returns the records of one name and type. A name that does not exist has
// none.
func (r *resolver) ask(ctx context.Context, name string, kind dnsmessage.Type) ([]record, error) {
	id, query, err := question(name, kind)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.at.String(), bytes.NewReader(query))
	if err != nil {
		return nil, fail(Defect, "make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/dns-message")
	req.Header.Set("Accept", "application/dns-message")
	a, err := r.door.do(req, 64<<10)
	if err != nil {
		return nil, err
	}
	if kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type")); a.status != http.StatusOK || kind != "application/dns-message" {
		return nil, fail(Unreadable, "HTTP %d with content type %.60q", a.status, kind)
	}
	return readAnswer(a.body, id, kind)
}

func question(name string, kind dnsmessage.Type) (id uint16, query []byte, err error) {
	n, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	if err != nil {
		return 0, nil, fail(Defect, "name for DNS: %w", err)
	}
	var random [2]byte
	_, _ = rand.Read(random[:]) // never fails
	id = binary.BigEndian.Uint16(random[:])
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: n, Type: kind, Class: dnsmessage.ClassINET}},
	}
	query, err = m.Pack()
	if err != nil {
		return 0, nil, fail(Defect, "pack DNS query: %w", err)
	}
	return id, query, nil
}

// maxRecords of one answer are looked at.
const maxRecords = 100

func readAnswer(body []byte, id uint16, kind dnsmessage.Type) ([]record, error) {
	var p dnsmessage.Parser
	h, err := p.Start(body)
	if err != nil || !h.Response || h.ID != id {
		return nil, fail(Unreadable, "not an answer to the query")
	}
	switch h.RCode {
	case dnsmessage.RCodeSuccess:
	case dnsmessage.RCodeNameError:
		return nil, nil
	default:
		return nil, fail(Broken, "DNS %s", h.RCode)
	}
	if err := p.SkipAllQuestions(); err != nil {
		return nil, fail(Unreadable, "unpack DNS answer")
	}
	var out []record
	for range maxRecords {
		rr, err := p.Answer()
		if err == dnsmessage.ErrSectionDone {
			break
		}
		if err != nil {
			return nil, fail(Unreadable, "unpack DNS answer")
		}
		if rr.Header.Type == kind || rr.Header.Type == dnsmessage.TypeCNAME {
			out = append(out, record{rr.Header.Type, recordText(rr.Body)})
		}
	}
	return out, nil
}

func recordText(b dnsmessage.ResourceBody) string {
	bare := func(n dnsmessage.Name) string { return strings.TrimSuffix(n.String(), ".") }
	switch b := b.(type) {
	case *dnsmessage.AResource:
		return (Indicator{Kind: IP, Addr: addrFrom(b.A[:])}).String()
	case *dnsmessage.AAAAResource:
		return (Indicator{Kind: IP, Addr: addrFrom(b.AAAA[:])}).String()
	case *dnsmessage.PTRResource:
		return bare(b.PTR)
	case *dnsmessage.CNAMEResource:
		return bare(b.CNAME)
	case *dnsmessage.NSResource:
		return bare(b.NS)
	case *dnsmessage.MXResource:
		return bare(b.MX)
	case *dnsmessage.TXTResource:
		return strings.Join(b.TXT, "")
	}
	return ""
}

// reverse is the name of an address below zone, nibbles or bytes backwards.
func reverse(i Indicator, v4zone, v6zone string) string {
	var b strings.Builder
	if i.Addr.Is4() {
		a := i.Addr.As4()
		return fmt.Sprintf("%d.%d.%d.%d.%s", a[3], a[2], a[1], a[0], v4zone)
	}
	a := i.Addr.As16()
	for k := len(a) - 1; k >= 0; k-- {
		fmt.Fprintf(&b, "%x.%x.", a[k]&15, a[k]>>4)
	}
	return b.String() + v6zone
}
