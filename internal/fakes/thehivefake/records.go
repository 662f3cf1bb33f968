package thehivefake

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
)

func (s *Server) alert(r *request, id string) *Alert {
	for _, a := range s.alerts {
		if a.ID == id && a.Organisation == r.org {
			return a
		}
	}
	return nil
}

func (s *Server) caseOf(r *request, id string) *Case {
	for _, c := range s.cases {
		if (c.ID == id || fmt.Sprint(c.Number) == id) && c.Organisation == r.org {
			return c
		}
	}
	return nil
}

func (s *Server) createAlert(r *request) answer {
	in, why := check(r.body, alertFields())
	if why != "" {
		return invalid(why)
	}
	a := &Alert{ID: s.newID(), Type: text(in, "type"), Source: text(in, "source"), SourceRef: text(in, "sourceRef"), Title: text(in, "title"),
		Description: text(in, "description"), Severity: number(in, "severity", 2), TLP: number(in, "tlp", 2), PAP: number(in, "pap", 2),
		Date: int64(number(in, "date", int(s.now().UnixMilli()))), Tags: texts(in, "tags"), ExternalLink: text(in, "externalLink"),
		Status: "New", Stage: "New", Organisation: r.org, Created: s.now()}
	for _, b := range s.alerts {
		if b.Type == a.Type && b.Source == a.Source && b.SourceRef == a.SourceRef && b.Organisation == r.org {
			return refuse(http.StatusBadRequest, "CreateError", fmt.Sprintf("Alert %s:%s:%s already exist in organisation %s", a.Type, a.Source, a.SourceRef, r.org))
		}
	}
	list, _ := in["observables"].([]any)
	for _, one := range list {
		if bad := s.observe(a.holder(), one.(map[string]any)); bad != nil {
			return *bad
		}
	}
	s.alerts = append(s.alerts, a)
	return says(http.StatusCreated, alertView(a))
}

func (s *Server) onAlert(r *request) answer {
	a := s.alert(r, r.id)
	switch {
	case a == nil:
		return missing("Alert")
	case r.op == "getAlert":
		return says(http.StatusOK, alertView(a))
	case r.op == "promote":
		return s.promote(r, a)
	}
	in, why := check(r.body, alertChanges())
	if why != "" {
		return invalid(why)
	}
	if status := text(in, "status"); status != "" {
		stage, known := alertStages()[status]
		if !known {
			return missing("AlertStatus")
		}
		a.Status, a.Stage = status, stage
	}
	set(in, map[string]*string{"title": &a.Title, "description": &a.Description, "summary": &a.Summary, "externalLink": &a.ExternalLink})
	a.Severity, a.Tags = number(in, "severity", a.Severity), retag(a.Tags, in)
	return answer{status: http.StatusNoContent}
}

// promote makes the alert's case, or returns it.
func (s *Server) promote(r *request, a *Alert) answer {
	in, why := check(orEmpty(r.body), promoteFields())
	if why != "" {
		return invalid(why)
	}
	if c := s.caseOf(r, a.CaseID); c != nil {
		return says(http.StatusCreated, caseView(c))
	}
	c := &Case{ID: s.newID(), Number: len(s.cases) + 1, Title: a.Title, Description: a.Description, Severity: a.Severity, TLP: a.TLP, PAP: a.PAP,
		Tags: slices.Clone(a.Tags), Status: "New", Stage: "New", Template: text(in, "caseTemplate"), Observables: slices.Clone(a.Observables), Organisation: r.org, Created: s.now()}
	s.cases = append(s.cases, c)
	a.CaseID, a.Status, a.Stage = c.ID, "Imported", "Imported"
	return says(http.StatusCreated, caseView(c))
}

func (s *Server) onCase(r *request) answer {
	c := s.caseOf(r, r.id)
	switch {
	case c == nil:
		return missing("Case")
	case r.op == "getCase":
		return says(http.StatusOK, caseView(c))
	}
	in, why := check(r.body, caseChanges())
	if why != "" {
		return invalid(why)
	}
	if impact := text(in, "impactStatus"); impact != "" && !slices.Contains([]string{"NotApplicable", "WithImpact", "NoImpact"}, impact) {
		return invalid("Invalid format for impactStatus")
	}
	if status := text(in, "status"); status != "" {
		stage, known := caseStages()[status]
		if !known {
			return missing("CaseStatus")
		}
		c.Status, c.Stage = status, stage
	}
	set(in, map[string]*string{"title": &c.Title, "description": &c.Description, "summary": &c.Summary, "impactStatus": &c.ImpactStatus})
	c.Severity, c.Tags = number(in, "severity", c.Severity), retag(c.Tags, in)
	return answer{status: http.StatusNoContent}
}

// onHolder adds something to an alert or a case.
func (s *Server) onHolder(r *request) answer {
	var h holder
	if strings.HasPrefix(r.URL.Path, "/api/v1/case/") {
		c := s.caseOf(r, r.id)
		if c == nil {
			return missing("Case")
		}
		h = c.holder()
	} else {
		a := s.alert(r, r.id)
		if a == nil {
			return missing("Alert")
		}
		h = a.holder()
	}
	switch r.op {
	case "comment":
		in, why := check(r.body, commentFields())
		if why != "" {
			return invalid(why)
		}
		c := Comment{ID: s.newID(), Message: text(in, "message"), By: r.login, At: s.now()}
		*h.comments = append(*h.comments, c)
		return says(http.StatusCreated, commentView(c))
	case "observable":
		in, why := check(r.body, observableFields())
		if why != "" {
			return invalid(why)
		}
		if bad := s.observe(h, in); bad != nil {
			return *bad
		}
		return says(http.StatusCreated, []any{observableView((*h.observables)[len(*h.observables)-1])})
	}
	return s.attach(r, h)
}

// observe adds an observable; the answer is what is wrong with it.
func (s *Server) observe(h holder, in map[string]any) *answer {
	o := Observable{ID: s.newID(), DataType: text(in, "dataType"), Data: text(in, "data"), Message: text(in, "message"), Tags: texts(in, "tags"),
		TLP: number(in, "tlp", 2), PAP: number(in, "pap", 2), IOC: in["ioc"] == true, Sighted: in["sighted"] == true}
	var a answer
	switch {
	case !slices.Contains(observableTypes(), o.DataType):
		a = missing("Observable type " + o.DataType)
	case o.Data == "":
		a = invalid("Observable doesn't contain data")
	case o.DataType == "file":
		a = invalid("Observable type file requires an attachment")
	case h.find(o.DataType, o.Data) != nil:
		a = refuse(http.StatusBadRequest, "CreateError", "Observable already exists")
	default:
		*h.observables = append(*h.observables, o)
		return nil
	}
	return &a
}

// observableTypes are the types of a new installation.
func observableTypes() []string {
	return []string{"autonomous-system", "domain", "file", "filename", "fqdn", "hash", "hostname", "ip", "mail", "mail-subject", "other",
		"regexp", "registry", "uri_path", "url", "user-agent"}
}

// attach reads the files of a multipart body.
func (s *Server) attach(r *request, h holder) answer {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return invalid("expected multipart/form-data")
	}
	var files []Attachment
	rename := false
	for m := multipart.NewReader(bytes.NewReader(r.body), params["boundary"]); ; {
		part, err := m.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return invalid("Invalid multipart body")
		}
		data, err := io.ReadAll(part)
		switch {
		case err != nil:
			return invalid("Invalid multipart body")
		case part.FormName() == "canRename":
			rename = string(data) == "true"
		case part.FormName() != "attachments" || part.FileName() == "":
			return invalid("Unknown attribute " + part.FormName())
		case len(part.FileName()) > 128:
			return invalid("Invalid format for name: it is longer than 128 characters")
		default:
			sum := sha256.Sum256(data)
			files = append(files, Attachment{ID: s.newID(), Name: part.FileName(), ContentType: part.Header.Get("Content-Type"), SHA256: hex.EncodeToString(sum[:]), Data: data})
		}
	}
	if len(files) == 0 {
		return invalid("Attribute attachments is missing")
	}
	var views []any
	for _, f := range files {
		if slices.ContainsFunc(*h.attachments, func(o Attachment) bool { return o.Name == f.Name }) {
			if !rename {
				return refuse(http.StatusBadRequest, "CreateError", "Attachment "+f.Name+" already exists")
			}
			f.Name = f.ID[1:] + "-" + f.Name
		}
		*h.attachments = append(*h.attachments, f)
		views = append(views, attachmentView(f))
	}
	return says(http.StatusCreated, map[string]any{"attachments": views})
}

func orEmpty(b []byte) []byte {
	if len(b) == 0 {
		return []byte("{}")
	}
	return b
}

func text(in map[string]any, name string) string { s, _ := in[name].(string); return s }

func number(in map[string]any, name string, def int) int {
	if n, ok := in[name].(float64); ok {
		return int(n)
	}
	return def
}

func texts(in map[string]any, name string) []string {
	list, _ := in[name].([]any)
	var out []string
	for _, one := range list {
		out = append(out, one.(string))
	}
	return out
}

func set(in map[string]any, fields map[string]*string) {
	for name, where := range fields {
		if v, ok := in[name].(string); ok {
			*where = v
		}
	}
}

func retag(tags []string, in map[string]any) []string {
	if _, replaced := in["tags"]; replaced {
		tags = texts(in, "tags")
	}
	for _, t := range texts(in, "addTags") {
		if !slices.Contains(tags, t) {
			tags = append(tags, t)
		}
	}
	gone := texts(in, "removeTags")
	return slices.DeleteFunc(slices.Clone(tags), func(t string) bool { return slices.Contains(gone, t) })
}
