package pagerdutyfake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// event is the body of a request.
type event struct {
	RoutingKey string   `json:"routing_key"`
	Action     string   `json:"event_action"`
	DedupKey   string   `json:"dedup_key"`
	Client     string   `json:"client"`
	ClientURL  string   `json:"client_url"`
	Links      []link   `json:"links"`
	Images     []image  `json:"images"`
	Payload    *payload `json:"payload"`
	given      string   // the key made up for an event without one
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

type image struct {
	Src  string `json:"src"`
	Href string `json:"href"`
	Alt  string `json:"alt"`
}

type payload struct {
	Summary   string          `json:"summary"`
	Source    string          `json:"source"`
	Severity  string          `json:"severity"`
	Timestamp string          `json:"timestamp"`
	Component string          `json:"component"`
	Group     string          `json:"group"`
	Class     string          `json:"class"`
	Details   json.RawMessage `json:"custom_details"`
}

func (p *payload) summary() string {
	if p == nil {
		return ""
	}
	return p.Summary
}

func (p *payload) severity() string {
	if p == nil {
		return ""
	}
	return p.Severity
}

// key is the deduplication key the service uses.
func (e event) key() string {
	if e.DedupKey != "" {
		return e.DedupKey
	}
	return e.given
}

// parse reads an event and lists what the real service would complain about.
func parse(body []byte) (event, []string) {
	var e event
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&e); err != nil {
		return e, []string{"the body is not an event: " + err.Error()}
	}
	var p []string
	say := func(bad bool, format string, args ...any) {
		if bad {
			p = append(p, fmt.Sprintf(format, args...))
		}
	}
	say(e.RoutingKey == "", "'routing_key' is missing or blank")
	say(e.RoutingKey != "" && len(e.RoutingKey) != keyLength, "Length of 'routing_key' is incorrect (should be 32 characters)")
	say(len(e.RoutingKey) == keyLength && !wellFormed(e.RoutingKey), "'routing_key' is invalid")
	say(len(e.DedupKey) > maxDedupKey, "'dedup_key' is too long (maximum is 255 characters)")
	switch e.Action {
	case "trigger":
		say(e.Payload == nil, "'payload' is missing or blank")
	case "acknowledge", "resolve":
		say(e.DedupKey == "", "'dedup_key' is missing or blank")
	default:
		say(true, "'event_action' is missing, blank or not one of trigger, acknowledge, resolve")
	}
	if e.Payload != nil {
		p = append(p, e.Payload.problems()...)
	}
	for _, l := range e.Links {
		say(l.Href == "", "'links' has an entry without 'href'")
	}
	for _, i := range e.Images {
		say(i.Src == "", "'images' has an entry without 'src'")
	}
	return e, p
}

func (p *payload) problems() []string {
	var out []string
	if p.Summary == "" {
		out = append(out, "'payload.summary' is missing or blank")
	}
	if utf8.RuneCountInString(p.Summary) > maxSummary {
		out = append(out, "'payload.summary' is too long (maximum is 1024 characters)")
	}
	if p.Source == "" {
		out = append(out, "'payload.source' is missing or blank")
	}
	switch p.Severity {
	case "critical", "error", "warning", "info":
	default:
		out = append(out, "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')")
	}
	if p.Timestamp != "" {
		if _, err := time.Parse(time.RFC3339, p.Timestamp); err != nil {
			out = append(out, "'payload.timestamp' is not a valid ISO 8601 time")
		}
	}
	return out
}
