package thehivefake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// query runs the steps of the Query API that are of use here: listAlert,
// listCase, getAlert, getCase, then observables, comments or attachments, filter
// with _eq and _and, and page.
func (s *Server) query(r *request) answer {
	var in struct {
		Query         []map[string]any `json:"query"`
		ExcludeFields []string         `json:"excludeFields"`
	}
	if json.Unmarshal(r.body, &in) != nil || len(in.Query) == 0 {
		return invalid("Invalid query")
	}
	var now []any // records or views
	for i, step := range in.Query {
		var why string
		name, _ := step["_name"].(string)
		if i == 0 {
			now, why = s.first(r, name, step)
		} else {
			now, why = next(now, name, step)
		}
		if why != "" {
			return invalid(why)
		}
	}
	views := []any{}
	for _, one := range now {
		views = append(views, view(one))
	}
	return says(http.StatusOK, views)
}

func (s *Server) first(r *request, name string, step map[string]any) ([]any, string) {
	id, _ := step["idOrName"].(string)
	var out []any
	switch name {
	case "listAlert":
		for _, a := range s.alerts {
			if a.Organisation == r.org {
				out = append(out, a)
			}
		}
	case "listCase":
		for _, c := range s.cases {
			if c.Organisation == r.org {
				out = append(out, c)
			}
		}
	case "getAlert":
		if a := s.alert(r, id); a != nil {
			out = append(out, a)
		}
	case "getCase":
		if c := s.caseOf(r, id); c != nil {
			out = append(out, c)
		}
	default:
		return nil, fmt.Sprintf("unknown operation %q at the start", name)
	}
	return out, ""
}

func next(now []any, name string, step map[string]any) ([]any, string) {
	switch name {
	case "observables", "comments", "attachments":
		var out []any
		for _, one := range now {
			switch x := one.(type) {
			case *Alert:
				out = append(out, parts(x.holder(), name)...)
			case *Case:
				out = append(out, parts(x.holder(), name)...)
			default:
				return nil, fmt.Sprintf("%s does not follow here", name)
			}
		}
		return out, ""
	case "filter":
		if len(step) != 2 {
			return nil, "a filter has one condition"
		}
		wrong := ""
		out := slices.DeleteFunc(slices.Clone(now), func(one any) bool {
			ok, why := matches(raw(view(one)), step)
			if why != "" {
				wrong = why
			}
			return !ok
		})
		return out, wrong
	case "page":
		from, to := number(step, "from", -1), number(step, "to", -1)
		if from < 0 || to < from {
			return nil, "a page has from and to"
		}
		return now[min(from, len(now)):min(to, len(now))], ""
	}
	return nil, fmt.Sprintf("unknown operation %q", name)
}

func parts(h holder, name string) []any {
	var out []any
	switch name {
	case "observables":
		for _, o := range *h.observables {
			out = append(out, o)
		}
	case "comments":
		for _, c := range *h.comments {
			out = append(out, c)
		}
	case "attachments":
		for _, a := range *h.attachments {
			out = append(out, a)
		}
	}
	return out
}

func view(one any) any {
	switch x := one.(type) {
	case *Alert:
		return alertView(x)
	case *Case:
		return caseView(x)
	case Observable:
		return observableView(x)
	case Comment:
		return commentView(x)
	case Attachment:
		return attachmentView(x)
	}
	return one
}

func matches(v map[string]any, filter map[string]any) (ok bool, why string) {
	for name, cond := range filter {
		switch name {
		case "_name":
		case "_and":
			list, _ := cond.([]any)
			for _, one := range list {
				f, _ := one.(map[string]any)
				if ok, why := matches(v, f); !ok || why != "" {
					return false, why
				}
			}
		case "_eq":
			f, _ := cond.(map[string]any)
			field, _ := f["_field"].(string)
			if _, known := f["_value"]; field == "" || !known {
				return false, "_eq has _field and _value"
			}
			got := v[field]
			if list, isList := got.([]any); isList {
				if !slices.Contains(list, f["_value"]) {
					return false, ""
				}
			} else if got != f["_value"] {
				return false, ""
			}
		default:
			return false, fmt.Sprintf("unknown filter %q", name)
		}
	}
	return true, ""
}
