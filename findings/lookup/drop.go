package lookup

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"github.com/securitybot/securitybot/internal/message"
)

// dropSource knows the networks that Spamhaus advises not to route (Spamhaus,
// "DROP lists": drop_v4.json and drop_v6.json, one JSON object a line, the last
// one about the list; not to be fetched more than once an hour).
type dropSource struct{ v4, v6 *download[dropList] }

type dropList struct {
	nets []dropNet
	of   time.Time
}

type dropNet struct {
	prefix netip.Prefix
	sbl    string
}

func newDrop(d *door, cache disk, base endpoint) *dropSource {
	list := func(file, name string) *download[dropList] {
		at := base
		at.URL = base.JoinPath(file)
		return &download[dropList]{door: d, disk: cache, url: at, name: name, maxAge: 12 * time.Hour, retry: time.Hour, most: 4 * maxBody, parse: parseDrop}
	}
	return &dropSource{v4: list("drop_v4.json", "drop4"), v6: list("drop_v6.json", "drop6")}
}

// Name implements Source.
func (*dropSource) Name() string { return "Spamhaus DROP" }

// Takes implements Source.
func (*dropSource) Takes(i Indicator) bool { return i.Kind == IP }

// Look implements Source.
func (s *dropSource) Look(ctx context.Context, i Indicator) (Result, error) {
	l := s.v4
	if i.Addr.Is6() {
		l = s.v6
	}
	got, stale, err := l.get(ctx)
	if err != nil {
		return Result{}, err
	}
	r := Result{Topic: Reputation, AsOf: got.list.of, Note: staleNote(stale, got.at)}
	if r.AsOf.IsZero() {
		r.AsOf = got.at
	}
	for _, n := range got.list.nets {
		if n.prefix.Contains(i.Addr) {
			r.Warns = true
			r.Brief = message.Text{}.Strong("on Spamhaus DROP")
			r.Says = "do not route or peer"
			r.add("network", n.prefix.String())
			r.add("listing", n.sbl)
			return r, nil
		}
	}
	r.Nothing = "not listed"
	return r, nil
}

func parseDrop(body []byte) (dropList, error) {
	var out dropList
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 64<<10)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var line struct {
			CIDR      string `json:"cidr"`
			SBL       string `json:"sblid"`
			Type      string `json:"type"`
			Timestamp int64  `json:"timestamp"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return out, jsonProblem(err)
		}
		if line.Type == "metadata" {
			out.of = time.Unix(line.Timestamp, 0).UTC()
			continue
		}
		p, err := netip.ParsePrefix(line.CIDR)
		if err != nil {
			return out, errors.New("a line is no network")
		}
		out.nets = append(out.nets, dropNet{p.Masked(), line.SBL})
	}
	if len(out.nets) == 0 {
		return out, errors.New("the list is empty")
	}
	return out, lines.Err()
}
