package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings/lookup"
)

// Which cases name an indicator. Open ones are read one by one. For closed ones
// there is a small document for each indicator, written when a person's answer
// or verdict closes the case: arrivals, of which there are many, cost nothing
// more.

const (
	maxNamed  = 5  // indicators of one case
	maxOfName = 20 // closed cases of one indicator
	indexTime = 5 * time.Second
)

func namedDoc(key string) string { return "in:" + short(key) }

// namedBy lists what somebody might look up of a case, at most so many: the
// other ends, then the domain.
func namedBy(c *cases.Case, most int) []lookup.Indicator {
	var out []lookup.Indicator
	if c.Finding == nil {
		return nil
	}
	add := func(ind lookup.Indicator) {
		if len(out) < most && !slices.ContainsFunc(out, func(o lookup.Indicator) bool { return o.Key() == ind.Key() }) {
			out = append(out, ind)
		}
	}
	domain, err := lookup.ParseDomain(c.Finding.Domain)
	if err == nil {
		most-- // its place is kept
	}
	for _, r := range c.Finding.Remote {
		if ip := r.IP.Unmap().WithZone(""); ip.IsValid() {
			add(lookup.Indicator{Kind: lookup.IP, Addr: ip})
		}
	}
	if err == nil {
		most++
		add(domain)
	}
	return out
}

// casesNaming returns the cases that name an indicator, open ones first.
func (b *Bot) casesNaming(ctx context.Context, ind lookup.Indicator) ([]*cases.Case, error) {
	open, err := b.openCases(ctx)
	if err != nil {
		return nil, err
	}
	out := slices.DeleteFunc(open, func(c *cases.Case) bool { return !names(c.Finding, ind) })
	t := b.begin()
	body, err := t.loadRaw(ctx, namedDoc(ind.Key()))
	if err != nil {
		return nil, err
	}
	ids := readNamed(body)
	for k, id := range ids {
		ids[k] = cases.DocID(id)
	}
	if err := t.load(ctx, ids...); err != nil {
		return nil, err
	}
	for _, id := range readNamed(body) {
		c, err := t.loadCase(ctx, id)
		if err != nil || !c.Known() || c.Alias != "" || slices.ContainsFunc(out, func(o *cases.Case) bool { return o.ID == id }) {
			continue
		}
		out = append(out, c)
	}
	return out, nil
}

// readNamed reads the ids of cases, the last one first. What cannot be read
// counts as nothing.
func readNamed(body []byte) []string {
	var ids []string
	if len(body) > 0 && json.Unmarshal(body, &ids) != nil {
		return nil
	}
	return slices.DeleteFunc(ids, func(id string) bool { return !cases.ValidID(id) })
}

// indexClosed writes down what closed cases named. It is knowledge for later,
// and nobody waits for it.
func (b *Bot) indexClosed(ctx context.Context, closed []*cases.Case) {
	if len(closed) == 0 || b.lookups == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	b.workers.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, indexTime)
		defer cancel()
		var failed error
		for _, c := range closed {
			for _, key := range indexKeys(c) {
				failed = errors.Join(failed, b.change(ctx, func(t *tx, _ time.Time) error { return t.indexClosed(ctx, key, c.ID) }))
			}
		}
		if failed != nil {
			b.log.Warn("a closed case will not be found by its address", "error", failed)
		}
	})
}

// indexKeys are what a case is found by: a domain also by the part of it that
// somebody registered.
func indexKeys(c *cases.Case) []string {
	var out []string
	for _, ind := range namedBy(c, maxNamed) {
		out = append(out, ind.Key())
		if r := ind.Registrable(); ind.Kind == lookup.Domain && r != ind.Name {
			out = append(out, lookup.Indicator{Kind: lookup.Domain, Name: r}.Key())
		}
	}
	return out
}

func (t *tx) indexClosed(ctx context.Context, key, id string) error {
	body, err := t.loadRaw(ctx, namedDoc(key))
	if err != nil {
		return fmt.Errorf("read what names an indicator: %w", err)
	}
	ids := readNamed(body)
	if slices.Contains(ids, id) {
		return errGiveUp
	}
	ids = append([]string{id}, ids...)
	t.putRaw(namedDoc(key), mustJSON(ids[:min(len(ids), maxOfName)]), closedTTL)
	return nil
}
