package findings

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// finding turns what was decoded into a Finding, or says why it is none. env
// is how it arrived; source names the maker of the form it had.
func (w *wireFinding) finding(env Envelope, source string) (*Finding, *RefusedError) {
	arn := parseARN(string(w.ARN))
	f := &Finding{
		Kind: KindFinding, Source: source, ARN: clip(string(w.ARN), maxName), Envelope: env,
		Title: clip(string(w.Title), maxText), Description: clip(string(w.Description), maxText),
		CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time, Sequence: clip(string(w.Sequence), maxName),
	}
	if err := w.identify(f, arn); err != nil {
		return nil, err
	}
	if err := w.weigh(f); err != nil {
		return nil, err
	}
	w.place(f, arn)
	svc := &w.Service.v
	if !w.Service.ok && w.ServiceToo.v != nil {
		svc = w.ServiceToo.v
	}
	svc.fill(f)
	if f.Detector == "" && len(svc.Detector) <= 128 && clean(string(svc.Detector)) {
		f.Detector = string(svc.Detector)
	}
	if w.Resource.ok {
		w.Resource.v.fill(f)
	}
	if svc.Detection.ok {
		svc.Detection.v.fill(f)
	}
	f.ResourceType = resourceType(f.ResourceType)
	f.Sample = f.Sample || generated(f, &w.Resource.v)
	if f.UpdatedAt.IsZero() {
		f.UpdatedAt = later(f.LastSeen, f.CreatedAt)
	}
	if f.UpdatedAt.IsZero() {
		f.UpdatedAt = env.Time
	}
	return f, nil
}

// identify checks id and type, the two things without which there is nothing
// to follow up. Neither is ever cut or cleaned: two ids must not become one.
func (w *wireFinding) identify(f *Finding, arn findingARN) *RefusedError {
	id := string(first(w.ID, w.FindingID))
	if strings.HasPrefix(id, "arn:") {
		if a := parseARN(id); a.id != "" {
			id = a.id
		}
	}
	if id == "" {
		id = arn.id
	}
	typ := string(w.Type)
	switch {
	case strings.TrimSpace(id) == "":
		return refuse("the finding has no id")
	case len(id) > maxID:
		return refuse(fmt.Sprintf("the id is longer than %d bytes", maxID))
	case !clean(id):
		return refuse("the id holds a control or invisible character")
	case strings.TrimSpace(typ) == "":
		return refuse("the finding has no type")
	case len(typ) > maxID:
		return refuse(fmt.Sprintf("the type is longer than %d bytes", maxID))
	case !clean(typ):
		return refuse("the type holds a control or invisible character")
	}
	f.ID, f.Type = id, canonicalType(typ)
	_, listed := Lookup(f.Type)
	f.Unlisted = !listed
	return nil
}

// weigh reads the severity. A label stands for the middle of its band. None
// at all is taken as the type's default, and as high for a type not known:
// what we do not understand gets more attention, not less.
func (w *wireFinding) weigh(f *Finding) *RefusedError {
	s := w.Severity
	if !s.set {
		f.Severity = 7
		if e, ok := Lookup(f.Type); ok {
			f.Severity = e.Severity.middle()
		}
		return nil
	}
	if math.IsNaN(s.f) {
		l, ok := labelled(s.raw)
		if !ok {
			return refuse("the severity is neither a number nor a known word")
		}
		s.f = l
	}
	if s.f < 0 || s.f > 10 {
		return refuse("the severity is not between 0 and 10")
	}
	f.Severity = s.f
	return nil
}

// place settles account, Region and detector. The finding's own account wins
// over the ARN's and that over the envelope's, which under a delegated
// administrator is only where the rule ran. The ARN's Region wins: for global
// services the field names another one, and API calls need the detector's.
func (w *wireFinding) place(f *Finding, arn findingARN) {
	env := f.Envelope
	f.Account = accountID(string(w.AccountID))
	if f.Account == "" {
		f.Account = arn.account
	}
	if f.Account == "" && w.AccountID == "" {
		f.Account = env.Account
	}
	f.Region = first(arn.region, regionName(string(w.Region)), env.Region)
	f.Detector = arn.detector
	f.Partition = arn.partition
	if p := string(w.Partition); f.Partition == "" && len(p) <= 16 && clean(p) {
		f.Partition = p
	}
	if f.Partition == "" {
		f.Partition = partitionOf(f.Region)
	}
}

// partitionOf tells the partition by the Region's prefix.
func partitionOf(region string) string {
	switch {
	case region == "":
		return ""
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

func (s *wireService) fill(f *Finding) {
	f.FirstSeen, f.LastSeen = s.FirstSeen.Time, s.LastSeen.Time
	f.Count = max(1, s.Count.int(math.MaxInt32))
	f.Archived = bool(s.Archived)
	f.Sample = bool(s.Info.Sample)
	f.Role = strings.ToUpper(clip(string(s.Role), 32))
	f.Feature = clip(string(s.Feature), 128)
	f.UserAgent = clip(string(s.UserAgent), maxName)
	if f.Sequence == "" {
		f.Sequence = clip(string(s.SequenceOf), maxName)
	}
	f.ThreatList = clip(s.threatLists(), maxName)
	if s.Runtime.ok && s.Runtime.v.Process.ok {
		p := s.Runtime.v.Process.v
		f.Process = clip(string(first(p.Path, p.Name)), maxName)
	}
	if s.Action.ok {
		s.Action.v.fill(f)
	}
	if s.Info.Anomalies.ok {
		f.API = anomalousAPIs(f.API, string(s.Info.Anomalies.v.APIs))
	}
	if f.UserAgent == "" {
		f.UserAgent = clip(string(s.Info.Agent.v.Full), maxName)
	}
	for _, p := range s.Info.MorePorts {
		f.addLocalPort(p)
	}
	if s.Remote.ok {
		f.addRemote(s.Remote.v, number{})
	}
}

// threatLists joins up to three different list names.
func (s *wireService) threatLists() string {
	var names []string
	for _, t := range s.Evidence.v.Threats {
		if n := string(t.List); n != "" && !contains(names, n) && len(names) < 3 {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return string(s.Info.ThreatList)
	}
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names, ", ")
}

// resourceType gives GuardDuty's own spelling of a resource type. Coverage and
// scan events, attack sequences, Security Hub and third-party data have others;
// one that is not known stays as it is.
func resourceType(s string) string {
	switch s {
	case "", "Instance", "AccessKey", "S3Bucket", "EKSCluster":
		return s
	}
	switch squash(s) {
	case "ec2", "ec2instance", "instance", "awsec2instance":
		return "Instance"
	case "accesskey", "awsiamaccesskey", "iamaccesskey":
		return "AccessKey"
	case "s3bucket", "awss3bucket":
		return "S3Bucket"
	case "s3object", "awss3object":
		return "S3Object"
	case "eks", "ekscluster", "awsekscluster":
		return "EKSCluster"
	case "ecs", "ecscluster", "awsecscluster":
		return "ECSCluster"
	case "container", "awsecscontainer":
		return "Container"
	case "lambda", "awslambdafunction":
		return "Lambda"
	case "rdsdbinstance", "dbinstance", "awsrdsdbinstance":
		return "RDSDBInstance"
	case "rdslimitlessdb":
		return "RDSLimitlessDB"
	case "attacksequence":
		return "AttackSequence"
	}
	return clip(s, 64)
}

// labelled gives a severity written as a word a middle value of its band.
func labelled(s string) (float64, bool) {
	switch strings.ToLower(s) {
	case "informational", "info":
		return 1, true
	case "low":
		return Low.middle(), true
	case "medium", "moderate":
		return Medium.middle(), true
	case "high":
		return High.middle(), true
	case "critical", "fatal":
		return Critical.middle(), true
	}
	return 0, false
}

// generated reports the marks of a sample finding other than its flag. Only
// values that AWS assigns are looked at: nobody can hide a real finding by
// choosing a name.
func generated(f *Finding, r *wireResource) bool {
	return strings.HasPrefix(f.Title, "[SAMPLE]") || f.Instance.ID == "i-99999999" ||
		strings.HasPrefix(f.Principal.AccessKeyID, "GeneratedFinding") ||
		r.Key.ok && strings.HasPrefix(f.Principal.ID, "GeneratedFinding")
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func contains(l []string, s string) bool {
	for _, v := range l {
		if v == s {
			return true
		}
	}
	return false
}
