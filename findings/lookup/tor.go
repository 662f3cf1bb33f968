package lookup

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/message"
)

// torSource knows the exits of the Tor network (Tor Project, "TorBulkExitList":
// one address a line).
type torSource struct {
	list *download[map[netip.Addr]bool]
}

func newTor(d *door, cache disk, at endpoint) *torSource {
	return &torSource{&download[map[netip.Addr]bool]{door: d, disk: cache, url: at, name: "tor", maxAge: time.Hour, retry: 10 * time.Minute, most: maxBody, parse: parseTor}}
}

// Name implements Source.
func (*torSource) Name() string { return "Tor exit list" }

// Takes implements Source.
func (*torSource) Takes(i Indicator) bool { return i.Kind == IP }

// Look implements Source.
func (s *torSource) Look(ctx context.Context, i Indicator) (Result, error) {
	got, stale, err := s.list.get(ctx)
	if err != nil {
		return Result{}, err
	}
	r := Result{Topic: What, AsOf: got.at, Note: staleNote(stale, got.at)}
	if !got.list[i.Addr] {
		r.Nothing = "not a Tor exit"
		return r, nil
	}
	r.Brief = message.Text{}.Strong("Tor exit")
	r.Says = "Tor exit"
	return r, nil
}

func parseTor(body []byte) (map[netip.Addr]bool, error) {
	out := map[netip.Addr]bool{}
	lines := bufio.NewScanner(bytes.NewReader(body))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		a, err := netip.ParseAddr(line)
		if err != nil {
			return nil, errors.New("a line is no address")
		}
		out[a.Unmap()] = true
	}
	if len(out) == 0 {
		return nil, errors.New("the list is empty")
	}
	return out, lines.Err()
}
