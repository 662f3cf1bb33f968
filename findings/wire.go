package findings

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// foldCase makes camelCase, PascalCase and lower case one, and a key that
// comes twice in different case an error (json/v2, MatchCaseInsensitiveNames).
var foldCase = json.MatchCaseInsensitiveNames(true)

// wireDoc is everything a first look at a document needs: the keys of an SNS
// notification, of an EventBridge event and of a finding, and a mark for each
// key that means another shape. One pass over the common path fills it all.
type wireDoc struct {
	wireFinding

	MessageID text `json:"MessageId"`
	TopicARN  text `json:"TopicArn"`
	Timestamp text `json:"Timestamp"`

	DetailType text             `json:"detail-type"`
	Source     text             `json:"source"`
	Account    text             `json:"account"`
	Time       text             `json:"time"`
	Detail     ptr[wireFinding] `json:"detail"`

	// Another shape: the document is read again as a tree.
	Records       seen `json:"Records"`
	Messages      seen `json:"Messages"`
	Body          seen `json:"Body"`
	SNS           seen `json:"Sns"`
	Findings      seen `json:"Findings"`
	Details       seen `json:"details"`
	Result        seen `json:"result"`
	Event         seen `json:"event"`
	ClassUID      seen `json:"class_uid"`
	ProductFields seen `json:"ProductFields"`
	ProductARN    seen `json:"ProductArn"`
	EventName     seen `json:"eventName"`
}

// wireSNS is an SNS notification (Amazon SNS developer guide, "Parsing message
// formats").
type wireSNS struct {
	Type      text   `json:"Type"`
	TopicARN  text   `json:"TopicArn"`
	Message   quoted `json:"Message"`
	Timestamp text   `json:"Timestamp"`
}

// special reports whether a key of another shape was there.
func (w *wireDoc) special() bool {
	return bool(w.Records || w.Messages || w.Body || w.SNS || w.Findings || w.Details || w.Result ||
		w.Event || w.ClassUID || w.ProductFields || w.ProductARN || w.EventName)
}

// wireFinding is the part of a GuardDuty finding that is used (GuardDuty API
// reference, Finding). MozDef renames service to finding, Athena tables id to
// finding_id.
type wireFinding struct {
	ID          text    `json:"id"`
	FindingID   text    `json:"finding_id"`
	ARN         text    `json:"arn"`
	Type        text    `json:"type"`
	AccountID   acct    `json:"accountId"`
	Region      text    `json:"region"`
	Partition   text    `json:"partition"`
	Schema      text    `json:"schemaVersion"`
	Severity    number  `json:"severity"`
	Title       text    `json:"title"`
	Description text    `json:"description"`
	CreatedAt   instant `json:"createdAt"`
	UpdatedAt   instant `json:"updatedAt"`
	Sequence    text    `json:"associatedAttackSequenceArn"`

	Resource   maybe[wireResource] `json:"resource"`
	Service    maybe[wireService]  `json:"service"`
	ServiceToo ptr[wireService]    `json:"finding"`
}

type wireService struct {
	Name       text               `json:"serviceName"`
	Detector   text               `json:"detectorId"`
	Role       text               `json:"resourceRole"`
	FirstSeen  instant            `json:"eventFirstSeen"`
	LastSeen   instant            `json:"eventLastSeen"`
	Archived   flag               `json:"archived"`
	Count      number             `json:"count"`
	Feature    text               `json:"featureName"`
	Info       wireInfo           `json:"additionalInfo"`
	Action     maybe[wireAction]  `json:"action"`
	Evidence   maybe[wireEvid]    `json:"evidence"`
	Remote     maybe[wireRemote]  `json:"remoteIpDetails"`
	Runtime    maybe[wireRuntime] `json:"runtimeDetails"`
	Detection  maybe[wireDetect]  `json:"detection"`
	UserAgent  text               `json:"userAgent"`
	SequenceOf text               `json:"associatedAttackSequenceArn"`
}

type wireEvid struct {
	Threats many[struct {
		List text `json:"threatListName"`
	}] `json:"threatIntelligenceDetails"`
}

type wireRuntime struct {
	Process maybe[struct {
		Name text `json:"name"`
		Path text `json:"executablePath"`
	}] `json:"process"`
}

type wireAction struct {
	Type      text              `json:"actionType"`
	API       maybe[wireAPI]    `json:"awsApiCallAction"`
	DNS       maybe[wireDNS]    `json:"dnsRequestAction"`
	Network   maybe[wireNet]    `json:"networkConnectionAction"`
	PortProbe maybe[wireProbes] `json:"portProbeAction"`
	K8s       maybe[wireK8s]    `json:"kubernetesApiCallAction"`
	RDS       maybe[struct {
		Remote maybe[wireRemote] `json:"remoteIpDetails"`
	}] `json:"rdsLoginAttemptAction"`
	Remote maybe[wireRemote] `json:"remoteIpDetails"` // not GuardDuty's place, but met in forwarded data
}

type wireAPI struct {
	API       text              `json:"api"`
	Service   text              `json:"serviceName"`
	Error     text              `json:"errorCode"`
	UserAgent text              `json:"userAgent"`
	Remote    maybe[wireRemote] `json:"remoteIpDetails"`
	Domain    maybe[struct {
		Domain text `json:"domain"`
	}] `json:"domainDetails"`
	Account maybe[struct {
		ID acct `json:"accountId"`
	}] `json:"remoteAccountDetails"`
}

type wireDNS struct {
	Domain  text `json:"domain"`
	Blocked flag `json:"blocked"`
}

type wirePort struct {
	Port number `json:"port"`
}

type wireNet struct {
	Direction text              `json:"connectionDirection"`
	Blocked   flag              `json:"blocked"`
	Local     maybe[wirePort]   `json:"localPortDetails"`
	Remote    maybe[wireRemote] `json:"remoteIpDetails"`
	Port      maybe[wirePort]   `json:"remotePortDetails"`
}

type wireProbes struct {
	Blocked flag `json:"blocked"`
	Probes  many[struct {
		Local  maybe[wirePort]   `json:"localPortDetails"`
		Remote maybe[wireRemote] `json:"remoteIpDetails"`
	}] `json:"portProbeDetails"`
}

type wireK8s struct {
	URI       text              `json:"requestUri"`
	Verb      text              `json:"verb"`
	UserAgent text              `json:"userAgent"`
	SourceIPs texts             `json:"sourceIPs"`
	Remote    maybe[wireRemote] `json:"remoteIpDetails"`
}

type wireRemote struct {
	V4   text `json:"ipAddressV4"`
	V6   text `json:"ipAddressV6"`
	City name `json:"city"`
	Land name `json:"country"`
	Org  maybe[struct {
		ASN    text `json:"asn"`
		ASNOrg text `json:"asnOrg"`
		ISP    text `json:"isp"`
		Org    text `json:"org"`
		Name   text `json:"orgName"`
	}] `json:"organization"`
}

// name is a place: {"cityName": …}, {"countryName": …} or just a string.
type name string

func (n *name) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '{' {
		return (*text)(n).UnmarshalJSONFrom(d)
	}
	var o struct {
		City    text `json:"cityName"`
		Country text `json:"countryName"`
		Code    text `json:"countryCode"`
	}
	if err := json.UnmarshalDecode(d, &o); err != nil {
		return err
	}
	*n = name(first(o.City, o.Country, o.Code))
	return nil
}

// wireInfo is service.additionalInfo: an object, JSON text, or an object that
// repeats itself as JSON text under value.
type wireInfo struct{ infoFields }

type infoFields struct {
	Sample     flag    `json:"sample"`
	ThreatList text    `json:"threatListName"`
	MorePorts  numbers `json:"additionalPorts"`
	Agent      maybe[struct {
		Full text `json:"fullUserAgent"`
	}] `json:"userAgent"`
	Anomalies maybe[struct {
		APIs text `json:"anomalousAPIs"`
	}] `json:"anomalies"`
	Value text `json:"value"`
}

func (i *wireInfo) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var err error
	if d.PeekKind() == '{' {
		err = json.UnmarshalDecode(d, &i.infoFields)
	} else {
		err = i.Value.UnmarshalJSONFrom(d)
	}
	i.merge(string(i.Value))
	return err
}

// merge adds what only the JSON text holds. A truncated text is not read at
// all.
func (i *wireInfo) merge(value string) {
	lacks := func(have bool, key string) bool { return !have && strings.Contains(value, `"`+key+`"`) }
	if !lacks(bool(i.Sample), "sample") && !lacks(i.ThreatList != "", "threatListName") && !lacks(i.Agent.ok, "userAgent") &&
		!lacks(i.Anomalies.ok, "anomalies") && !lacks(len(i.MorePorts) > 0, "additionalPorts") || tooDeep([]byte(value)) >= 0 {
		return
	}
	var v infoFields
	if json.Unmarshal([]byte(value), &v, foldCase) != nil {
		return
	}
	i.Sample = i.Sample || v.Sample
	i.ThreatList = first(i.ThreatList, v.ThreatList)
	if len(i.MorePorts) == 0 {
		i.MorePorts = v.MorePorts
	}
	if !i.Agent.ok {
		i.Agent = v.Agent
	}
	if !i.Anomalies.ok {
		i.Anomalies = v.Anomalies
	}
}

// numbers is a list of numbers, or a single one.
type numbers []number

func (l *numbers) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var t texts
	if err := t.UnmarshalJSONFrom(d); err != nil {
		return err
	}
	for _, s := range t {
		var n number
		n.parse(s)
		*l = append(*l, n)
	}
	return nil
}

// first returns the first that is not empty.
func first[T ~string](s ...T) T {
	for _, v := range s {
		if v != "" {
			return v
		}
	}
	return ""
}
