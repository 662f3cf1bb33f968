package bot

import (
	"cmp"
	"context"
	"fmt"
	json "github.com/go-json-experiment/json/v1"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/enrich"
)

// Who was seen under an address: the bot's own history. Each finding about a
// known employee's credentials leaves a line under the addresses they were used
// from.

const (
	seenFor     = 24 * time.Hour
	maxSeen     = 50 // people under one address
	maxSeenIPs  = 5  // addresses of one finding
	seenWriting = 5 * time.Second
)

// Seen is one employee whose credentials were used from an address.
type Seen struct {
	Email string    `json:"e"`
	Name  string    `json:"n,omitempty"`
	At    time.Time `json:"t"`
}

func seenDoc(ip netip.Addr) string { return "s:" + short(ip.Unmap().WithZone("").String()) }

// SeenUnder returns the employees whose credentials were used from an address
// in the last 24 hours, the latest first.
func (b *Bot) SeenUnder(ctx context.Context, ip netip.Addr) ([]Seen, error) {
	docs, err := b.store.Load(ctx, seenDoc(ip))
	if err != nil {
		return nil, fmt.Errorf("read who was seen under an address: %w", err)
	}
	return recent(docs[0].Body, b.clock.Now())
}

func recent(body []byte, now time.Time) ([]Seen, error) {
	if len(body) == 0 {
		return nil, nil
	}
	var all []Seen
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("decode who was seen under an address: %w", err)
	}
	all = slices.DeleteFunc(all, func(s Seen) bool { return now.Sub(s.At) > seenFor })
	slices.SortStableFunc(all, func(x, y Seen) int { return y.At.Compare(x.At) })
	return all, nil
}

// enrichByIP answers "by_ip": the employees seen under the finding's first
// address.
func (b *Bot) enrichByIP(ctx context.Context, f *findings.Finding) (any, error) {
	ip := f.RemoteIP()
	if !ip.IsValid() {
		return nil, fmt.Errorf("by_ip: %w: the finding names no address", enrich.ErrUnavailable)
	}
	seen, err := b.SeenUnder(ctx, ip)
	if err != nil {
		return nil, fmt.Errorf("by_ip: %w: %w", enrich.ErrUnavailable, err)
	}
	emails := []string{}
	for _, s := range seen {
		emails = append(emails, s.Email)
	}
	line := fmt.Sprintf("nobody else was seen under %s in 24 hours", ip)
	if len(emails) > 0 {
		line = fmt.Sprintf("seen under %s in 24 hours: %s", ip, strings.Join(emails, ", "))
	}
	return map[string]any{"employees": emails, "count": len(emails), contextKey: []string{line}}, nil
}

// remember leaves a line for each employee under the addresses of stored
// findings. It is knowledge for later and not worth waiting for: when it cannot
// be written, less is known then, which never lowers attention.
func (b *Bot) remember(ctx context.Context, found []*findings.Finding) {
	add := map[netip.Addr][]Seen{}
	for _, f := range found {
		e := b.people.Employee(f)
		if !e.Known || f.Sample {
			continue
		}
		n := 0
		for _, r := range f.Remote {
			if ip := r.IP.Unmap().WithZone(""); ip.IsValid() && n < maxSeenIPs {
				add[ip], n = append(add[ip], Seen{Email: e.Email, Name: e.Name, At: cmp.Or(lastSeen(f), b.clock.Now())}), n+1
			}
		}
	}
	if len(add) == 0 {
		return
	}
	ctx = context.WithoutCancel(ctx)
	b.workers.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, seenWriting)
		defer cancel()
		for ip, who := range add {
			err := b.change(ctx, func(t *tx, now time.Time) error { return t.remember(ctx, ip, who, now) })
			if err != nil {
				b.log.Warn("who was seen under an address was not remembered", "error", err)
			}
		}
	})
}

// remember merges people into what is known of an address.
func (t *tx) remember(ctx context.Context, ip netip.Addr, who []Seen, now time.Time) error {
	body, err := t.loadRaw(ctx, seenDoc(ip))
	if err != nil {
		return err
	}
	all, err := recent(body, now)
	if err != nil {
		all = nil // unreadable: begin anew
	}
	for _, s := range who {
		if i := slices.IndexFunc(all, func(o Seen) bool { return o.Email == s.Email }); i < 0 {
			all = append(all, s)
		} else if s.At.After(all[i].At) {
			all[i] = s
		}
	}
	all, _ = recent(mustJSON(all), now)
	if all = all[:min(len(all), maxSeen)]; len(all) == 0 {
		return errGiveUp
	}
	t.putRaw(seenDoc(ip), mustJSON(all), seenFor)
	return nil
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("bot: " + err.Error()) // strings and times
	}
	return b
}
