package awsfake

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ec2State is EC2 in one account and region.
type ec2State struct {
	account, region string
	instances       map[string]*Instance
	interfaces      map[string]*Interface
	groups          map[string]*Group
	volumes         map[string]*Volume
	snapshots       map[string]*Snapshot
	vpcs            map[string]VPC
	lag             int            // describe calls that do not show what is made from now on
	unseen          map[string]int // by id: describe calls that still do not show it
	failing         map[string]string
	slow            time.Duration // how long a snapshot takes
	lateLocks       bool          // only complete snapshots can be locked
	reorder         bool          // groups of an interface are shown in order of ids
}

// ec2 returns the state of EC2 in a region. The caller holds the lock.
func (c *Cloud) ec2(account, region string) *ec2State {
	s := stateOf[ec2State](c, account, region)
	if s.instances == nil {
		*s = ec2State{account: account, region: region, instances: map[string]*Instance{}, interfaces: map[string]*Interface{}, groups: map[string]*Group{},
			volumes: map[string]*Volume{}, snapshots: map[string]*Snapshot{}, vpcs: map[string]VPC{}, unseen: map[string]int{}, failing: map[string]string{}}
	}
	return s
}

func (r *request) ec2(c *Cloud) *ec2State { return c.ec2(r.Account, r.Region) }

func ec2Service() service {
	ops := map[string]operation{}
	for _, more := range []map[string]operation{ec2Instances(), ec2Interfaces(), ec2Groups(), ec2Volumes(), ec2Tags(), ec2Addresses(), ec2Console()} {
		maps.Copy(ops, more)
	}
	return service{protocol: ec2Query, xmlns: "http://ec2.amazonaws.com/doc/2016-11-15/", ops: ops}
}

// arn names a resource in policies.
func (s *ec2State) arn(kind, id string) string {
	account := s.account
	if kind == "snapshot" {
		account = ""
	}
	return "arn:aws:ec2:" + s.region + ":" + account + ":" + kind + "/" + id
}

// need is what a policy must allow for an action on a resource that exists.
func (s *ec2State) need(action, kind, id string) Need {
	n := Need{Action: "ec2:" + action, Resource: s.arn(kind, id), Keys: map[string]string{}}
	for k, v := range s.tagsOf(id) {
		n.Keys["aws:ResourceTag/"+k] = v
		n.Keys["ec2:ResourceTag/"+k] = v
	}
	return n
}

// made is what a policy must allow to make a resource, with tags if there are
// any (IAM, "Grant permission to tag EC2 resources during creation").
func (s *ec2State) made(r *request, action, kind string) []Need {
	n := Need{Action: "ec2:" + action, Resource: s.arn(kind, "*"), Keys: map[string]string{}}
	tags := r.specTags(kind)
	if len(tags) == 0 {
		return []Need{n}
	}
	t := Need{Action: "ec2:CreateTags", Resource: n.Resource, Keys: map[string]string{"ec2:CreateAction": action}}
	for k, v := range tags {
		n.Keys["aws:RequestTag/"+k], t.Keys["aws:RequestTag/"+k] = v, v
	}
	return []Need{n, t}
}

// specTags are the tags for a kind of resource in a request to make it.
func (r *request) specTags(kind string) map[string]string {
	tags := map[string]string{}
	for i := range r.count("TagSpecification") {
		p := "TagSpecification." + strconv.Itoa(i+1)
		if r.str(p+".ResourceType") != kind {
			continue
		}
		for j := range r.count(p + ".Tag") {
			t := p + ".Tag." + strconv.Itoa(j+1)
			tags[r.str(t+".Key")] = r.str(t + ".Value")
		}
	}
	return tags
}

// hide makes a new object invisible for as many describe calls as ordered.
func (s *ec2State) hide(id string) {
	if s.lag > 0 {
		s.unseen[id] = s.lag
	}
}

// hidden says whether a describe call does not show an object yet.
func (s *ec2State) hidden(id string) bool {
	if s.unseen[id] == 0 {
		return false
	}
	s.unseen[id]--
	return true
}

// filters reads Filter.N of a describe call.
func (r *request) filters() map[string][]string {
	out := map[string][]string{}
	for i := range r.count("Filter") {
		p := "Filter." + strconv.Itoa(i+1)
		out[r.str(p+".Name")] = r.list(p + ".Value")
	}
	return out
}

// selected returns what a describe call is about, in order of ids: named ids
// must exist; filters are those in attrs and tags.
func selected[T any](s *ec2State, r *request, all map[string]T, ids []string, missing string, attrs func(T) map[string][]string, tags func(T) map[string]string) ([]T, error) {
	for _, id := range ids {
		if _, ok := all[id]; !ok {
			return nil, refuse(missing, "The ID '%s' does not exist", id)
		}
	}
	var out []T
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if len(ids) > 0 && !slices.Contains(ids, id) {
			continue
		}
		if s.hidden(id) {
			if slices.Contains(ids, id) {
				return nil, refuse(missing, "The ID '%s' does not exist", id)
			}
			continue
		}
		ok, err := matches(r.filters(), attrs(all[id]), tags(all[id]))
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, all[id])
		}
	}
	return out, nil
}

// visible leaves out what the account hides, unless it is asked for.
func visible[T any](r *request, all map[string]T, hidden func(T) bool) map[string]T {
	if r.str("IncludeManagedResources") == "true" {
		return all
	}
	out := maps.Clone(all)
	maps.DeleteFunc(out, func(_ string, x T) bool { return hidden(x) })
	return out
}

func matches(filters, attrs map[string][]string, tags map[string]string) (bool, error) {
	for name, want := range filters {
		have, known := attrs[name]
		if key, isTag := strings.CutPrefix(name, "tag:"); isTag {
			known, have = true, nil
			if v, ok := tags[key]; ok {
				have = []string{v}
			}
		}
		if name == "tag-key" {
			known, have = true, slices.Collect(maps.Keys(tags))
		}
		if !known {
			return false, refuse("InvalidParameterValue", "The filter '%s' is invalid", name)
		}
		if !slices.ContainsFunc(have, func(h string) bool {
			return slices.ContainsFunc(want, func(w string) bool { return like(w, h) })
		}) {
			return false, nil
		}
	}
	return true, nil
}

// pageOf cuts a list as MaxResults and NextToken say; the token is a position.
func pageOf[T any](r *request, all []T) ([]T, string, error) {
	from := 0
	if r.has("NextToken") {
		n, err := strconv.Atoi(strings.TrimPrefix(r.str("NextToken"), "from-"))
		if err != nil || n > len(all) {
			return nil, "", refuse("InvalidNextToken", "The token is not valid")
		}
		from = n
	}
	limit, err := strconv.Atoi(cmp.Or(r.str("MaxResults"), "1000"))
	if err != nil || limit < 5 || limit > 1000 {
		return nil, "", refuse("InvalidParameterValue", "MaxResults is between 5 and 1000")
	}
	if from+limit >= len(all) {
		return all[from:], "", nil
	}
	return all[from : from+limit], "from-" + strconv.Itoa(from+limit), nil
}

// wireTag is a tag in answers.
type wireTag struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

func wireTags(m map[string]string) []wireTag {
	var out []wireTag
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, wireTag{k, m[k]})
	}
	return out
}

// done is the answer of operations that say only that they worked.
type done struct {
	Return bool `xml:"return"`
}

var idForm = regexp.MustCompile(`^[a-z]+-([0-9a-f]{8}|[0-9a-f]{17})$`)

// wellFormed checks ids as EC2 does before it looks for them.
func wellFormed(ids []string, code string) error {
	for _, id := range ids {
		if !idForm.MatchString(id) {
			return refuse(code, `Invalid id: "%s"`, id)
		}
	}
	return nil
}
