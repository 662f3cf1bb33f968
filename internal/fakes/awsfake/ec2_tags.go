package awsfake

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

func ec2Tags() map[string]operation {
	return map[string]operation{
		"CreateTags": {write: true, run: createTags, needs: needsTagging},
		"DeleteTags": {write: true, run: deleteTags, needs: needsTagging},
	}
}

// Limits of tags (EC2 user guide, "Tag restrictions").
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// kinds of resources that can be tagged, by what their ids begin with.
var tagKinds = map[string]string{"i": "instance", "eni": "network-interface", "sg": "security-group", "vol": "volume", "snap": "snapshot"}

func kindOf(id string) string {
	prefix, _, _ := strings.Cut(id, "-")
	return tagKinds[prefix]
}

// tagField is where the tags of a resource are; nil when there is none.
func (s *ec2State) tagField(id string) *map[string]string {
	switch kindOf(id) {
	case "instance":
		if x := s.instances[id]; x != nil {
			return &x.Tags
		}
	case "network-interface":
		if x := s.interfaces[id]; x != nil {
			return &x.Tags
		}
	case "security-group":
		if x := s.groups[id]; x != nil {
			return &x.Tags
		}
	case "volume":
		if x := s.volumes[id]; x != nil {
			return &x.Tags
		}
	case "snapshot":
		if x := s.snapshots[id]; x != nil {
			return &x.Tags
		}
	}
	return nil
}

func (s *ec2State) tagsOf(id string) map[string]string {
	if f := s.tagField(id); f != nil {
		return *f
	}
	return nil
}

// needsTagging asks for every resource, with the tags in the request. The key
// aws:TagKeys is given for each tag in turn, as ForAllValues judges them; a
// call that names no tag has no such key.
func needsTagging(c *Cloud, r *request) []Need {
	s := r.ec2(c)
	var out []Need
	for _, id := range r.list("ResourceId") {
		if r.count("Tag") == 0 {
			out = append(out, s.need(r.Op, kindOf(id), id))
		}
		for i := range r.count("Tag") {
			n := s.need(r.Op, kindOf(id), id)
			key := r.str("Tag." + strconv.Itoa(i+1) + ".Key")
			n.Keys["aws:TagKeys"] = key
			n.Keys["aws:RequestTag/"+key] = r.str("Tag." + strconv.Itoa(i+1) + ".Value")
			out = append(out, n)
		}
	}
	return out
}

func createTags(c *Cloud, r *request) (any, error) {
	return done{true}, eachTagged(c, r, func(tags map[string]string, key, value string, _ bool) error {
		if strings.HasPrefix(strings.ToLower(key), "aws:") || key == "" || len(key) > maxTagKey || len(value) > maxTagValue {
			return refuse("InvalidParameterValue", "The tag '%s' is not valid", key)
		}
		if tags[key] = value; len(tags) > maxTags {
			return refuse("TagLimitExceeded", "The maximum number of tags has been reached")
		}
		return nil
	})
}

// deleteTags removes a tag; with a value, only if it has that value. Without
// any tag it removes all of them (EC2 API reference, DeleteTags).
func deleteTags(c *Cloud, r *request) (any, error) {
	if r.count("Tag") == 0 {
		for _, id := range r.list("ResourceId") {
			if field := r.ec2(c).tagField(id); field != nil {
				*field = nil
			}
		}
		return done{true}, nil
	}
	return done{true}, eachTagged(c, r, func(tags map[string]string, key, value string, given bool) error {
		if !given || tags[key] == value {
			delete(tags, key)
		}
		return nil
	})
}

// eachTagged applies f to a copy of every resource's tags, and keeps the
// copies when nothing is wrong.
func eachTagged(c *Cloud, r *request, f func(tags map[string]string, key, value string, given bool) error) error {
	s := r.ec2(c)
	var fields []*map[string]string
	var changed []map[string]string
	ids := r.list("ResourceId")
	if len(ids) == 0 || r.count("Tag") == 0 {
		return refuse("MissingParameter", "resources and tags are needed")
	}
	for _, id := range ids {
		field := s.tagField(id)
		if field == nil {
			return refuse("InvalidID", "The ID '%s' is not valid", id)
		}
		tags := maps.Clone(*field)
		if tags == nil {
			tags = map[string]string{}
		}
		for i := range r.count("Tag") {
			p := "Tag." + strconv.Itoa(i+1)
			if err := f(tags, r.str(p+".Key"), r.str(p+".Value"), r.has(p+".Value")); err != nil {
				return err
			}
		}
		fields, changed = append(fields, field), append(changed, tags)
	}
	for i, field := range slices.All(fields) {
		*field = changed[i]
	}
	return nil
}
