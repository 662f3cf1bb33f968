package trail

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

// maxAgents bounds the user agents kept, and maxText the bytes of each.
const (
	maxAgents = 5
	maxText   = 200
)

// tally counts events from one address.
type tally struct {
	names           map[string]*Name
	total, failed   int
	agents          []string
	first, last     time.Time
	examined        int
	complete, vague bool // vague: an event could not be read
}

// record is what is needed of an event's document (CloudTrail user guide,
// "Record contents").
type record struct {
	Source    string    `json:"eventSource"`
	Name      string    `json:"eventName"`
	At        time.Time `json:"eventTime"`
	Address   string    `json:"sourceIPAddress"`
	Agent     string    `json:"userAgent"`
	ErrorCode string    `json:"errorCode"`
}

func (t *tally) event(from netip.Addr, e types.Event) {
	t.examined++
	var r record
	if err := json.Unmarshal([]byte(aws.ToString(e.CloudTrailEvent)), &r); err != nil {
		t.vague = true
		return
	}
	ip, err := netip.ParseAddr(r.Address)
	if err != nil || ip.Unmap() != from.Unmap() {
		return // another address, or a service on behalf of the caller
	}
	name := operation(r)
	n := t.names[name]
	if n == nil {
		n = &Name{Name: name}
		t.names[name] = n
	}
	n.Calls++
	t.total++
	if r.ErrorCode != "" {
		n.Failed++
		t.failed++
	}
	if agent := clip(r.Agent); agent != "" && len(t.agents) < maxAgents && !slices.Contains(t.agents, agent) {
		t.agents = append(t.agents, agent)
	}
	t.span(r.At, r.At)
}

func (t *tally) span(first, last time.Time) {
	if !first.IsZero() && (t.first.IsZero() || first.Before(t.first)) {
		t.first = first
	}
	if last.After(t.last) {
		t.last = last
	}
}

// add adds another region's tally.
func (t *tally) add(o tally) {
	for k, n := range o.names {
		have := t.names[k]
		if have == nil {
			have = &Name{Name: k}
			t.names[k] = have
		}
		have.Calls += n.Calls
		have.Failed += n.Failed
	}
	t.total, t.failed, t.examined = t.total+o.total, t.failed+o.failed, t.examined+o.examined
	t.complete = t.complete && o.complete && !o.vague
	for _, a := range o.agents {
		if len(t.agents) < maxAgents && !slices.Contains(t.agents, a) {
			t.agents = append(t.agents, a)
		}
	}
	t.span(o.first, o.last)
}

func (t *tally) calls() Calls {
	return Calls{Total: t.total, Failed: t.failed, Names: sortedNames(t.names), Agents: t.agents, First: t.first, Last: t.last, Complete: t.complete, Examined: t.examined}
}

// operation writes iam.amazonaws.com and CreateUser as iam:CreateUser.
func operation(r record) string {
	service, _, _ := strings.Cut(r.Source, ".")
	return clip(service + ":" + r.Name)
}

func clip(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}
