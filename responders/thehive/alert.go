package thehive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/message"
)

// Limits of TheHive's fields (API documentation 5.7, InputCreateAlert).
const (
	maxType        = 32
	maxSourceRef   = 128
	maxTitle       = 512
	maxTag         = 128
	maxDescription = 1 << 20
	maxLink        = 4096
)

// ourText bounds what we write into a description or comment, well below what
// TheHive takes, so that nobody's page becomes endless.
const ourText = 64 << 10

// maxTags bounds the tags of a record.
const maxTags = 40

// source is who all records come from.
const source = "securitybot"

// Alert is what TheHive is told about a case of ours.
type Alert struct {
	Type        string          // what kind of thing it is about, such as guardduty or incident; at most 32 bytes
	Ref         string          // our id of the case: the same for every attempt; at most 128 bytes, longer ones are shortened the same way each time
	Title       message.Text    // one line
	Description message.Message // becomes Markdown
	Level       findings.Level
	At          time.Time // when it happened; zero leaves it to TheHive
	Tags        []string
	Link        string // https only; shown as the external link
	Observables []Observable
}

// alertBody is an alert on the wire, for creating and for changing.
type alertBody struct {
	Type         string           `json:"type,omitempty"`
	Source       string           `json:"source,omitempty"`
	SourceRef    string           `json:"sourceRef,omitempty"`
	Title        string           `json:"title,omitempty"`
	Description  string           `json:"description,omitempty"`
	Severity     int              `json:"severity,omitempty"`
	Date         int64            `json:"date,omitempty"` // milliseconds
	Tags         []string         `json:"tags,omitempty"`
	AddTags      []string         `json:"addTags,omitempty"`
	TLP          *int             `json:"tlp,omitempty"`
	PAP          *int             `json:"pap,omitempty"`
	ExternalLink string           `json:"externalLink,omitempty"`
	Observables  []observableBody `json:"observables,omitempty"`
	Status       string           `json:"status,omitempty"`
	Summary      string           `json:"summary,omitempty"`
	ImpactStatus string           `json:"impactStatus,omitempty"` // cases only
}

// alertAnswer is what we read of an alert.
type alertAnswer struct {
	ID        string `json:"_id"`
	Type      string `json:"type"`
	Source    string `json:"source"`
	SourceRef string `json:"sourceRef"`
	CaseID    string `json:"caseId"`
}

func (a alertAnswer) record() Record { return Record{Kind: AlertRecord, ID: a.ID, Case: a.CaseID} }

// severity is TheHive's number of a level. One that is not known is high: a
// doubt never lowers attention.
func severity(l findings.Level) int {
	switch l {
	case findings.Low:
		return 1
	case findings.Medium:
		return 2
	case findings.Critical:
		return 4
	}
	return 3
}

// body is the alert as TheHive wants it.
func (c *Client) body(a Alert) alertBody {
	tlp, pap := c.marking.tlp(), c.marking.pap()
	b := alertBody{Type: typeName(a.Type), Source: source, SourceRef: boundRef(a.Ref), Title: title(a.Title), Description: markdown(a.Description, ourText),
		Severity: severity(a.Level), Tags: tags(append([]string{refTag(a.Ref)}, a.Tags...)), TLP: &tlp, PAP: &pap, ExternalLink: httpsLink(a.Link)}
	if b.Description == "" {
		b.Description = "No description." // required by TheHive
	}
	if ms := a.At.UnixMilli(); !a.At.IsZero() && ms > 0 && a.At.UTC().Year() < 3000 {
		b.Date = ms
	}
	for _, o := range unique(a.Observables) {
		b.Observables = append(b.Observables, c.observable(o))
	}
	return b
}

// CreateAlert makes the alert of a case of ours, or brings the one that is
// there up to date. The answer names the case when the alert has become one.
func (c *Client) CreateAlert(ctx context.Context, a Alert) (Record, error) {
	const op = "create alert"
	if a.Ref == "" {
		return Record{}, permanent(op, "the alert has no reference") // each attempt would be an alert of its own
	}
	b := c.body(a)
	var got alertAnswer
	err := c.call(ctx, op, http.MethodPost, "/alert", b, &got)
	switch {
	case err == nil && idForm.MatchString(got.ID) && got.SourceRef == b.SourceRef && got.Source == source:
		return got.record(), nil
	case err != nil && !refused(err):
		return Record{}, err
	}
	// Refused because it is there, or taken with an answer that does not say
	// where it is.
	known, there, findErr := c.findAlert(ctx, b)
	switch {
	case findErr != nil:
		return Record{}, findErr
	case !there && saysThere(err):
		return Record{}, notFoundYet(op, err) // the search index may lag behind
	case !there && err != nil:
		return Record{}, err
	case !there:
		return Record{}, &Error{Op: op, Class: Retry, Status: http.StatusCreated, cause: errOther}
	}
	return c.UpdateAlert(ctx, known.record(), a)
}

// UpdateAlert brings title, description, severity and tags of an alert up to
// date, and adds observables that are new. Once the alert has become a case,
// that is what is changed, and its title and description are left alone, since
// they are the responders' now. The severity is only raised: a person may have
// raised it further.
func (c *Client) UpdateAlert(ctx context.Context, r Record, a Alert) (Record, error) {
	const op = "update alert"
	r, now, err := c.look(ctx, op, r)
	if err != nil {
		return r, err
	}
	home := r.Home()
	path, err := home.path(op)
	if err != nil {
		return r, err
	}
	b := alertBody{AddTags: tags(a.Tags)}
	if s := severity(a.Level); s > now.Severity {
		b.Severity = s
	}
	if home.Kind == AlertRecord {
		b.Title, b.Description = title(a.Title), markdown(a.Description, ourText)
	}
	if b.Severity != 0 || len(b.AddTags) != 0 || b.Title != "" {
		if err := c.call(ctx, op, http.MethodPatch, path, b, nil); err != nil {
			return r, err
		}
	}
	return r, c.AddObservables(ctx, home, a.Observables)
}

// answer is what we read of an alert or a case.
type answer struct {
	ID       string `json:"_id"`
	Number   int    `json:"number"`
	CaseID   string `json:"caseId"`
	Severity int    `json:"severity"`
	Stage    string `json:"stage"` // New, InProgress, Closed or Imported
}

// Refresh returns what is known of a record now: a person may have made a case
// of the alert.
func (c *Client) Refresh(ctx context.Context, r Record) (Record, error) {
	r, _, err := c.look(ctx, "refresh", r)
	return r, err
}

// read asks for a record.
func (c *Client) read(ctx context.Context, op string, r Record) (answer, error) {
	path, err := r.path(op)
	if err != nil {
		return answer{}, err
	}
	var a answer
	if err := c.call(ctx, op, http.MethodGet, path, nil, &a); err != nil {
		return answer{}, err
	}
	if a.ID != r.ID {
		return answer{}, &Error{Op: op, Class: Retry, Status: http.StatusOK, cause: errOther}
	}
	return a, nil
}

// look asks for a record and, when it is an alert that has become a case, for
// that case. It returns what is known of the record now, and the state of its
// home.
func (c *Client) look(ctx context.Context, op string, r Record) (Record, answer, error) {
	now, err := c.read(ctx, op, r)
	if err != nil {
		return r, answer{}, err
	}
	if r.Kind == AlertRecord {
		r.Case = now.CaseID
	}
	if home := r.Home(); home.Kind != r.Kind {
		if now, err = c.read(ctx, op, home); err != nil {
			return r, answer{}, err
		}
	}
	r.Number = now.Number
	return r, now, nil
}

// findAlert looks for an alert by what makes it unique. The answer is checked:
// an alert of somebody else is never taken for ours.
func (c *Client) findAlert(ctx context.Context, b alertBody) (alertAnswer, bool, error) {
	filter := map[string]any{"_and": []any{equal("type", b.Type), equal("source", b.Source), equal("sourceRef", b.SourceRef)}}
	var all []alertAnswer
	err := c.query(ctx, "find alert", &all, step("listAlert", nil), step("filter", filter), step("page", map[string]any{"from": 0, "to": 10}))
	if err != nil {
		return alertAnswer{}, false, err
	}
	i := slices.IndexFunc(all, func(a alertAnswer) bool {
		return a.Type == b.Type && a.Source == b.Source && a.SourceRef == b.SourceRef && idForm.MatchString(a.ID)
	})
	if i < 0 {
		return alertAnswer{}, false, nil
	}
	return all[i], true, nil
}

func typeName(s string) string {
	if s = line(s, maxType); s == "" {
		return "finding"
	}
	return s
}

// boundRef shortens a reference that is too long; two different ones stay
// different.
func boundRef(ref string) string {
	if clean := line(ref, 4*maxSourceRef); clean == ref && len(ref) <= maxSourceRef {
		return ref
	}
	sum := sha256.Sum256([]byte(ref))
	return line(ref, maxSourceRef-1-2*len(sum)) + "/" + hex.EncodeToString(sum[:])
}

// refTag is the tag every record of a case carries, so that people find all of
// them.
func refTag(ref string) string { return "securitybot:" + ref }

// tags are tags as TheHive takes them: short, each once.
func tags(list []string) []string {
	var out []string
	for _, t := range list {
		if t = line(t, maxTag); t != "" && !slices.Contains(out, t) && len(out) < maxTags {
			out = append(out, t)
		}
	}
	return out
}

func httpsLink(s string) string {
	if !strings.HasPrefix(s, "https://") || len(s) > maxLink || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return s
}
