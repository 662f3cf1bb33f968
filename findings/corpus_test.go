package findings

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// TestCorpus parses whole collections: the samples beside this test and, when
// SECURITYBOT_CORPUS names a file of documents one a line under "doc", those.
// What Parse found is compared with a plain reading of the same document.
func TestCorpus(t *testing.T) {
	t.Parallel()
	var docs [][]byte
	for _, n := range []string{"portprobe", "dns", "ssh", "createuser", "root", "s3", "kubernetes", "runtime", "portprobe.eventbridge", "panther", "mozdef"} {
		docs = append(docs, sample(t, n+".json"))
	}
	if name := os.Getenv("SECURITYBOT_CORPUS"); name != "" {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(b) {
			var d struct {
				Doc jsontext.Value `json:"doc"`
			}
			if err := json.Unmarshal(line, &d); err != nil {
				t.Fatal(err)
			}
			docs = append(docs, d.Doc)
		}
	}
	reasons, compared := map[string]int{}, 0
	for n, doc := range docs {
		items := Parse(doc)
		for _, i := range items {
			checkItem(t, i)
			if i.Err != nil {
				reasons[i.Err.Error()]++
				continue
			}
			if g := wantGroup(i.Finding); g != "" && GroupOf(i.Finding) != g {
				t.Errorf("document %d: %s is in %s, want %s", n+1, i.Finding.Type, GroupOf(i.Finding), g)
			}
		}
		if p, ok := plain(doc); ok && items[0].Finding != nil {
			compared++
			for _, diff := range p.compare(items[0].Finding) {
				t.Errorf("document %d (%s): %s", n+1, items[0].Finding.Type, diff)
			}
		}
	}
	for r, n := range reasons {
		t.Logf("refused %d: %s", n, r)
	}
	if len(reasons) > 3 || compared < len(docs)/2 {
		t.Errorf("%d reasons for refusal; %d of %d documents compared", len(reasons), compared, len(docs))
	}
}

// wantGroup says the group of a type by its name alone, on another way than
// the catalogue does; it is empty where the resource decides.
func wantGroup(f *Finding) Group {
	_, listed := Lookup(f.Type)
	switch {
	case f.Kind != KindFinding:
		return GroupOther
	case strings.Contains(f.Type, ":Runtime/") || !listed:
		return ""
	case strings.HasPrefix(f.Type, "Recon:EC2/PortProbe"):
		return GroupPortProbe
	case strings.Contains(f.Type, "MaliciousFile") && !strings.Contains(f.Type, ":EC2/"):
		return GroupOther
	case regexp.MustCompile(`^Stealth:|CredentialExfiltration|CompromisedCredentials|DefenseEvasion:IAMUser|:S3/|IAMUser/S3`).MatchString(f.Type):
		return GroupIAMCritical
	case strings.Contains(f.Type, ":EC2/"):
		return GroupEC2
	case strings.Contains(f.Type, ":IAM"):
		return GroupIAM
	}
	return GroupOther
}

// tree is a document read plainly, with all keys in lower case.
type tree map[string]any

func lower(v any) any {
	switch v := v.(type) {
	case map[string]any:
		o := tree{}
		for k, e := range v {
			o[strings.ToLower(k)] = lower(e)
		}
		return o
	case []any:
		for i := range v {
			v[i] = lower(v[i])
		}
	}
	return v
}

func (o tree) at(path ...string) any {
	var v any = o
	for _, p := range path {
		m, ok := v.(tree)
		if !ok {
			return nil
		}
		v = m[p]
	}
	return v
}

func (o tree) text(path ...string) string {
	if v := o.at(path...); v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

// plain reads a bare finding or the detail of an event; ok is false for every
// other form.
func plain(doc []byte) (tree, bool) {
	var v any
	if json.Unmarshal(doc, &v) != nil {
		return nil, false
	}
	o, ok := lower(v).(tree)
	if !ok {
		return nil, false
	}
	for _, k := range []string{"detail", "details"} {
		if d, ok := o[k].(tree); ok {
			o = d
			break
		}
	}
	if s, ok := o["finding"].(tree); ok && o["service"] == nil {
		o["service"] = s
	}
	return o, o["id"] != nil && o["type"] != nil && o["eventname"] == nil
}

func (o tree) compare(f *Finding) (diffs []string) {
	check := func(what string, got, want any) {
		if fmt.Sprint(got) != fmt.Sprint(want) {
			diffs = append(diffs, fmt.Sprintf("%s is %v, want %v", what, got, want))
		}
	}
	check("id", f.ID, o.text("id"))
	check("type", squash(f.Type), squash(o.text("type")))
	if s, err := strconv.ParseFloat(o.text("severity"), 64); err == nil {
		check("severity", f.Severity, s)
	}
	if a := accountID(o.text("accountid")); a != "" {
		check("account", f.Account, a)
	}
	if o.text("region") != "" && !strings.Contains(o.text("arn"), ":"+f.Region+":") {
		check("region", f.Region, regionName(o.text("region")))
	}
	if c, ok := o.at("service", "count").(float64); ok {
		check("count", f.Count, c)
	}
	check("principal id", f.Principal.ID != "" || f.Principal.Type == "Kubernetes" || f.ResourceType == "AttackSequence", o.text("resource", "accesskeydetails", "principalid") != "" ||
		o.at("resource", "kubernetesdetails", "kubernetesuserdetails") != nil || o.text("resource", "resourcetype") == "AttackSequence")
	check("instance", f.Instance.ID, firstText(o.text("resource", "instancedetails", "instanceid"), f.sequenceInstance()))
	if l, ok := o.at("resource", "instancedetails", "tags").([]any); ok && f.ResourceType == "Instance" {
		l = slices.DeleteFunc(l, func(e any) bool { return e.(tree).text("key") == "" && e.(tree).text("value") == "" })
		check("tags", len(f.Tags), min(len(l), maxTags))
	}
	check("action", f.Action, firstText(o.text("service", "action", "actiontype"), f.Action))
	check("domain", f.Domain, firstText(o.text("service", "action", "dnsrequestaction", "domain"), o.text("service", "action", "awsapicallaction", "domaindetails", "domain")))
	o.compareEnds(f, check)
	return diffs
}

func (o tree) compareEnds(f *Finding, check func(string, any, any)) {
	for _, kind := range []string{"awsapicallaction", "networkconnectionaction", "kubernetesapicallaction", "rdsloginattemptaction"} {
		a, ok := o.at("service", "action", kind).(tree)
		if !ok || !strings.EqualFold(strings.ReplaceAll(f.Action, "_", "")+"action", kind) {
			continue
		}
		ip := address(a.text("remoteipdetails", "ipaddressv4"))
		if !ip.IsValid() {
			ip = address(a.text("remoteipdetails", "ipaddressv6"))
		}
		if ip.IsValid() || a["sourceips"] == nil {
			check("remote address", f.RemoteIP(), ip)
		}
		if p, ok := a.at("localportdetails", "port").(float64); ok {
			check("local port", slices.Contains(f.LocalPorts, int(p)), true)
		}
		if p, ok := a.at("remoteportdetails", "port").(float64); ok {
			check("remote port", slices.Contains(f.RemotePorts(), int(p)), true)
		}
	}
	if l, ok := o.at("service", "action", "portprobeaction", "portprobedetails").([]any); ok {
		for _, e := range l {
			p, _ := e.(tree).at("localportdetails", "port").(float64)
			check("probed port", slices.Contains(f.LocalPorts, int(p)), true)
			if ip := address(e.(tree).text("remoteipdetails", "ipaddressv4")); ip.IsValid() {
				check("prober", slices.Contains(f.RemoteIPs(), ip), true)
			}
		}
	}
}

// sequenceInstance is the instance of an attack sequence, which is not where
// other findings have theirs.
func (f *Finding) sequenceInstance() string {
	if f.ResourceType == "AttackSequence" {
		return f.Instance.ID
	}
	return ""
}

func firstText(s ...string) string { return first(s...) }
