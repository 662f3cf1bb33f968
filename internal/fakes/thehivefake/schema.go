package thehivefake

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// field is what the documentation says of one field of a body.
type field struct {
	kind     string // text, number, bool, texts, ids, observables, any
	required bool
	max      int   // of a text or of each of several, in characters
	among    []int // of a number
}

const long = 1 << 20

var (
	severities = []int{1, 2, 3, 4}
	tlps       = []int{0, 1, 2, 3, 4}
	paps       = []int{0, 1, 2, 3}
)

func alertFields() map[string]field {
	return map[string]field{
		"type": {"text", true, 32, nil}, "source": {"text", true, 32, nil}, "sourceRef": {"text", true, 128, nil},
		"title": {"text", true, 512, nil}, "description": {"text", true, long, nil},
		"externalLink": {"text", false, 4096, nil}, "severity": {"number", false, 0, severities}, "date": {"number", false, 0, nil},
		"tags": {"texts", false, 128, nil}, "flag": {"bool", false, 0, nil}, "tlp": {"number", false, 0, tlps}, "pap": {"number", false, 0, paps},
		"customFields": {"any", false, 0, nil}, "summary": {"text", false, long, nil}, "status": {"text", false, 64, nil},
		"assignee": {"text", false, 128, nil}, "caseTemplate": {"text", false, 128, nil}, "observables": {"observables", false, 0, nil}, "procedures": {"any", false, 0, nil},
	}
}

func alertChanges() map[string]field {
	f := optional(alertFields())
	for _, name := range []string{"flag", "caseTemplate", "observables", "procedures"} {
		delete(f, name)
	}
	f["lastSyncDate"], f["follow"] = field{kind: "number"}, field{kind: "bool"}
	f["addTags"], f["removeTags"] = field{kind: "texts", max: 128}, field{kind: "texts", max: 128}
	return f
}

func caseChanges() map[string]field {
	return map[string]field{
		"title": {"text", false, 512, nil}, "description": {"text", false, long, nil}, "severity": {"number", false, 0, severities},
		"startDate": {"number", false, 0, nil}, "endDate": {"number", false, 0, nil}, "tags": {"texts", false, 128, nil}, "flag": {"bool", false, 0, nil},
		"tlp": {"number", false, 0, tlps}, "pap": {"number", false, 0, paps}, "status": {"text", false, 64, nil}, "summary": {"text", false, long, nil},
		"assignee": {"text", false, 128, nil}, "impactStatus": {"text", false, 128, nil}, "customFields": {"any", false, 0, nil},
		"taskRule": {"text", false, 128, nil}, "observableRule": {"text", false, 128, nil},
		"addTags": {"texts", false, 128, nil}, "removeTags": {"texts", false, 128, nil},
	}
}

func promoteFields() map[string]field {
	f := caseChanges()
	for _, name := range []string{"description", "impactStatus", "addTags", "removeTags"} {
		delete(f, name)
	}
	f["caseTemplate"] = field{kind: "text", max: 128}
	for _, name := range []string{"tasks", "pages", "sharingParameters"} {
		f[name] = field{kind: "any"}
	}
	return f
}

func observableFields() map[string]field {
	return map[string]field{
		"dataType": {"text", true, 64, nil}, "data": {"data", false, 4096, nil}, "message": {"text", false, long, nil}, "startDate": {"number", false, 0, nil},
		"attachment": {"any", false, 0, nil}, "tlp": {"number", false, 0, tlps}, "pap": {"number", false, 0, paps}, "tags": {"texts", false, 128, nil},
		"ioc": {"bool", false, 0, nil}, "sighted": {"bool", false, 0, nil}, "sightedAt": {"number", false, 0, nil}, "ignoreSimilarity": {"bool", false, 0, nil},
		"isZip": {"bool", false, 0, nil}, "zipPassword": {"text", false, 512, nil},
	}
}

func commentFields() map[string]field {
	return map[string]field{"message": {"text", true, long, nil}, "external": {"bool", false, 0, nil}}
}

func optional(f map[string]field) map[string]field {
	for name, x := range f {
		x.required = false
		f[name] = x
	}
	return f
}

// check decodes a body and says what is wrong with it; "" when nothing is.
func check(body []byte, fields map[string]field) (map[string]any, string) {
	var got map[string]any
	if json.Unmarshal(body, &got) != nil || got == nil {
		return nil, "Invalid JSON"
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		f, known := fields[name]
		if !known {
			return nil, fmt.Sprintf("Unknown attribute %s", name)
		}
		if why := f.wrong(got[name]); why != "" {
			return nil, fmt.Sprintf("Invalid format for %s: %s", name, why)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, given := got[name]; fields[name].required && !given {
			return nil, fmt.Sprintf("Attribute %s is missing", name)
		}
	}
	return got, ""
}

func (f field) wrong(v any) string {
	switch f.kind {
	case "text":
		return f.text(v)
	case "number":
		return f.number(v)
	case "bool":
		if _, ok := v.(bool); !ok {
			return "expected a boolean"
		}
	case "texts":
		return f.texts(v)
	case "data":
		if list, ok := v.([]any); ok {
			return f.texts(list)
		}
		return f.text(v)
	case "observables":
		return observables(v)
	}
	return ""
}

func (f field) text(v any) string {
	s, ok := v.(string)
	switch {
	case !ok:
		return "expected a string"
	case s == "" && f.max < long:
		return "it is empty"
	case utf8.RuneCountInString(s) > f.max:
		return fmt.Sprintf("it is longer than %d characters", f.max)
	case strings.ContainsRune(s, 0):
		return "it holds a null character"
	}
	return ""
}

func (f field) number(v any) string {
	n, ok := v.(float64)
	if !ok || n != math.Trunc(n) {
		return "expected an integer"
	}
	if f.among != nil && !slices.Contains(f.among, int(n)) {
		return fmt.Sprintf("%v is not one of %v", n, f.among)
	}
	return ""
}

func (f field) texts(v any) string {
	list, ok := v.([]any)
	if !ok {
		return "expected a list"
	}
	seen := map[string]bool{}
	for _, one := range list {
		if why := f.text(one); why != "" {
			return why
		}
		if seen[one.(string)] {
			return "it names one twice"
		}
		seen[one.(string)] = true
	}
	return ""
}

func observables(v any) string {
	list, ok := v.([]any)
	if !ok {
		return "expected a list"
	}
	for _, one := range list {
		raw, err := json.Marshal(one)
		if err != nil {
			return err.Error()
		}
		if _, why := check(raw, observableFields()); why != "" {
			return why
		}
	}
	return ""
}
