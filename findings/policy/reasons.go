package policy

import (
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
	"cel.dev/cel-go/parser"
)

var errNotTruth = errors.New("the condition gave neither true nor false")

// expired reports whether the rule has run out. An unknown time counts as too
// late: a forgotten clock must not keep a suppression alive.
func (r *rule) expired(now time.Time) bool {
	return !r.expires.IsZero() && (now.IsZero() || !now.Before(r.expires))
}

// reasons tells in plain sentences why the winner won.
func (r *run) reasons(winner *rule, doubtful bool) []string {
	out := make([]string, 0, 2+len(r.doubts)+len(r.notes))
	if !doubtful {
		out = append(out, r.matchReason(winner))
	}
	for _, d := range r.doubts {
		out = append(out, r.doubtReason(d, winner))
	}
	if winner.why != "" {
		out = append(out, "why this rule exists: "+winner.why)
	}
	return append(out, r.notes...)
}

func (r *run) matchReason(rule *rule) string {
	switch {
	case rule.when != nil:
		return "rule " + rule.id + " matches: " + rule.when.source + r.values(rule.when)
	case len(rule.on) > 0:
		return "rule " + rule.id + " matches the type " + strconv.Quote(clip(r.view.finding.Type, 120))
	}
	return "rule " + rule.id + " takes what no other rule matched"
}

func (r *run) doubtReason(d doubt, winner *rule) string {
	why := r.whyDoubt(d.verdict)
	if d.verdict.err == nil {
		why += "; it depends on " + d.rule.when.residual(r.view)
	}
	switch {
	case d.rule == winner:
		return "rule " + d.rule.id + " may apply and means the most attention (" + string(d.rule.step) + "): " + why
	case d.pending:
		return "rule " + d.rule.id + " (" + string(d.rule.step) + ") is not decided yet: " + why
	}
	return "rule " + d.rule.id + " (" + string(d.rule.step) + ") was passed over: " + why
}

// whyDoubt says why a condition could not be decided.
func (r *run) whyDoubt(v verdict) string {
	if v.err != nil {
		return "its condition fails (" + clip(v.err.Error(), 120) + ")"
	}
	parts := make([]string, 0, len(v.unknown))
	for _, name := range v.unknown {
		part := r.view.whyUnknown(name)
		if len(parts) == 0 || parts[len(parts)-1] != part {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", and ")
}

func (r *run) floorReason() string {
	return "a severity of " + decimal(r.view.finding.Severity) + " is not below the floor of " + decimal(r.policy.floor)
}

// values renders what a condition read: " (finding.severity = 8)".
func (r *run) values(cond *condition) string {
	var b strings.Builder
	for _, name := range cond.reads {
		raw, _ := r.view.ResolveName(name)
		val, ok := raw.(ref.Val)
		if !ok || types.IsUnknown(val) {
			continue
		}
		if b.Len() == 0 {
			b.WriteString(" (")
		} else {
			b.WriteString(", ")
		}
		b.WriteString(name)
		b.WriteString(" = ")
		b.WriteString(show(val))
	}
	if b.Len() > 0 {
		b.WriteByte(')')
	}
	return b.String()
}

// show renders a value for people, shortened.
func show(v ref.Val) string {
	switch val := v.(type) {
	case types.String:
		return strconv.Quote(clip(string(val), 80))
	case types.Double:
		return decimal(float64(val))
	case types.Bool:
		return strconv.FormatBool(bool(val))
	case types.Int:
		return strconv.FormatInt(int64(val), 10)
	case types.Timestamp:
		return val.Time.UTC().Format(time.RFC3339)
	case traits.Mapper:
		return strconv.FormatInt(int64(val.Size().(types.Int)), 10) + " entries"
	case traits.Lister:
		return showList(val)
	}
	return "a value"
}

func showList(l traits.Lister) string {
	const most = 5
	size := int(l.Size().(types.Int))
	parts := make([]string, 0, min(size, most)+1)
	for i := range min(size, most) {
		parts = append(parts, show(l.Get(types.Int(i))))
	}
	if size > most {
		parts = append(parts, "and "+strconv.Itoa(size-most)+" more")
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// residual returns what remains of a condition once everything known is filled
// in, or its source when that cannot be told.
func (cond *condition) residual(v *view) string {
	_, details, _ := cond.traced.Eval(v)
	if details == nil {
		return cond.source
	}
	impl := cond.ast.NativeRep()
	// Pruning deletes from the map it is given, and the condition is shared.
	pruned := interpreter.PruneAst(impl.Expr(), maps.Clone(impl.SourceInfo().MacroCalls()), details.State())
	text, err := parser.Unparse(pruned.Expr(), pruned.SourceInfo())
	if err != nil {
		return cond.source
	}
	return clip(strings.Join(strings.Fields(text), " "), 300)
}
