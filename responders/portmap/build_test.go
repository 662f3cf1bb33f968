package portmap

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings/enrich"
)

var (
	now   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	here  = Place{"111122223333", "eu-west-1"}
	world = netip.MustParsePrefix("0.0.0.0/0")
)

const web = "i-0aaaaaaaaaaaaaaa1"

// house is a balancer on port 443 before port 8443 of web, which has no public
// address and a group that is open to the world, as it has to be when the
// client's address is kept.
func house() View {
	return View{
		Balancers:    []Balancer{{ARN: "nlb", Internet: true}},
		Listeners:    []Listener{{ARN: "l443", Balancer: "nlb", Port: 443, Protocol: "TCP", TargetGroups: []string{"tg"}}},
		TargetGroups: map[string]TargetGroup{"tg": {ARN: "tg", Type: "instance", Protocol: "TCP", VPC: "vpc-1", KeepsIP: true, Targets: []Target{{ID: web, Port: 8443, State: "healthy"}}}},
		Interfaces:   []Interface{{ID: "eni-1", VPC: "vpc-1", Instance: web, Private: []netip.Addr{netip.MustParseAddr("10.0.0.5")}, Groups: []string{"sg-open"}}},
		Groups:       map[string]SecurityGroup{"sg-open": {Ingress: []Rule{{Protocol: "tcp", From: 0, To: 65535, Networks: []netip.Prefix{world}}}}},
	}
}

func ask(ports ...int) Question { return Question{Place: here, Instance: web, Ports: ports} }

// judge builds a map of a view just scanned and asks it.
func judge(v View, q Question) (Answer, error) {
	cov := Coverage{Place: here, Run: "r", Started: now.Add(-time.Minute)}
	return Judge(q, cov, true, Build(v), Rules{}, now)
}

func TestWhatExplainsAProbe(t *testing.T) {
	t.Parallel()
	group := func(change func(*TargetGroup)) func(*View) {
		return func(v *View) {
			g := v.TargetGroups["tg"]
			g.Targets = slices.Clone(g.Targets)
			change(&g)
			v.TargetGroups["tg"] = g
		}
	}
	listener := func(change func(*Listener)) func(*View) { return func(v *View) { change(&v.Listeners[0]) } }
	public := func(v *View) { v.Interfaces[0].Public = []netip.Addr{netip.MustParseAddr("198.51.100.7")} }
	rule := func(r Rule) func(*View) {
		return func(v *View) {
			public(v)
			v.Groups["sg-open"] = SecurityGroup{Ingress: []Rule{r}}
		}
	}
	only := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	for name, tc := range map[string]struct {
		change  func(*View)
		ports   []int
		covers  bool
		behind  bool
		because string
	}{
		"the target's port":              {ports: []int{8443}, covers: true, behind: true, because: "reached through nlb"},
		"the listener's port is not it":  {ports: []int{443}, behind: true, because: "no target"},
		"one of two ports":               {ports: []int{8443, 22}, behind: true, because: "port 22"},
		"no port at all":                 {behind: true, because: "names no port"},
		"another instance's port":        {change: group(func(g *TargetGroup) { g.Targets[0].ID = "i-other" }), ports: []int{8443}, because: "no target"},
		"TLS":                            {change: listener(func(l *Listener) { l.Protocol = "TLS" }), ports: []int{8443}, covers: true, behind: true},
		"TCP and UDP":                    {change: listener(func(l *Listener) { l.Protocol = "TCP_UDP" }), ports: []int{8443}, covers: true, behind: true},
		"UDP only":                       {change: listener(func(l *Listener) { l.Protocol = "UDP" }), ports: []int{8443}, behind: true, because: "only UDP"},
		"QUIC only":                      {change: listener(func(l *Listener) { l.Protocol = "QUIC" }), ports: []int{8443}, behind: true, because: "only UDP"},
		"TCP and QUIC":                   {change: listener(func(l *Listener) { l.Protocol = "TCP_QUIC" }), ports: []int{8443}, covers: true, behind: true},
		"a protocol nobody knows":        {change: listener(func(l *Listener) { l.Protocol = "SCTP" }), ports: []int{8443}, because: "no target"},
		"a listener not meant for all":   {change: listener(func(l *Listener) { l.Port = 22 }), ports: []int{8443}, behind: true, because: "listener's port 22"},
		"internal balancer":              {change: func(v *View) { v.Balancers[0].Internet = false }, ports: []int{8443}, because: "internal"},
		"client address hidden":          {change: group(func(g *TargetGroup) { g.KeepsIP = false }), ports: []int{8443}, because: "hides the client's address"},
		"a port of the target's own":     {change: group(func(g *TargetGroup) { g.Targets[0].Port = 9000 }), ports: []int{9000}, covers: true, behind: true},
		"the target group's port unused": {change: group(func(g *TargetGroup) { g.Targets[0].Port = 9000 }), ports: []int{8443}, behind: true, because: "no target"},
		"unused target":                  {change: group(func(g *TargetGroup) { g.Targets[0].State = "unused" }), ports: []int{8443}, because: "no target"},
		"draining target":                {change: group(func(g *TargetGroup) { g.Targets[0].State = "draining" }), ports: []int{8443}, covers: true, behind: true},
		"deleted target group":           {change: func(v *View) { delete(v.TargetGroups, "tg") }, ports: []int{8443}, because: "no target"},
		"by address":                     {change: group(func(g *TargetGroup) { g.Type, g.Targets[0].ID = "ip", "10.0.0.5" }), ports: []int{8443}, covers: true, behind: true},
		"by address, of IPv6": {change: func(v *View) {
			v.Interfaces[0].Public = []netip.Addr{netip.MustParseAddr("2001:db8::5")}
			v.Groups = map[string]SecurityGroup{"sg-open": {}}
			group(func(g *TargetGroup) { g.Type, g.Targets[0].ID = "ip", "2001:db8::5" })(v)
		}, ports: []int{8443}, covers: true, behind: true},
		"by address, in IPv6's clothes":              {change: group(func(g *TargetGroup) { g.Type, g.Targets[0].ID = "ip", "::ffff:10.0.0.5" }), ports: []int{8443}, covers: true, behind: true},
		"the same address, another VPC":              {change: group(func(g *TargetGroup) { g.Type, g.VPC, g.Targets[0].ID = "ip", "vpc-2", "10.0.0.5" }), ports: []int{8443}, because: "no target"},
		"public and open":                            {change: public, ports: []int{8443}, behind: true, because: "past the balancer"},
		"public, this port closed":                   {change: rule(Rule{Protocol: "tcp", From: 22, To: 22, Networks: only("0.0.0.0/0")}), ports: []int{8443}, covers: true, behind: true},
		"public, open to our networks":               {change: rule(Rule{Protocol: "tcp", From: 8443, To: 8443, Networks: only("10.0.0.0/8")}), ports: []int{8443}, covers: true, behind: true},
		"public, wider than our networks":            {change: rule(Rule{Protocol: "tcp", From: 8443, To: 8443, Networks: only("10.0.0.0/7")}), ports: []int{8443}, behind: true, because: "past"},
		"public, open to one stranger":               {change: rule(Rule{Protocol: "tcp", From: 8443, To: 8443, Networks: only("203.0.113.0/24")}), ports: []int{8443}, behind: true, because: "past"},
		"public, open over IPv6":                     {change: rule(Rule{Protocol: "6", From: 8443, To: 8443, Networks: only("::/0")}), ports: []int{8443}, behind: true, because: "past"},
		"public, everything open":                    {change: rule(Rule{Protocol: "-1", Networks: only("0.0.0.0/0")}), ports: []int{8443}, behind: true, because: "past"},
		"public, a prefix list":                      {change: rule(Rule{Protocol: "tcp", From: 1, To: 65535, Lists: []string{"pl-1"}}), ports: []int{8443}, behind: true, because: "past"},
		"public, an unreadable network":              {change: rule(Rule{Protocol: "tcp", From: 1, To: 65535, Networks: []netip.Prefix{{}}}), ports: []int{8443}, behind: true, because: "past"},
		"public, ping only":                          {change: rule(Rule{Protocol: "icmp", From: -1, To: -1, Networks: only("0.0.0.0/0")}), ports: []int{8443}, covers: true, behind: true},
		"public, UDP only":                           {change: rule(Rule{Protocol: "17", From: 1, To: 65535, Networks: only("0.0.0.0/0")}), ports: []int{8443}, covers: true, behind: true},
		"public, a protocol in letters nobody knows": {change: rule(Rule{Protocol: "sctp", From: 1, To: 65535, Networks: only("0.0.0.0/0")}), ports: []int{8443}, behind: true, because: "past"},
		"public, UDP past both":                      {change: bothWays("17"), ports: []int{8443}, behind: true, because: "past"},
		"public, another number past both":           {change: bothWays("50"), ports: []int{8443}, covers: true, behind: true},
		"a listener of another balancer":             {change: crossed, ports: []int{8443}, because: "internal"},
		"public, another group":                      {change: rule(Rule{Protocol: "tcp", From: 8443, To: 8443}), ports: []int{8443}, covers: true, behind: true},
		"public, the group is not known":             {change: func(v *View) { public(v); v.Groups = nil }, ports: []int{8443}, behind: true, because: "not known"},
		"no interface is known":                      {change: func(v *View) { v.Interfaces = nil }, ports: []int{8443}, behind: true, because: "not known"},
		"public on its second interface":             {change: secondInterface, ports: []int{8443}, behind: true, because: "eni-2's"},
		"also behind an internal balancer":           {change: alsoInternal, ports: []int{8443}, covers: true, behind: true, because: "reached through nlb"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := house()
			if tc.change != nil {
				tc.change(&v)
			}
			a, err := judge(v, ask(tc.ports...))
			if err != nil {
				t.Fatal(err)
			}
			want := strings.ReplaceAll(tc.because, "eni-2's", "198.51.100.8 is public")
			if a.Covers != tc.covers || a.Behind != tc.behind || !strings.Contains(a.Why, want) {
				t.Errorf("covers %v, behind %v, because %q; want %v, %v, %q", a.Covers, a.Behind, a.Why, tc.covers, tc.behind, want)
			}
		})
	}
}

func secondInterface(v *View) {
	v.Interfaces = append(v.Interfaces, Interface{ID: "eni-2", VPC: "vpc-1", Instance: web, Public: []netip.Addr{netip.MustParseAddr("198.51.100.8")}, Groups: []string{"sg-open"}})
}

// bothWays has TCP and UDP go through the balancer, and a protocol past it.
func bothWays(protocol string) func(*View) {
	return func(v *View) {
		v.Listeners[0].Protocol = "TCP_UDP"
		v.Interfaces[0].Public = []netip.Addr{netip.MustParseAddr("198.51.100.7")}
		v.Groups["sg-open"] = SecurityGroup{Ingress: []Rule{{Protocol: protocol, From: 1, To: 65535, Networks: []netip.Prefix{world}}}}
	}
}

// crossed has the one balancer face the internet and the other the targets.
func crossed(v *View) {
	v.Balancers = append(v.Balancers, Balancer{ARN: "inner"})
	v.Listeners[0].Balancer = "inner"
}

// alsoInternal puts internal balancers before the same port, with entries that sort
// before and after the one that counts.
func alsoInternal(v *View) {
	v.Balancers = append(v.Balancers, Balancer{ARN: "inner"})
	v.Listeners = append(v.Listeners, Listener{ARN: "a443", Balancer: "inner", Port: 443, Protocol: "TCP", TargetGroups: []string{"tg"}},
		Listener{ARN: "z443", Balancer: "inner", Port: 443, Protocol: "TCP", TargetGroups: []string{"tg"}})
}

func TestAnApplicationBalancerBehindExplainsNothing(t *testing.T) {
	t.Parallel()
	v := house()
	v.TargetGroups["tg"] = TargetGroup{ARN: "tg", Type: "alb", KeepsIP: true, Targets: []Target{{ID: "alb", Port: 80}}}
	v.TargetGroups["inner"] = TargetGroup{ARN: "inner", Type: "instance", VPC: "vpc-1", KeepsIP: true, Targets: []Target{{ID: web, Port: 8443}, {ID: "i-idle", Port: 8443, State: "unused"}}}
	v.Listeners = append(v.Listeners, Listener{ARN: "alb80", Balancer: "alb", Port: 80, Protocol: "HTTP", TargetGroups: []string{"inner"}},
		Listener{ARN: "alb81", Balancer: "alb", Port: 81, Protocol: "HTTP", TargetGroups: []string{"other"}})
	v.Listeners = append(v.Listeners, Listener{ARN: "other80", Balancer: "another alb", Port: 80, Protocol: "HTTP", TargetGroups: []string{"other"}})
	v.TargetGroups["other"] = TargetGroup{ARN: "other", Type: "instance", VPC: "vpc-1", Targets: []Target{{ID: web, Port: 8444}}}
	if entries := Build(v); len(entries) != 1 || entries[0].Instance != web || entries[0].Port != 8443 || entries[0].KeepsIP {
		t.Errorf("entries %+v", entries)
	}
	if a, err := judge(v, ask(8443)); err != nil || a.Covers || a.Behind || !strings.Contains(a.Why, "hides") {
		t.Errorf("%+v %v", a, err)
	}
}

func TestAMapThatCannotBeTrustedIsUnavailable(t *testing.T) {
	t.Parallel()
	good := Coverage{Place: here, Run: "r", Started: now.Add(-44 * time.Minute), Finished: now}
	for name, tc := range map[string]struct {
		change  func(*Coverage)
		known   bool
		q       Question
		ok      bool
		because string
	}{
		"fresh and complete":      {known: true, q: ask(8443), ok: true},
		"never scanned":           {q: ask(8443), because: "never been scanned"},
		"another region's":        {known: true, change: func(c *Coverage) { c.Region = "us-east-1" }, q: ask(8443), because: "never been scanned"},
		"stale":                   {known: true, change: func(c *Coverage) { c.Started = now.Add(-46 * time.Minute) }, q: ask(8443), because: "46m0s old"},
		"began long ago":          {known: true, change: func(c *Coverage) { c.Started = now.Add(-time.Hour) }, q: ask(8443), because: "old"},
		"failed":                  {known: true, change: func(c *Coverage) { c.Failure = "access denied" }, q: ask(8443), because: "not complete: access denied"},
		"from the future":         {known: true, change: func(c *Coverage) { c.Started = now.Add(6 * time.Minute) }, q: ask(8443), because: "future"},
		"a clock a little behind": {known: true, change: func(c *Coverage) { c.Started = now.Add(4 * time.Minute) }, q: ask(8443), ok: true},
		"no instance":             {known: true, q: Question{Place: here, Ports: []int{8443}}, because: "no instance"},
		"no region":               {known: true, change: func(c *Coverage) { c.Region = "" }, q: Question{Place: Place{here.Account, ""}, Instance: web, Ports: []int{8443}}, because: "no instance"},
		"no account":              {known: true, q: Question{Place: Place{"", "eu-west-1"}, Instance: web, Ports: []int{8443}}, because: "no instance"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cov := good
			if tc.change != nil {
				tc.change(&cov)
			}
			a, err := Judge(tc.q, cov, tc.known, Build(house()), Rules{}, now)
			if tc.ok {
				if err != nil || !a.Covers {
					t.Errorf("%+v %v", a, err)
				}
				return
			}
			if !errors.Is(err, enrich.ErrUnavailable) || !strings.Contains(err.Error(), tc.because) || a != (Answer{}) {
				t.Errorf("%+v, %v; want unavailable because %q", a, err, tc.because)
			}
		})
	}
}

func TestHealthCheckPortsAreNotCovered(t *testing.T) {
	t.Parallel()
	// The health check's port is no field of the view at all: only what carries
	// traffic becomes an entry.
	if entries := Build(house()); len(entries) != 1 || entries[0].Port != 8443 {
		t.Errorf("entries %+v", entries)
	}
}

func TestFreshnessAndListenersCanBeSet(t *testing.T) {
	t.Parallel()
	v := house()
	v.Listeners[0].Port = 8883
	cov := Coverage{Place: here, Started: now.Add(-2 * time.Hour)}
	if a, err := Judge(ask(8443), Coverage{Place: here, Started: now}, true, Build(house()), Rules{Listeners: []int{}}, now); err != nil || !a.Covers {
		t.Errorf("with an empty list: %+v %v", a, err)
	}
	a, err := Judge(ask(8443), cov, true, Build(v), Rules{Fresh: 3 * time.Hour, Listeners: []int{8883}}, now)
	if err != nil || !a.Covers || !a.Seen.Equal(cov.Started) {
		t.Errorf("%+v %v", a, err)
	}
}

// Targets that get nothing, or that are nobody's we know, make no entry.
func TestTargetsThatMakeNoEntry(t *testing.T) {
	t.Parallel()
	for name, g := range map[string]TargetGroup{
		"no port":         {ARN: "tg", Type: "instance", VPC: "vpc-1", Targets: []Target{{ID: web}}},
		"unknown address": {ARN: "tg", Type: "ip", VPC: "vpc-1", Targets: []Target{{ID: "10.9.9.9", Port: 80}}},
		"no address":      {ARN: "tg", Type: "ip", VPC: "vpc-1", Targets: []Target{{ID: "web.corp.example", Port: 80}}},
	} {
		v := house()
		v.TargetGroups["tg"] = g
		if entries := Build(v); len(entries) != 0 {
			t.Errorf("%s: %+v", name, entries)
		}
	}
}

func TestAnEntryIsThereOnce(t *testing.T) {
	t.Parallel()
	v := house()
	v.Listeners[0].TargetGroups = []string{"tg", "tg"}
	if entries := Build(v); len(entries) != 1 {
		t.Errorf("entries %+v", entries)
	}
}
