package findings

import (
	"strings"

	"github.com/go-json-experiment/json"
)

// wireNews is a message of the GuardDutyAnnouncements topics (GuardDuty user
// guide, "Subscribing to GuardDuty announcements").
type wireNews struct {
	Type     text `json:"type"`
	Findings many[struct {
		Type  text `json:"findingType"`
		Desc  text `json:"findingDescription"`
		Desc2 text `json:"description"`
		Link  text `json:"link"`
	}] `json:"findingDetails"`
	Features many[struct {
		Desc text `json:"featureDescription"`
		Link text `json:"featureLink"`
	}] `json:"featureDetails"`
	Message many[struct {
		Title text  `json:"title"`
		Body  text  `json:"body"`
		Links texts `json:"links"`
	}] `json:"message"`
}

// isAnnouncement reports whether a document came by the announcements topic or
// has one of its types.
func isAnnouncement(w *wireDoc, env Envelope) bool {
	switch w.Type {
	case "NEW_FINDINGS", "UPDATED_FINDINGS", "NEW_FEATURES", "GENERAL":
		return w.ID == "" && w.ARN == ""
	}
	return strings.HasSuffix(env.Topic, ":GuardDutyAnnouncements") && w.ID == "" && w.Type != ""
}

// announcement turns a GuardDuty announcement into a finding of low severity.
// It is Unlisted when it names a type that the catalogue does not have. The id
// is made from the text: the message ids of the topic are known to repeat.
func announcement(raw []byte, line int, env Envelope) []Item {
	var n wireNews
	if err := json.Unmarshal(raw, &n, foldCase); err != nil {
		return refused(line, explain(err))
	}
	typ := string(n.Type)
	switch {
	case typ == "" && len(n.Findings) > 0:
		typ = "NEW_FINDINGS"
	case typ == "" && len(n.Features) > 0:
		typ = "NEW_FEATURES"
	}
	if typ == "" || len(typ) > 64 || !clean(typ) {
		return refused(line, refuse("the announcement has no usable type"))
	}
	env.Form = first(env.Form, "announcement")
	f := &Finding{
		Kind: KindAnnouncement, Source: "announcement", ID: digest(raw), Type: "Announcement:GuardDuty/" + typ,
		Severity: 1, Title: "GuardDuty announced something", Count: 1, Region: topicRegion(env.Topic),
		UpdatedAt: env.Time, CreatedAt: env.Time, Envelope: env,
	}
	var said []string
	for _, d := range n.Findings {
		f.addResource(d.Type)
		if _, ok := Lookup(canonicalType(string(d.Type))); !ok && d.Type != "" {
			f.Unlisted = true
		}
		said = append(said, join(string(d.Type), string(first(d.Desc, d.Desc2)), string(d.Link)))
	}
	for _, d := range n.Features {
		said = append(said, join(string(d.Desc), string(d.Link)))
	}
	for _, d := range n.Message {
		said = append(said, join(append([]string{string(d.Title), string(d.Body)}, d.Links...)...))
	}
	if len(f.Resources) > 0 {
		f.Title = "GuardDuty announced new or changed finding types"
	}
	f.Partition = partitionOf(f.Region)
	f.Description = clip(strings.Join(said, "\n"), maxText)
	return []Item{{Line: line, Finding: f}}
}

// join puts the parts that are not empty on one line.
func join(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, " — ")
}

// topicRegion reads the Region out of an SNS topic ARN.
func topicRegion(arn string) string {
	p := strings.Split(arn, ":")
	if len(p) != 6 {
		return ""
	}
	return regionName(p[3])
}
