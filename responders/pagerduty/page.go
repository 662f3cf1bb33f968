package pagerduty

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	pd "github.com/PagerDuty/go-pagerduty"
)

// Limits of the Events API v2 (PagerDuty, "PD-CEF" and "Send an alert event").
const (
	maxSummary = 1024
	maxKey     = 255
	maxEvent   = 512 << 10
)

const (
	maxDetails = 400 << 10 // of custom_details, with room for the rest of the event
	maxField   = 255
	maxLinks   = 10
	client     = "SecurityBot"
)

// Link is shown on the incident. Only https links are sent.
type Link struct {
	Href string
	Text string
}

// Page is an event that wakes somebody. Whatever is too long is cut.
type Page struct {
	DedupKey string // the same for all attempts of one page; at most 255 bytes, longer ones are shortened the same way each time
	Summary  string // first thing read on a phone; at most 1024 bytes
	Source   string
	Severity string // critical, error, warning or info; anything else is sent as critical

	Component, Group, Class string

	Details map[string]any
	Links   []Link
	At      time.Time // when it happened; zero leaves it to PagerDuty
}

// event is the page as PagerDuty wants it.
func (p Page) event() (*pd.V2Event, error) {
	if p.DedupKey == "" {
		return nil, errNoKey // each attempt would be an incident of its own
	}
	payload := &pd.V2Payload{Summary: boundSummary(p.Summary), Source: orElse(bound(p.Source, maxField), client), Severity: severity(p.Severity),
		Component: bound(p.Component, maxField), Group: bound(p.Group, maxField), Class: bound(p.Class, maxField)}
	if y := p.At.UTC().Year(); !p.At.IsZero() && y > 0 && y < 10000 {
		payload.Timestamp = p.At.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	}
	if len(p.Details) > 0 {
		payload.Details = boundDetails(p.Details)
	}
	e := &pd.V2Event{Action: "trigger", DedupKey: boundKey(p.DedupKey), Client: client, Payload: payload}
	for _, l := range p.Links {
		if u, err := url.Parse(l.Href); err == nil && u.Scheme == "https" && len(l.Href) <= 2048 && len(e.Links) < maxLinks {
			e.Links = append(e.Links, map[string]string{"href": l.Href, "text": bound(l.Text, maxField)})
		}
	}
	return e, nil
}

func severity(s string) string {
	switch s {
	case "critical", "error", "warning", "info":
		return s
	}
	return "critical"
}

func boundSummary(s string) string { return orElse(bound(s, maxSummary), "SecurityBot: no summary") }

// boundKey shortens a key that is too long; two different keys stay different.
func boundKey(k string) string {
	if len(k) <= maxKey {
		return k
	}
	sum := sha256.Sum256([]byte(k))
	return strings.ToValidUTF8(k[:maxKey-1-2*len(sum)], "") + "/" + hex.EncodeToString(sum[:])
}

// boundDetails returns the details if PagerDuty can take them, a shortened copy
// if that helps, and otherwise a line that says what is missing.
func boundDetails(d map[string]any) any {
	raw, err := json.Marshal(d)
	if err == nil && len(raw) <= maxDetails {
		return json.RawMessage(raw)
	}
	short := make(map[string]any, len(d))
	for k, v := range d {
		one, err := json.Marshal(v)
		switch {
		case err != nil:
			short[k] = "(left out: it cannot be written as JSON)"
		case len(one) > 4<<10:
			short[k] = bound(string(one), 4<<10) + " (shortened)"
		default:
			short[k] = json.RawMessage(one)
		}
	}
	if raw, err = json.Marshal(short); err == nil && len(raw) <= maxDetails {
		return json.RawMessage(raw)
	}
	return map[string]string{"details": "(left out: too large for PagerDuty)"}
}

// bound makes a text one line of valid UTF-8 without control characters, at
// most n bytes long.
func bound(s string, n int) string {
	if len(s) > 4*n {
		s = s[:4*n]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(s)
	if len(s) <= n {
		return s
	}
	const ellipsis = "…"
	n -= len(ellipsis)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + ellipsis
}

func orElse(s, def string) string {
	if s == "" {
		return def
	}
	return s
}
