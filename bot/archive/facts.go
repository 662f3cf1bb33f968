package archive

import (
	"strings"

	json "github.com/go-json-experiment/json/v1"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

// factsOf keeps of the answers what rules can see. An answer that is too large is
// left out whole: half a list would be another list.
func factsOf(known map[string]any) *Facts {
	var f Facts
	for name, v := range known {
		switch fact := v.(type) {
		case findings.Employee:
			e := findings.Employee{Known: fact.Known, Email: fact.Email, ChatID: fact.ChatID, Name: fact.Name, DeviceIPs: fact.DeviceIPs}
			if small(e) {
				f.Employee = &e
			}
		case findings.Owner:
			o := findings.Owner{Team: fact.Team, Catch: fact.Catch}
			if small(o) {
				f.Owner = &o
			}
		case map[string]any:
			if seen := visible(name, fact); f.other(name) != nil && small(seen) {
				*f.other(name) = seen
			}
		}
	}
	return &f
}

// other is where a look-up's answer is kept that is a map; nil for what has a
// type of its own or is not known.
func (f *Facts) other(name string) *map[string]any {
	switch name {
	case "network":
		return &f.Network
	case "resource":
		return &f.Resource
	case "by_ip":
		return &f.ByIP
	case "api_calls":
		return &f.APICalls
	}
	return nil
}

// visible are the fields of an answer that the policy language has.
func visible(name string, fact map[string]any) map[string]any {
	out := map[string]any{}
	for _, v := range policy.Variables() {
		if field, ours := strings.CutPrefix(v, name+"."); ours {
			if value, given := fact[field]; given {
				out[field] = value
			}
		}
	}
	return out
}

func small(v any) bool {
	b, err := json.Marshal(v)
	return err == nil && len(b) <= maxFact
}

// known gives the facts back in the form the policy takes.
func (f *Facts) known() map[string]any {
	out := map[string]any{}
	if f == nil {
		return out
	}
	if f.Employee != nil {
		out["employee"] = *f.Employee
	}
	if f.Owner != nil {
		out["owner"] = *f.Owner
	}
	for _, name := range policy.Enrichments() {
		if m := f.other(name); m != nil && *m != nil {
			out[name] = *m
		}
	}
	return out
}
