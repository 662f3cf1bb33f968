package awsfake

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TrailEvent is one management event in CloudTrail's event history.
type TrailEvent struct {
	At        time.Time
	Source    string // iam.amazonaws.com
	Name      string // CreateUser
	User      string // what look-ups by Username find
	AccessKey string
	ARN       string // of the caller
	Address   string // sourceIPAddress: an address, or the name of a service
	Agent     string
	ErrorCode string
	ReadOnly  bool
	Raw       string // replaces the whole event document
}

// trailState is CloudTrail in one account and region.
type trailState struct{ events []TrailEvent }

// maxEvents is how many events LookupEvents gives at a time, and the most it
// keeps for (CloudTrail API reference, LookupEvents).
const (
	maxEvents    = 50
	eventHistory = 90 * 24 * time.Hour
)

// AddTrailEvents adds to the event history.
func (c *Cloud) AddTrailEvents(account, region string, events ...TrailEvent) {
	c.with(func() {
		s := stateOf[trailState](c, account, region)
		s.events = append(s.events, events...)
	})
}

func trailService() service {
	return service{protocol: awsJSON11, target: "CloudTrail_20131101.", ops: map[string]operation{
		"LookupEvents": {run: lookupEvents},
	}}
}

type trailAnswer struct {
	Events    []trailWire
	NextToken string `json:",omitempty"`
}

type trailWire struct {
	EventId, EventName, EventSource, Username string
	AccessKeyId                               string `json:",omitempty"`
	ReadOnly                                  string
	EventTime                                 float64
	CloudTrailEvent                           string
}

// trailQuestion is what LookupEvents takes.
type trailQuestion struct {
	LookupAttributes []struct{ AttributeKey, AttributeValue string }
	StartTime        float64
	EndTime          float64
	MaxResults       int
	NextToken        string
	EventCategory    string
}

// trailKeys are the attributes events can be looked up by; their address is none.
var trailKeys = []string{"EventId", "EventName", "ReadOnly", "Username", "ResourceType", "ResourceName", "EventSource", "AccessKeyId"}

func readTrailQuestion(body string) (q trailQuestion, err error) {
	d := json.NewDecoder(strings.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return q, refuse("SerializationException", "the fake cannot read this: %v", err)
	}
	switch {
	case len(q.LookupAttributes) > 1:
		return q, refuse("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
	case len(q.LookupAttributes) == 1 && (!slices.Contains(trailKeys, q.LookupAttributes[0].AttributeKey) || q.LookupAttributes[0].AttributeValue == ""):
		return q, refuse("InvalidLookupAttributesException", "The lookup attribute is not valid")
	case q.MaxResults < 0 || q.MaxResults > maxEvents:
		return q, refuse("InvalidMaxResultsException", "Invalid MaxResults value")
	case q.StartTime > 0 && q.EndTime > 0 && q.StartTime > q.EndTime:
		return q, refuse("InvalidTimeRangeException", "StartTime is later than EndTime")
	}
	return q, nil
}

// lookupEvents answers newest first.
func lookupEvents(c *Cloud, r *request) (any, error) {
	in, err := readTrailQuestion(r.Body)
	if err != nil {
		return nil, err
	}
	from, to := seconds(in.StartTime, c.Now().Add(-eventHistory)), seconds(in.EndTime, c.Now())
	var all []TrailEvent
	for _, e := range stateOf[trailState](c, r.Account, r.Region).events {
		fits := len(in.LookupAttributes) == 0 || e.attribute(in.LookupAttributes[0].AttributeKey) == in.LookupAttributes[0].AttributeValue
		if fits && !e.At.Before(from) && !e.At.After(to) {
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, func(a, b TrailEvent) int { return b.At.Compare(a.At) })
	start := 0
	if in.NextToken != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(in.NextToken, "after-"))
		if err != nil || n > len(all) {
			return nil, refuse("InvalidNextTokenException", "Invalid NextToken value")
		}
		start = n
	}
	end := min(start+cmp.Or(in.MaxResults, maxEvents), len(all))
	out := trailAnswer{Events: []trailWire{}}
	for i, e := range all[start:end] {
		out.Events = append(out.Events, e.wire(r, start+i))
	}
	if end < len(all) {
		out.NextToken = "after-" + strconv.Itoa(end)
	}
	return out, nil
}

func seconds(n float64, otherwise time.Time) time.Time {
	if n == 0 {
		return otherwise
	}
	return time.UnixMilli(int64(n * 1000))
}

func (e TrailEvent) attribute(key string) string {
	return map[string]string{"EventName": e.Name, "Username": e.User, "EventSource": e.Source, "AccessKeyId": e.AccessKey, "ReadOnly": strconv.FormatBool(e.ReadOnly)}[key]
}

func (e TrailEvent) wire(r *request, n int) trailWire {
	id := "00000000-0000-4000-9000-" + strconv.FormatInt(int64(100000000000+n), 10)
	doc := map[string]any{"eventVersion": "1.11", "eventID": id, "eventTime": e.At.UTC().Format(time.RFC3339), "eventSource": e.Source, "eventName": e.Name,
		"awsRegion": r.Region, "sourceIPAddress": e.Address, "userAgent": e.Agent, "recipientAccountId": r.Account, "readOnly": e.ReadOnly, "eventType": "AwsApiCall",
		"userIdentity": map[string]any{"arn": e.ARN, "accessKeyId": e.AccessKey, "userName": e.User}}
	if e.ErrorCode != "" {
		doc["errorCode"] = e.ErrorCode
	}
	raw, _ := json.Marshal(doc)
	if e.Raw != "" {
		raw = []byte(e.Raw)
	}
	return trailWire{EventId: id, EventName: e.Name, EventSource: e.Source, Username: e.User, AccessKeyId: e.AccessKey, ReadOnly: strconv.FormatBool(e.ReadOnly),
		EventTime: float64(e.At.Unix()), CloudTrailEvent: string(raw)}
}
