package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/findings"
)

// ExpiryWarning is how long before its expiry a rule is reported by Lint.
const ExpiryWarning = 14 * 24 * time.Hour

// Lint returns what is legal in the policy but probably not meant: rules that
// expire soon or have expired, rules that are never reached, lists that are
// empty or unused, and expressions with a known trap in them.
func (p *Policy) Lint(now time.Time) Problems {
	l := &linter{policy: p, now: now}
	for i, r := range p.rules {
		l.expiry(r)
		l.reach(i, r)
		l.traps(r)
		l.types(r)
	}
	l.lists()
	return l.problems.sorted()
}

type linter struct {
	policy   *Policy
	now      time.Time
	problems Problems
}

func (l *linter) add(r *rule, msg string) {
	l.problems = append(l.problems, Problem{File: l.policy.name, Line: r.line, Col: r.col, Msg: "rule " + r.id + " " + msg})
}

func (l *linter) expiry(r *rule) {
	switch {
	case r.expires.IsZero():
	case r.expired(l.now):
		l.add(r, "has expired: it no longer applies")
	case r.expires.Sub(l.now) < ExpiryWarning:
		l.add(r, "expires on "+r.expires.Add(-time.Second).Format(time.DateOnly)+": renew or remove it")
	}
	if r.liftFloor {
		l.add(r, "suppresses findings of any severity (lift_floor)")
	}
}

func (l *linter) traps(r *rule) {
	conditions := []*condition{r.when}
	for _, s := range r.collect {
		conditions = append(conditions, s.when)
	}
	for _, c := range conditions {
		if c == nil {
			continue
		}
		if c.rawAll {
			l.add(r, "uses all(), which is true for an empty list: prefer allIn, which is not")
		}
		if c.rawTag {
			l.add(r, "reads a map entry that may be missing, and then fails: prefer finding.tags.value(\"key\")")
		}
		if strings.Contains(c.source, "finding.remote_ip.") && r.step.Compare(Notify) < 0 {
			l.add(r, "lowers attention by the first remote address alone: prefer finding.remote_ips.allIn")
		}
	}
}

// ownTypes are the beginnings of the types that are not GuardDuty's.
var ownTypes = []string{"Tamper:", "Audit:", "Coverage:", "Scan:", "Announcement:"}

// types finds patterns that no known type matches: most are misspelt.
func (l *linter) types(r *rule) {
	for _, g := range r.on {
		known := slices.ContainsFunc(findings.CatalogueTypes(), func(e findings.Entry) bool { return g.match(e.Type) })
		for _, prefix := range ownTypes {
			known = known || strings.HasPrefix(g.text, prefix)
		}
		if !known {
			l.add(r, fmt.Sprintf("is about %q, which is no known finding type", g.text))
		}
	}
}

func (l *linter) lists() {
	for _, list := range l.policy.named {
		line, col := position(list.key)
		p := Problem{File: l.policy.name, Line: line, Col: col}
		switch {
		case !list.used:
			p.Msg = "list " + list.name + " is not used by any rule"
		case list.size == 0:
			p.Msg = "list " + list.name + " is empty, so what depends on it never matches"
		default:
			continue
		}
		l.problems = append(l.problems, p)
	}
}
