package policy

import (
	"slices"
	"strings"

	"github.com/securitybot/securitybot/findings"
)

// reach finds the earlier rules that always take what this one is about.
func (l *linter) reach(i int, r *rule) {
	if r.mode == Off || len(r.on) == 0 && r.when == nil {
		return
	}
	var sure []*rule // decide about all of their types, always
	for _, earlier := range l.policy.rules[:i] {
		if earlier.mode != Enforce || !earlier.expires.IsZero() {
			continue
		}
		if earlier.when == nil {
			sure = append(sure, earlier)
		} else if sameCondition(earlier, r) && (len(earlier.on) == 0 || coversAll(earlier.on, r.on)) {
			l.add(r, "is never reached: rule "+earlier.id+" takes the same types under the same condition")
			return
		}
	}
	if takers := takersOf(sure, r.on); len(takers) > 0 {
		l.add(r, "is never reached: "+rulesWord(takers)+" the same types")
	} else if takers := l.takersOfKnown(sure, r); len(takers) > 0 {
		l.add(r, "is reached by no known finding type: "+rulesWord(takers)+" all that it is about")
	}
}

func sameCondition(a, b *rule) bool { return b.when != nil && a.when.source == b.when.source }

// takersOf names the rules that together take every pattern, one rule when one
// is enough; nothing when something is left.
func takersOf(sure []*rule, patterns []glob) []string {
	for _, s := range sure {
		if coversAll(s.on, patterns) {
			return []string{s.id}
		}
	}
	var takers []string
	for _, p := range patterns {
		i := slices.IndexFunc(sure, func(s *rule) bool { return matchAny(s.on, p.text) })
		if i < 0 {
			return nil
		}
		if !slices.Contains(takers, sure[i].id) {
			takers = append(takers, sure[i].id)
		}
	}
	return takers
}

// takersOfKnown names the rules that take every type of the catalogue that r is
// about. A type that nobody knows yet may still reach it.
func (l *linter) takersOfKnown(sure []*rule, r *rule) []string {
	var takers []string
	if len(r.on) == 0 {
		return nil
	}
	for _, e := range findings.CatalogueTypes() {
		if !r.covers(e.Type) {
			continue
		}
		i := slices.IndexFunc(sure, func(s *rule) bool { return s.covers(e.Type) })
		if i < 0 {
			return nil
		}
		if !slices.Contains(takers, sure[i].id) {
			takers = append(takers, sure[i].id)
		}
	}
	return takers
}

func rulesWord(ids []string) string {
	if len(ids) == 1 {
		return "rule " + ids[0] + " takes"
	}
	return "rules " + strings.Join(ids, ", ") + " take"
}

// coversAll reports whether every pattern of inner lies within one of outer. A
// star of inner is matched as a character, which only a star of outer does.
func coversAll(outer, inner []glob) bool {
	if len(inner) == 0 {
		return false
	}
	for _, g := range inner {
		if !matchAny(outer, g.text) {
			return false
		}
	}
	return true
}
