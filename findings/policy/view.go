package policy

import (
	"encoding/json"
	"math"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/securitybot/securitybot/findings"
)

// view is what the rules see of one finding and what is known about it. A
// field of a look-up that has not answered is an unknown of CEL under the
// variable's own name.
type view struct {
	policy  *Policy
	finding *findings.Finding
	group   findings.Group
	now     time.Time
	in      *Input

	ips  ref.Val
	tag  ref.Val
	fact map[string]ref.Val // fields of look-ups already converted
}

// ResolveName returns the value of a variable.
func (v *view) ResolveName(name string) (any, bool) {
	if get, ok := v.policy.getters[name]; ok {
		return get(v), true
	}
	if list, ok := v.policy.lists[name]; ok {
		return list, true
	}
	unknown, ok := v.policy.unknowns[name]
	if !ok {
		return nil, false
	}
	if val, done := v.fact[name]; done {
		return val, true
	}
	val := v.look(name)
	if val == nil {
		val = unknown
	}
	if v.fact == nil {
		v.fact = make(map[string]ref.Val, 4)
	}
	v.fact[name] = val
	return val, true
}

// Parent returns nil: a view is complete.
func (v *view) Parent() cel.Activation { return nil }

// look returns a field of a look-up, or nil when it is not known.
func (v *view) look(name string) ref.Val {
	enrichment, field, _ := strings.Cut(name, ".")
	fact, ok := v.in.Facts[enrichment]
	if !ok {
		return nil
	}
	switch enrichment {
	case "employee":
		if e, ok := asEmployee(fact); ok {
			return v.employee(e, field)
		}
		return nil
	case "owner":
		if o, ok := asOwner(fact); ok {
			return ownerField(o, field)
		}
		return nil
	}
	m, ok := fact.(map[string]any)
	if !ok {
		return nil
	}
	return convert(m[field], v.policy.types[name])
}

// pending reports whether a look-up has neither answered nor failed.
func (v *view) pending(enrichment string) bool {
	_, answered := v.in.Facts[enrichment]
	_, failed := v.in.Unavailable[enrichment]
	return !answered && !failed
}

// whyUnknown says in plain words why a field is not known.
func (v *view) whyUnknown(name string) string {
	enrichment, field, _ := strings.Cut(name, ".")
	if why, ok := v.in.Unavailable[enrichment]; ok {
		if _, answered := v.in.Facts[enrichment]; !answered {
			if why == "" {
				return "the look-up " + enrichment + " is unavailable"
			}
			return "the look-up " + enrichment + " is unavailable (" + clip(why, 120) + ")"
		}
	}
	if v.pending(enrichment) {
		return "the look-up " + enrichment + " has not answered yet"
	}
	return "the look-up " + enrichment + " does not say " + field
}

func (v *view) remoteIPs() ref.Val {
	if v.ips == nil {
		out := make([]string, 0, len(v.finding.Remote))
		for _, r := range v.finding.Remote {
			if r.IP.IsValid() {
				out = append(out, r.IP.Unmap().WithZone("").String())
			}
		}
		v.ips = stringList(out)
	}
	return v.ips
}

func (v *view) tags() ref.Val {
	if v.tag == nil {
		m := make(map[string]string, len(v.finding.Tags))
		for _, t := range v.finding.Tags {
			m[t.Key] = t.Value
		}
		v.tag = types.NewStringStringMap(types.DefaultTypeAdapter, m)
	}
	return v.tag
}

func (v *view) employee(e findings.Employee, field string) ref.Val {
	switch field {
	case "known":
		return types.Bool(e.Known)
	case "email":
		return types.String(e.Email)
	case "chat_id":
		return types.String(e.ChatID)
	case "name":
		return types.String(e.Name)
	case "device_ips":
		return stringList(e.DeviceIPs)
	case "on_device":
		return types.Bool(e.Known && v.finding.DeviceMatch(e.DeviceIPs) == findings.IPSame)
	case "off_device":
		return types.Bool(e.Known && v.finding.DeviceMatch(e.DeviceIPs) == findings.IPMismatch)
	}
	return nil
}

func ownerField(o findings.Owner, field string) ref.Val {
	switch field {
	case "team":
		return types.String(o.Team)
	case "catch":
		return types.Bool(o.Catch)
	}
	return nil
}

func asEmployee(fact any) (findings.Employee, bool) {
	switch v := fact.(type) {
	case findings.Employee:
		return v, true
	case *findings.Employee:
		if v != nil {
			return *v, true
		}
	case map[string]any:
		var e findings.Employee
		ok := remarshal(v, &e)
		return e, ok
	}
	return findings.Employee{}, false
}

func asOwner(fact any) (findings.Owner, bool) {
	switch v := fact.(type) {
	case findings.Owner:
		return v, true
	case *findings.Owner:
		if v != nil {
			return *v, true
		}
	case map[string]any:
		var o findings.Owner
		ok := remarshal(v, &o)
		return o, ok
	}
	return findings.Owner{}, false
}

func remarshal(m map[string]any, to any) bool {
	b, err := json.Marshal(m)
	return err == nil && json.Unmarshal(b, to) == nil
}

// convert turns a plain value, as JSON or YAML decoding gives it, into a value
// of the declared type; a value of another type is as good as none.
func convert(v any, want *cel.Type) ref.Val {
	switch want.Kind() {
	case types.BoolKind:
		if b, ok := v.(bool); ok {
			return types.Bool(b)
		}
	case types.StringKind:
		if s, ok := v.(string); ok {
			return types.String(s)
		}
	case types.IntKind:
		switch n := v.(type) {
		case int:
			return types.Int(n)
		case int64:
			return types.Int(n)
		case uint64:
			if n <= math.MaxInt64 {
				return types.Int(n)
			}
		case float64:
			if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
				return types.Int(n)
			}
		}
	case types.ListKind:
		switch l := v.(type) {
		case []string:
			return stringList(l)
		case []any:
			out := make([]string, len(l))
			for i, e := range l {
				s, ok := e.(string)
				if !ok {
					return nil
				}
				out[i] = s
			}
			return stringList(out)
		}
	}
	return nil
}
