package findings

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/go-json-experiment/json"
)

// wireTrail is what is used of a CloudTrail record (CloudTrail user guide,
// "CloudTrail record contents").
type wireTrail struct {
	EventID   text    `json:"eventID"`
	RequestID text    `json:"requestID"`
	Source    text    `json:"eventSource"`
	Name      text    `json:"eventName"`
	Time      instant `json:"eventTime"`
	Region    text    `json:"awsRegion"`
	Recipient acct    `json:"recipientAccountId"`
	IP        text    `json:"sourceIPAddress"`
	UserAgent text    `json:"userAgent"`
	Error     text    `json:"errorCode"`
	ReadOnly  flag    `json:"readOnly"`
	Identity  maybe[struct {
		Type      text `json:"type"`
		Principal text `json:"principalId"`
		ARN       text `json:"arn"`
		Account   acct `json:"accountId"`
		KeyID     text `json:"accessKeyId"`
		UserName  text `json:"userName"`
		InvokedBy text `json:"invokedBy"`
		Session   maybe[struct {
			Issuer maybe[struct {
				UserName text `json:"userName"`
			}] `json:"sessionIssuer"`
		}] `json:"sessionContext"`
	}] `json:"userIdentity"`
	Request  maybe[wireRequest] `json:"requestParameters"`
	Response maybe[struct {
		Unprocessed rawList `json:"unprocessedAccounts"`
	}] `json:"responseElements"`
}

// trail turns a CloudTrail record of a GuardDuty call into a finding: a
// weakened GuardDuty is itself something to look at.
func trail(raw []byte, line int, env Envelope) []Item {
	var t wireTrail
	if err := json.Unmarshal(raw, &t, foldCase); err != nil {
		return refused(line, explain(err))
	}
	switch {
	case t.Source != "guardduty.amazonaws.com":
		return refused(line, refuse("a CloudTrail record of another service than GuardDuty"))
	case t.Name == "" || len(t.Name) > 128 || !clean(string(t.Name)):
		return refused(line, refuse("the CloudTrail record has no usable event name"))
	case len(t.EventID) > maxID || !clean(string(t.EventID)):
		return refused(line, refuse("the id is too long or holds a control character"))
	}
	env.Form = first(env.Form, "cloudtrail")
	f := t.finding(env)
	if f.ID == "" {
		f.ID = digest(raw)
	}
	return []Item{{Line: line, Finding: f}}
}

func (t *wireTrail) finding(env Envelope) *Finding {
	id := t.Identity.v
	v := judge(t)
	f := &Finding{
		Kind: KindTamper, Source: "cloudtrail", ID: string(first(t.EventID, t.RequestID)), Severity: v.severity,
		Type: v.prefix() + string(t.Name), Title: v.title, Description: v.why,
		Account: accountID(string(t.Recipient)), Region: regionName(string(t.Region)), Count: 1,
		CreatedAt: t.Time.Time, UpdatedAt: t.Time.Time, FirstSeen: t.Time.Time, LastSeen: t.Time.Time,
		Action: "AWS_API_CALL", API: "guardduty:" + string(t.Name), ErrorCode: clip(string(t.Error), 128),
		UserAgent: clip(string(t.UserAgent), maxName), Envelope: env,
	}
	if len(f.ID) > maxID || !clean(f.ID) {
		f.ID = ""
	}
	if f.Account == "" && t.Recipient == "" {
		f.Account = first(accountID(string(id.Account)), env.Account)
	}
	f.Region = first(f.Region, env.Region)
	f.Partition = partitionOf(f.Region)
	if f.UpdatedAt.IsZero() {
		f.UpdatedAt = env.Time
	}
	if d := string(t.Request.v.Detector); len(d) <= 128 && clean(d) {
		f.Detector = d
	}
	f.Principal = principal(string(id.Type), string(id.Principal), string(first(id.UserName, id.Session.v.Issuer.v.UserName)), string(id.KeyID))
	f.Envelope.ActorName = clip(string(first(text(f.Principal.Session), id.UserName, id.InvokedBy, id.ARN)), maxName)
	if a := address(string(t.IP)); a.IsValid() {
		f.Remote = []Remote{{IP: a}}
	} else if strings.HasSuffix(string(t.IP), ".amazonaws.com") {
		f.Domain = clip(string(t.IP), 255)
	}
	for _, a := range t.Request.v.accounts() {
		f.addResource(text(a))
	}
	f.addResource(t.Request.v.Name)
	return f
}

// digest names a document that brings no id of its own, from its bytes.
func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "sum-" + hex.EncodeToString(sum[:16])
}
