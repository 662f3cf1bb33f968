package findings

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// route decides what a document is from its keys. The first branches are the
// common path and need no second look.
func (p parser) route(w *wireDoc, raw []byte, line int, env Envelope) []Item {
	if w.TopicARN != "" || w.MessageID != "" && isSNSType(string(w.Type)) {
		var n wireSNS
		if err := json.Unmarshal(raw, &n, foldCase); err != nil {
			return refused(line, explain(err))
		}
		return p.sns(&n, line, env)
	}
	if w.Detail.v == nil && strings.Contains(string(w.DetailType), ":") {
		w.DetailType = "" // it was detail_type, the type in a flattened finding
		return p.unwrap(w, raw, line, env)
	}
	if w.special() {
		return p.unwrap(w, raw, line, env)
	}
	switch {
	case w.DetailType != "" || w.Detail.v != nil || w.Source != "" && w.Time != "":
		env = eventEnvelope(w, env)
		if w.DetailType != "" && !strings.EqualFold(string(w.DetailType), "GuardDuty Finding") {
			return p.event(w, raw, line, env)
		}
		if w.Source != "" && w.Source != "aws.guardduty" {
			return refused(line, refuse("the event comes from another source than GuardDuty"))
		}
		if w.Detail.v == nil {
			return refused(line, refuse("the event has no usable detail"))
		}
		return one(line, w.Detail.v, env, "guardduty")
	case first(w.ID, w.FindingID, w.ARN) != "" && w.looksRight():
		if !w.Service.ok || !w.Resource.ok {
			if items := flattened(raw, line, env); items != nil {
				return items
			}
		}
		env.Form = first(env.Form, "api")
		if w.ServiceToo.v != nil && !w.Service.ok {
			env.Form = "siem"
		}
		if w.UpdatedAt.IsZero() {
			w.UpdatedAt.Time = parseTime(string(first(w.Time, w.Timestamp)))
		}
		return one(line, &w.wireFinding, env, "guardduty")
	}
	return p.unwrap(w, raw, line, env)
}

// looksRight reports whether a bare document is meant to be a finding: it has
// a mark of GuardDuty, or a type with the form of a finding type.
func (w *wireDoc) looksRight() bool {
	if w.Type == "" {
		return w.Schema != "" && w.Service.ok || strings.HasPrefix(string(w.ARN), "arn:")
	}
	return strings.ContainsAny(string(w.Type), ":/") || w.Service.ok || w.ServiceToo.v != nil ||
		parseARN(string(w.ARN)).region != ""
}

func one(line int, w *wireFinding, env Envelope, source string) []Item {
	f, err := w.finding(env, source)
	if err != nil {
		return refused(line, err)
	}
	return []Item{{Line: line, Finding: f}}
}

func isSNSType(s string) bool {
	return s == "Notification" || s == "SubscriptionConfirmation" || s == "UnsubscribeConfirmation"
}

// isSNS decodes an SNS document when b looks like one from its beginning, so
// that the large structure is only filled once on the common path.
func isSNS(b []byte) (*wireSNS, bool) {
	if !bytes.Contains(b[:min(len(b), 1024)], []byte(`"TopicArn"`)) {
		return nil, false
	}
	var w wireSNS
	if json.Unmarshal(b, &w, foldCase) != nil || w.TopicARN == "" || !isSNSType(string(w.Type)) {
		return nil, false
	}
	return &w, true
}

// sns opens an SNS notification. Its other documents are for the operator:
// confirming a subscription is not the bot's to do.
func (p parser) sns(w *wireSNS, line int, env Envelope) []Item {
	switch w.Type {
	case "SubscriptionConfirmation":
		return refused(line, refuse("an SNS subscription confirmation, not a finding"))
	case "UnsubscribeConfirmation":
		return refused(line, refuse("an SNS unsubscribe confirmation, not a finding"))
	}
	env.Form = first(env.Form, "sns")
	env.Topic = clip(string(w.TopicARN), maxName)
	if env.Time.IsZero() {
		env.Time = parseTime(string(w.Timestamp))
	}
	switch {
	case len(w.Message) == 0:
		return refused(line, refuse("the SNS notification has no message"))
	case !bytes.ContainsAny(w.Message, "{["):
		return refused(line, refuse("the SNS message is plain text, not JSON"))
	}
	return p.text(w.Message, line, env)
}

// eventEnvelope notes what EventBridge says about the event.
func eventEnvelope(w *wireDoc, env Envelope) Envelope {
	env.Form = first(env.Form, "eventbridge")
	env.Account = accountID(string(w.Account))
	env.Region = regionName(string(w.Region))
	if len(w.ID) <= maxID && clean(string(w.ID)) {
		env.EventID = string(w.ID)
	}
	if t := parseTime(string(w.Time)); !t.IsZero() {
		env.Time = t
	}
	return env
}

// event handles EventBridge events other than findings. GuardDuty is the
// source of several; only the detail-type tells them apart (GuardDuty user
// guide, "Processing GuardDuty findings with EventBridge").
func (p parser) event(w *wireDoc, raw []byte, line int, env Envelope) []Item {
	var o struct {
		Detail jsontext.Value `json:"detail"`
	}
	if err := json.Unmarshal(raw, &o, foldCase); err != nil {
		return refused(line, explain(err))
	}
	kind := strings.ToLower(string(w.DetailType))
	if len(o.Detail) == 0 || o.Detail[0] != '{' {
		return refused(line, refuse("the event has no usable detail"))
	}
	if strings.HasPrefix(kind, "security hub findings") || strings.HasPrefix(kind, "findings imported") {
		env.Form = "securityhub"
		return p.text(o.Detail, line, env)
	}
	if strings.HasSuffix(kind, "via cloudtrail") {
		return trail(o.Detail, line, env)
	}
	if w.Source != "" && w.Source != "aws.guardduty" {
		return refused(line, refuse("the event comes from another source than GuardDuty"))
	}
	switch {
	case strings.Contains(kind, "runtime protection") || strings.Contains(kind, "coverage"):
		return coverage(kind, o.Detail, line, env)
	case strings.Contains(kind, "malware protection"):
		return scan(kind, o.Detail, line, env)
	}
	return refused(line, refuse("a GuardDuty event of a kind that is not known"))
}

// wireOther is the second look at a document of another shape.
type wireOther struct {
	Records   rawList        `json:"Records"`
	Messages  rawList        `json:"Messages"`
	Findings  rawList        `json:"Findings"`
	SNS       jsontext.Value `json:"Sns"`
	Body      jsontext.Value `json:"Body"`
	Details   jsontext.Value `json:"details"`
	Detail    jsontext.Value `json:"detail"`
	Result    jsontext.Value `json:"result"`
	Event     jsontext.Value `json:"event"`
	Original  jsontext.Value `json:"original"`
	Raw       jsontext.Value `json:"_raw"`
	Message   jsontext.Value `json:"message"`
	Finding   jsontext.Value `json:"finding"`
	Payload   jsontext.Value `json:"payload"`
	Doc       jsontext.Value `json:"doc"`
	S3        seen           `json:"s3"`
	EventName text           `json:"eventName"`
	EventSrc  text           `json:"eventSource"`
	ClassUID  text           `json:"class_uid"`
	Product   text           `json:"ProductArn"`
	AwsAcct   text           `json:"AwsAccountId"`
	Types     texts          `json:"Types"`
	New       seen           `json:"findingDetails"`
	Features  seen           `json:"featureDetails"`
	DetailTyp text           `json:"detail-type"`
}

// rawList is a list of any values, or a single object.
type rawList []jsontext.Value

func (l *rawList) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case '[':
		var v []jsontext.Value
		if err := json.UnmarshalDecode(d, &v); err != nil {
			return err
		}
		*l = v
		if len(v) == 0 {
			*l = rawList{}
		}
		return nil
	case '{':
		v, err := d.ReadValue()
		*l = rawList{v.Clone()}
		return err
	}
	return d.SkipValue()
}

// unwrap opens a document that carries the finding inside, or is one in
// another form.
func (p parser) unwrap(w *wireDoc, raw []byte, line int, env Envelope) []Item {
	if p.wraps > maxWraps {
		return refused(line, refuse("too many envelopes around each other"))
	}
	p.wraps++
	var o wireOther
	if err := json.Unmarshal(raw, &o, foldCase); err != nil {
		return refused(line, explain(err))
	}
	if w.DetailType != "" || w.Detail.v != nil {
		env = eventEnvelope(w, env)
		if w.DetailType != "" {
			return p.event(w, raw, line, env)
		}
	}
	switch {
	case o.EventName != "" && o.EventSrc != "" && !bool(o.S3):
		return trail(raw, line, env)
	case bool(o.S3):
		return refused(line, refuse("an S3 notification, not a finding"))
	case o.ClassUID != "":
		return ocsf(raw, line, env)
	case o.Product != "" || o.AwsAcct != "" && len(o.Types) > 0:
		return securityHub(raw, line, env)
	case bool(o.New || o.Features) || isAnnouncement(w, env):
		return announcement(raw, line, env)
	case o.Records != nil:
		return p.each(o.Records, "the list of records is empty", line, env)
	case o.Messages != nil:
		return p.each(o.Messages, "the list of messages is empty", line, env)
	case o.Findings != nil:
		return p.each(o.Findings, "the list of findings is empty", line, env)
	}
	return p.carried(&o, raw, line, env)
}

// each parses the members of a list found inside a document.
func (p parser) each(l rawList, empty string, line int, env Envelope) []Item {
	if len(l) == 0 {
		return refused(line, refuse(empty))
	}
	var items []Item
	for _, v := range l {
		items = append(items, p.value(v, line, env)...)
	}
	return items
}
