package awsfake

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// ssmDoc is what the fake reads of a command document, schema 2.2.
type ssmDoc struct {
	SchemaVersion string `json:"schemaVersion"`
	Description   string `json:"description"`
	Parameters    map[string]struct {
		Type              string  `json:"type"`
		Description       string  `json:"description"`
		Default           *string `json:"default"`
		AllowedPattern    string  `json:"allowedPattern"`
		InterpolationType string  `json:"interpolationType"`
	} `json:"parameters"`
	MainSteps []struct {
		Action       string              `json:"action"`
		Name         string              `json:"name"`
		Precondition map[string][]string `json:"precondition"`
		Inputs       struct {
			TimeoutSeconds   string   `json:"timeoutSeconds"`
			RunCommand       []string `json:"runCommand"`
			WorkingDirectory string   `json:"workingDirectory"`
		} `json:"inputs"`
	} `json:"mainSteps"`
}

// maxSSMDocument is the limit of a document's size, in bytes.
const maxSSMDocument = 64 << 10

func parseDocument(content string) (ssmDoc, error) {
	var doc ssmDoc
	d := json.NewDecoder(strings.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return doc, fmt.Errorf("the document is not one: %w", err)
	}
	if doc.SchemaVersion != "2.2" || len(doc.MainSteps) == 0 || len(content) > maxSSMDocument {
		return doc, fmt.Errorf("the document is not of schema 2.2, has no steps or more than %d bytes", maxSSMDocument)
	}
	for name, p := range doc.Parameters {
		if _, err := regexp.Compile(p.AllowedPattern); err != nil || p.Type != "String" {
			return doc, fmt.Errorf("parameter %s: type %s, pattern: %w", name, p.Type, err)
		}
		if p.InterpolationType == "ENV_VAR" && p.AllowedPattern == "" {
			return doc, fmt.Errorf("parameter %s has no pattern", name)
		}
	}
	return doc, nil
}

// parameters checks those of a command against the document.
func (d ssmDoc) parameters(given map[string][]string) (map[string]string, error) {
	out := map[string]string{}
	for name, values := range given {
		p, known := d.Parameters[name]
		switch {
		case !known:
			return nil, refuse("InvalidParameters", "%s is not a parameter of the document", name)
		case len(values) != 1:
			return nil, refuse("InvalidParameters", "parameter %s of type String has %d values", name, len(values))
		case !MatchesPattern(p.AllowedPattern, values[0]):
			return nil, refuse("InvalidParameters", "parameter %s does not match allowedPattern", name)
		}
		out[name] = values[0]
	}
	for name, p := range d.Parameters {
		if _, ok := out[name]; ok {
			continue
		}
		if p.Default == nil {
			return nil, refuse("InvalidParameters", "parameter %s is missing", name)
		}
		out[name] = *p.Default
	}
	return out, nil
}

// version finds a version by number, or the last.
func (s *ssmState) version(name, number string) (docVersion, int, error) {
	all := s.documents[name]
	if len(all) == 0 {
		return docVersion{}, 0, refuse("InvalidDocument", "document with name %s does not exist", name)
	}
	n := 1 // $DEFAULT
	if number == "$LATEST" {
		n = len(all)
	} else if number != "" && number != "$DEFAULT" {
		var err error
		if n, err = strconv.Atoi(number); err != nil || n < 1 || n > len(all) {
			return docVersion{}, 0, refuse("InvalidDocumentVersion", "version %s of %s does not exist", number, name)
		}
	}
	return all[n-1], n, nil
}

func documentNeed(action string) func(*Cloud, *request) []Need {
	return func(_ *Cloud, r *request) []Need {
		in, _ := input[struct{ Name string }](r)
		return []Need{{Action: action, Resource: "arn:aws:ssm:" + r.Region + ":" + r.Account + ":document/" + in.Name}}
	}
}

func describeDocument(c *Cloud, r *request) (any, error) {
	in, err := input[struct{ Name, DocumentVersion, VersionName string }](r)
	if err != nil {
		return nil, err
	}
	s := stateOf[ssmState](c, r.Account, r.Region)
	number := in.DocumentVersion
	if in.VersionName != "" {
		number = "0"
		for i, v := range s.documents[in.Name] {
			if v.name == in.VersionName {
				number = strconv.Itoa(i + 1)
			}
		}
	}
	v, n, err := s.version(in.Name, number)
	if err != nil {
		return nil, err
	}
	return map[string]any{"Document": map[string]any{
		"Name": in.Name, "DocumentVersion": strconv.Itoa(n), "VersionName": v.name, "Hash": v.hash, "HashType": "Sha256",
		"Owner": r.Account, "Status": "Active", "DocumentType": "Command", "SchemaVersion": "2.2", "DocumentFormat": "JSON",
		"PlatformTypes": []string{"Linux"},
	}}, nil
}

// MatchesPattern says whether a value passes an allowedPattern.
func MatchesPattern(pattern, value string) bool {
	return regexp.MustCompile(pattern).MatchString(value)
}
