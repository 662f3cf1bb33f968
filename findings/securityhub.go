package findings

import (
	"strings"

	"github.com/go-json-experiment/json"
)

// wireASFF is a finding in the AWS Security Finding Format (Security Hub user
// guide). GuardDuty's own fields are in ProductFields as path keys with text
// values.
type wireASFF struct {
	ID        text            `json:"Id"`
	Product   text            `json:"ProductArn"`
	Name      text            `json:"ProductName"`
	Account   acct            `json:"AwsAccountId"`
	Region    text            `json:"Region"`
	Types     texts           `json:"Types"`
	Title     text            `json:"Title"`
	Desc      text            `json:"Description"`
	CreatedAt instant         `json:"CreatedAt"`
	UpdatedAt instant         `json:"UpdatedAt"`
	FirstSeen instant         `json:"FirstObservedAt"`
	LastSeen  instant         `json:"LastObservedAt"`
	State     text            `json:"RecordState"`
	Sample    flag            `json:"Sample"`
	Fields    map[string]text `json:"ProductFields"`
	Severity  maybe[struct {
		Product    number `json:"Product"`
		Normalized number `json:"Normalized"`
		Label      text   `json:"Label"`
	}] `json:"Severity"`
	Resources many[wireASFFResource] `json:"Resources"`
}

type wireASFFResource struct {
	Type    text    `json:"Type"`
	ID      text    `json:"Id"`
	Tags    tagList `json:"Tags"`
	Details maybe[struct {
		Instance maybe[struct {
			Image   text  `json:"ImageId"`
			Type    text  `json:"Type"`
			VPC     text  `json:"VpcId"`
			V4      texts `json:"IpV4Addresses"`
			Profile text  `json:"IamInstanceProfileArn"`
		}] `json:"AwsEc2Instance"`
		Key   maybe[wireASFFKey] `json:"AwsIamAccessKey"`
		Other map[string]text    `json:"Other"`
	}] `json:"Details"`
}

type wireASFFKey struct {
	PrincipalID text `json:"PrincipalId"`
	Name        text `json:"PrincipalName"`
	Type        text `json:"PrincipalType"`
	UserName    text `json:"UserName"`
}

// securityHub turns an ASFF finding back into GuardDuty's.
func securityHub(raw []byte, line int, env Envelope) []Item {
	var a wireASFF
	if err := json.Unmarshal(raw, &a); err != nil {
		return refused(line, explain(err))
	}
	arn := parseARN(string(a.ID))
	if arn.detector == "" && !strings.HasSuffix(string(a.Product), "/aws/guardduty") && !strings.EqualFold(string(a.Name), "GuardDuty") {
		return refused(line, refuse("a Security Hub finding of another product than GuardDuty"))
	}
	env.Form = first(env.Form, "securityhub")
	w := wireFinding{
		ID: a.ID, ARN: a.ID, Type: text(fromASFFType(a.Types)), AccountID: a.Account, Region: a.Region,
		Title: a.Title, Description: a.Desc, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt, Severity: a.severity(),
	}
	w.Service.ok = true
	if err := json.Unmarshal(a.tree(), &w.Service.v, foldCase); err != nil {
		return refused(line, explain(err))
	}
	f, err := w.finding(env, "securityhub")
	if err != nil {
		return refused(line, err)
	}
	f.Sample = f.Sample || bool(a.Sample)
	f.Archived = f.Archived || a.State == "ARCHIVED"
	if f.FirstSeen.IsZero() {
		f.FirstSeen = a.FirstSeen.Time
	}
	if f.LastSeen.IsZero() {
		f.LastSeen = a.LastSeen.Time
	}
	for _, r := range a.Resources {
		r.fill(f)
	}
	return []Item{{Line: line, Finding: f}}
}

// exactASFF reports whether a document is in ASFF by the exact names of the
// format. Collectors are known to add keys that differ from them in case only.
func exactASFF(raw []byte) bool {
	var a struct {
		Product text  `json:"ProductArn"`
		Types   texts `json:"Types"`
	}
	return json.Unmarshal(raw, &a) == nil && a.Product != "" && len(a.Types) > 0
}

// severity is GuardDuty's own number when it is there, else the normalised one
// over ten, else the label.
func (a *wireASFF) severity() number {
	s := a.Severity.v
	if s.Product.set {
		return s.Product
	}
	if s.Normalized.set {
		return number{f: s.Normalized.f / 10, set: true}
	}
	var n number
	n.parse(string(s.Label))
	return n
}

// tree rebuilds GuardDuty's service object from ProductFields: the keys are
// paths with "/" between names and "name.0_" for the first of a list. Findings
// before 2020 have them without the prefix.
func (a *wireASFF) tree() []byte {
	root := node{}
	for _, k := range sortedKeys(a.Fields) {
		path, ok := strings.CutPrefix(k, "aws/guardduty/service/")
		if !ok && strings.HasPrefix(k, "aws/") || path == "" {
			continue
		}
		var segs []string
		for seg := range strings.SplitSeq(path, "/") {
			name, index, ok := strings.Cut(seg, ".")
			segs = append(segs, name)
			if ok {
				segs = append(segs, strings.TrimSuffix(index, "_"))
			}
		}
		root.set(segs, string(a.Fields[k]))
	}
	b, err := json.Marshal(root, json.Deterministic(true))
	if err != nil {
		return []byte("{}")
	}
	return b
}

func (r *wireASFFResource) fill(f *Finding) {
	if f.ResourceType == "" {
		f.ResourceType = resourceType(string(r.Type))
	}
	f.addResource(r.ID)
	if len(f.Tags) == 0 {
		f.Tags = r.Tags
	}
	d := r.Details.v
	if resourceType(string(r.Type)) == "Instance" && f.Instance.ID == "" {
		id := string(r.ID)
		f.Instance.ID = clip(id[strings.LastIndexByte(id, '/')+1:], 128)
		i := d.Instance.v
		f.Instance.ImageID, f.Instance.Type = clip(string(i.Image), 128), clip(string(i.Type), 64)
		f.Instance.VPC, f.Instance.ProfileARN = clip(string(i.VPC), 128), clip(string(i.Profile), maxName)
		for _, s := range i.V4 {
			if a := address(s); a.IsValid() && a.IsPrivate() {
				f.Instance.PrivateIPs = addAddr(f.Instance.PrivateIPs, s)
			} else {
				f.Instance.PublicIPs = addAddr(f.Instance.PublicIPs, s)
			}
		}
	}
	if f.Principal != (Principal{}) {
		return
	}
	if d.Key.ok {
		_, key, _ := strings.Cut(string(r.ID), "AccessKey:")
		if key == "null" {
			key = ""
		}
		f.Principal = principal(string(d.Key.v.Type), string(d.Key.v.PrincipalID), string(first(d.Key.v.Name, d.Key.v.UserName)), key)
	} else if u := d.Other["kubernetesDetails/kubernetesUserDetails/username"]; u != "" {
		f.Principal = Principal{Type: "Kubernetes", Name: clip(string(u), maxName)}
	}
}

// fromASFFType finds the GuardDuty type in Security Hub's. Mostly "/" became
// "-", but not always, so the letters alone are compared with the catalogue:
// first those after the last slash, then with the part before it. A type not
// in the catalogue gets its slash back at the likeliest place.
func fromASFFType(types []string) string {
	for _, t := range types {
		parts := strings.Split(t, "/")
		for n := 1; n <= min(3, len(parts)); n++ {
			if typ, ok := bySquash(strings.Join(parts[len(parts)-n:], "/")); ok {
				return typ
			}
		}
	}
	if len(types) == 0 {
		return ""
	}
	t := types[0][strings.LastIndexByte(types[0], '/')+1:]
	if purpose, rest, ok := strings.Cut(t, ":"); ok {
		return purpose + ":" + strings.Replace(rest, "-", "/", 1)
	}
	return t
}
