package thehive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// maxAnswer bounds how much of an answer is read. A page of comments is the
// largest.
const maxAnswer = 4 << 20

// Client keeps records. It is safe for concurrent use.
type Client struct {
	http    *http.Client
	base    string
	key     string
	org     string
	marking Marking
	maxFile int64
	now     func() time.Time

	patience, uploadPatience time.Duration // of one attempt
}

// New returns a client. It contacts nobody.
func New(cfg Config) (*Client, error) {
	base, err := cfg.base()
	if err != nil {
		return nil, fmt.Errorf("thehive: %w", err)
	}
	c := &Client{base: base, key: strings.TrimSpace(cfg.APIKey), org: strings.TrimSpace(cfg.Organisation), marking: cfg.Marking, maxFile: cfg.MaxFile, now: cfg.Now, patience: callTimeout, uploadPatience: uploadTimeout}
	switch {
	case c.key == "":
		return nil, errors.New("thehive: API key is missing")
	case strings.ContainsFunc(c.key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("thehive: API key holds characters that no key has")
	case c.org != "" && !IsName(c.org):
		return nil, errors.New("thehive: organisation is not a name")
	case c.marking != Red:
		c.marking = Amber
	}
	if c.maxFile <= 0 {
		c.maxFile = DefaultMaxFile
	}
	if c.now == nil {
		c.now = time.Now
	}
	c.http = cfg.client()
	return c, nil
}

// Check asks TheHive who we are, and fails when the key, the organisation or
// the address is wrong. It returns the login and the organisation that records
// go to.
func (c *Client) Check(ctx context.Context) (login, organisation string, err error) {
	var me struct {
		Login        string `json:"login"`
		Organisation string `json:"organisation"`
	}
	if err := c.call(ctx, "check", http.MethodGet, "/user/current", nil, &me); err != nil {
		return "", "", err
	}
	if me.Login == "" {
		return "", "", &Error{Op: "check", Class: Retry, cause: errNoJSON}
	}
	return line(me.Login, 100), line(me.Organisation, 100), nil
}

// call makes one attempt with a JSON body, and decodes the answer into out
// unless that is nil.
func (c *Client) call(ctx context.Context, op, method, path string, in, out any) error {
	var body []byte
	contentType := ""
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return permanent(op, "it cannot be written as JSON")
		}
		contentType = "application/json"
	}
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	return c.send(ctx, op, method, path, contentType, body, out)
}

// send makes one attempt. ctx bounds it.
func (c *Client) send(ctx context.Context, op, method, path, contentType string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.base+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return permanent(op, "the request cannot be made") // the text would repeat the URL
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "SecurityBot")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if c.org != "" {
		req.Header.Set("X-Organisation", c.org)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return unreached(ctx, op, err).hide(c.key)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return failure(op, resp, answer, c.now()).hide(c.key) // a body that breaks off does not change what the status says
	}
	switch {
	case err != nil:
		return unreached(ctx, op, err).hide(c.key)
	case len(answer) > maxAnswer:
		return &Error{Op: op, Class: Retry, Status: resp.StatusCode, cause: errors.New("the answer is too large")}
	case out == nil:
		return nil
	case json.Unmarshal(answer, out) != nil:
		return &Error{Op: op, Class: Retry, Status: resp.StatusCode, cause: errNoJSON}
	}
	return nil
}

// query runs a query and decodes its list (TheHive API, "Query API").
func (c *Client) query(ctx context.Context, op string, out any, steps ...map[string]any) error {
	return c.call(ctx, op, http.MethodPost, "/query", map[string]any{"query": steps}, out)
}

func step(name string, more map[string]any) map[string]any {
	s := map[string]any{"_name": name}
	for k, v := range more {
		s[k] = v
	}
	return s
}

func equal(field, value string) map[string]any {
	return map[string]any{"_eq": map[string]any{"_field": field, "_value": value}}
}

// How much of a list is read at once, and how much of it at all.
const (
	pageSize = 100
	maxPages = 30
)

// list reads the comments, observables or attachments of a record, and stops
// when found says so.
func list[T any](ctx context.Context, c *Client, op string, of Record, what string, found func(T) bool) error {
	start, err := of.start(op)
	if err != nil {
		return err
	}
	for page := range maxPages {
		var some []T
		from := page * pageSize
		if err := c.query(ctx, op, &some, start, step(what, nil), step("page", map[string]any{"from": from, "to": from + pageSize})); err != nil {
			return err
		}
		for _, one := range some {
			if found(one) {
				return nil
			}
		}
		if len(some) < pageSize {
			return nil
		}
	}
	return permanent(op, "the record holds more "+what+" than are looked through")
}

// Kind says what a record is.
type Kind string

// The kinds of record.
const (
	AlertRecord Kind = "alert"
	CaseRecord  Kind = "case"
)

// Record is an alert or a case that TheHive has.
type Record struct {
	Kind   Kind   `json:"kind"`
	ID     string `json:"id"`               // TheHive's own, such as ~4152
	Number int    `json:"number,omitempty"` // of a case, as people call it
	Case   string `json:"case,omitempty"`   // of an alert: the id of the case it became
}

// idForm is what ids of TheHive look like. Anything else is not put into a path.
var idForm = regexp.MustCompile(`^~?[A-Za-z0-9_-]{1,64}$`)

// path is where a record lives below the API's root.
func (r Record) path(op string) (string, error) {
	if (r.Kind != AlertRecord && r.Kind != CaseRecord) || !idForm.MatchString(r.ID) {
		return "", permanent(op, "the record has no usable id")
	}
	return "/" + string(r.Kind) + "/" + r.ID, nil
}

// start is the first step of a query about a record.
func (r Record) start(op string) (map[string]any, error) {
	if _, err := r.path(op); err != nil {
		return nil, err
	}
	name := "getAlert"
	if r.Kind == CaseRecord {
		name = "getCase"
	}
	return step(name, map[string]any{"idOrName": r.ID}), nil
}

// Home is where people look: the case, when the alert has become one.
func (r Record) Home() Record {
	if r.Kind == AlertRecord && r.Case != "" {
		return Record{Kind: CaseRecord, ID: r.Case, Number: r.Number}
	}
	return r
}

// Link is the record's page in the browser; empty when there is none.
func (c *Client) Link(r Record) string {
	r = r.Home()
	if !idForm.MatchString(r.ID) {
		return ""
	}
	switch r.Kind {
	case AlertRecord:
		return c.base + "/alerts/" + r.ID + "/details"
	case CaseRecord:
		return c.base + "/cases/" + r.ID + "/details"
	}
	return ""
}
