package findings

import (
	"strings"

	"github.com/go-json-experiment/json"
)

// wireOCSF is a Detection Finding of the Open Cybersecurity Schema Framework
// (schema.ocsf.io, class 2004; 2001 before version 1.1), as Security Hub and
// Security Lake write GuardDuty's.
type wireOCSF struct {
	Class    text   `json:"class_uid"`
	Severity number `json:"severity_id"`
	Time     text   `json:"time"`
	Metadata maybe[struct {
		Product maybe[struct {
			Name text `json:"name"`
			UID  text `json:"uid"`
		}] `json:"product"`
	}] `json:"metadata"`
	Cloud maybe[struct {
		Region  text `json:"region"`
		Account maybe[struct {
			UID acct `json:"uid"`
		}] `json:"account"`
	}] `json:"cloud"`
	Info maybe[struct {
		UID      text    `json:"uid"`
		Title    text    `json:"title"`
		Desc     text    `json:"desc"`
		Types    texts   `json:"types"`
		Created  instant `json:"created_time"`
		Created2 instant `json:"created_time_dt"`
		Changed  instant `json:"modified_time"`
		Changed2 instant `json:"modified_time_dt"`
		First    instant `json:"first_seen_time"`
		First2   instant `json:"first_seen_time_dt"`
		Last     instant `json:"last_seen_time"`
		Last2    instant `json:"last_seen_time_dt"`
	}] `json:"finding_info"`
	Resources many[struct {
		Type   text    `json:"type"`
		UID    text    `json:"uid"`
		Data   text    `json:"data"`
		Labels texts   `json:"labels"`
		Tags   tagList `json:"tags"`
	}] `json:"resources"`
	Evidences many[wireOCSFEvidence] `json:"evidences"`
}

type wireOCSFEvidence struct {
	API maybe[struct {
		Op      text `json:"operation"`
		Service maybe[struct {
			Name text `json:"name"`
		}] `json:"service"`
		Response maybe[struct {
			Error text `json:"error"`
		}] `json:"response"`
	}] `json:"api"`
	Src        maybe[wireOCSFEnd] `json:"src_endpoint"`
	Dst        maybe[wireOCSFEnd] `json:"dst_endpoint"`
	Connection maybe[struct {
		Direction text `json:"direction"`
	}] `json:"connection_info"`
	Query maybe[struct {
		Host text `json:"hostname"`
	}] `json:"query"`
}

type wireOCSFEnd struct {
	IP       text   `json:"ip"`
	Port     number `json:"port"`
	Location maybe[struct {
		City    name `json:"city"`
		Country name `json:"country"`
	}] `json:"location"`
}

// severity maps severity_id: 1 informational to 5 critical and 6 fatal.
func (o *wireOCSF) severity() number {
	bands := [...]float64{0, 1, 2, 5, 8, 9.5, 9.5}
	if i := o.Severity.int(len(bands) - 1); i > 0 {
		return number{f: bands[i], set: true}
	}
	return number{}
}

func ocsf(raw []byte, line int, env Envelope) []Item {
	var o wireOCSF
	if err := json.Unmarshal(raw, &o, foldCase); err != nil {
		return refused(line, explain(err))
	}
	if o.Class != "2004" && o.Class != "2001" {
		return refused(line, refuse("an OCSF event of another class than Detection Finding"))
	}
	i, product := o.Info.v, o.Metadata.v.Product.v
	if parseARN(string(i.UID)).detector == "" && !strings.Contains(squash(string(product.Name+product.UID)), "guardduty") {
		return refused(line, refuse("an OCSF finding of another product than GuardDuty"))
	}
	env.Form = first(env.Form, "ocsf")
	w := wireFinding{
		ID: i.UID, ARN: i.UID, Type: text(fromASFFType(i.Types)), AccountID: o.Cloud.v.Account.v.UID, Region: o.Cloud.v.Region,
		Title: i.Title, Description: i.Desc, Severity: o.severity(),
		CreatedAt: instant{later(i.Created.Time, i.Created2.Time)}, UpdatedAt: instant{later(i.Changed.Time, i.Changed2.Time)},
	}
	if w.UpdatedAt.IsZero() {
		w.UpdatedAt.Time = parseTime(string(o.Time))
	}
	f, err := w.finding(env, "ocsf")
	if err != nil {
		return refused(line, err)
	}
	f.FirstSeen, f.LastSeen = later(i.First.Time, i.First2.Time), later(i.Last.Time, i.Last2.Time)
	for _, e := range o.Evidences {
		e.fill(f)
	}
	o.resources(f)
	return []Item{{Line: line, Finding: f}}
}

func (e *wireOCSFEvidence) fill(f *Finding) {
	if e.API.ok && f.API == "" {
		f.Action = "AWS_API_CALL"
		f.API = apiName(string(e.API.v.Service.v.Name), string(e.API.v.Op))
		f.ErrorCode = clip(string(e.API.v.Response.v.Error), 128)
	}
	if e.Query.ok && f.Domain == "" {
		f.Domain = clip(string(e.Query.v.Host), 255)
		if f.Action == "" && f.Domain != "" {
			f.Action = "DNS_REQUEST"
		}
	}
	if e.Connection.ok && f.Direction == "" {
		f.Direction = strings.ToUpper(clip(string(e.Connection.v.Direction), 32))
	}
	// The far end is the source, except where we were the caller.
	far, near := e.Src, e.Dst
	if f.Direction == "OUTBOUND" && e.Dst.ok {
		far, near = e.Dst, e.Src
	}
	if far.ok {
		f.addRemote(wireRemote{V4: far.v.IP, City: far.v.Location.v.City, Land: far.v.Location.v.Country}, far.v.Port)
	}
	if near.ok {
		f.addLocalPort(near.v.Port)
	}
}

// resources reads the resources, whose details are JSON text in the Security
// Hub form.
func (o *wireOCSF) resources(f *Finding) {
	for _, r := range o.Resources {
		a := wireASFFResource{Type: r.Type, ID: r.UID, Tags: r.Tags}
		for _, l := range r.Labels {
			if k, v, ok := strings.Cut(l, ":"); ok && len(r.Tags) == 0 {
				a.Tags.add(text(k), text(v))
			}
		}
		if data := string(r.Data); strings.HasPrefix(data, "{") && tooDeep([]byte(data)) < 0 {
			// What cannot be read adds nothing; the finding stands without it.
			_ = json.Unmarshal([]byte(data), &a.Details, foldCase)
		}
		a.fill(f)
	}
}
