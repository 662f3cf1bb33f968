package policy

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/securitybot/securitybot/findings"
)

// variable is one name a rule may use. Every field is a variable of its own
// ("finding.severity"), so a misspelt one is a compile error.
type variable struct {
	name string
	typ  *cel.Type
	get  func(*view) ref.Val // for finding.* and now; nil for an enrichment's field
}

// enrichment returns the look-up that provides the variable, or "" when the
// finding itself does.
func (v variable) enrichment() string {
	name, _, _ := strings.Cut(v.name, ".")
	if name == "finding" || name == "now" || name == "lists" {
		return ""
	}
	return name
}

// Enrichments lists the look-ups a policy may ask for, in alphabetical order.
func Enrichments() []string {
	return []string{"api_calls", "by_ip", "employee", "network", "owner", "resource"}
}

// variables lists everything a rule may use, apart from lists.
func variables() []variable {
	return append(findingVariables(), enrichmentVariables()...)
}

func enrichmentVariables() []variable {
	strs := cel.ListType(cel.StringType)
	return []variable{
		{name: "employee.known", typ: cel.BoolType},
		{name: "employee.email", typ: cel.StringType},
		{name: "employee.chat_id", typ: cel.StringType},
		{name: "employee.name", typ: cel.StringType},
		{name: "employee.device_ips", typ: strs},
		{name: "employee.on_device", typ: cel.BoolType},
		{name: "employee.off_device", typ: cel.BoolType},
		{name: "owner.team", typ: cel.StringType},
		{name: "owner.catch", typ: cel.BoolType},
		{name: "resource.behind_nlb", typ: cel.BoolType},
		{name: "resource.nlb_covers_ports", typ: cel.BoolType},
		{name: "resource.terminated", typ: cel.BoolType},
		{name: "resource.state", typ: cel.StringType},
		{name: "network.trusted", typ: cel.BoolType},
		{name: "by_ip.employees", typ: strs},
		{name: "by_ip.count", typ: cel.IntType},
		{name: "api_calls.total", typ: cel.IntType},
		{name: "api_calls.failed", typ: cel.IntType},
		{name: "api_calls.names", typ: strs},
	}
}

func findingVariables() []variable {
	strs, ints := cel.ListType(cel.StringType), cel.ListType(cel.IntType)
	return slices.Concat([]variable{
		{"now", cel.TimestampType, func(v *view) ref.Val { return types.Timestamp{Time: v.now} }},
		{"finding.severity", cel.DoubleType, func(v *view) ref.Val { return types.Double(v.finding.Severity) }},
		{"finding.group", cel.StringType, func(v *view) ref.Val { return types.String(v.group) }},
		{"finding.remote_ips", strs, func(v *view) ref.Val { return v.remoteIPs() }},
		{"finding.remote_ports", ints, func(v *view) ref.Val { return intList(remotePorts(v.finding)) }},
		{"finding.local_ports", ints, func(v *view) ref.Val { return intList(v.finding.LocalPorts) }},
		{"finding.tags", cel.MapType(cel.StringType, cel.StringType), func(v *view) ref.Val { return v.tags() }},
		{"finding.resources", strs, func(v *view) ref.Val { return stringList(v.finding.Resources) }},
		number("count", func(f *findings.Finding) int { return f.Count }),
		number("remote_count", func(f *findings.Finding) int { return len(f.Remote) }),
		truth("first_time", func(f *findings.Finding) bool { return f.Count <= 1 }),
		truth("blocked", func(f *findings.Finding) bool { return f.Blocked }),
		truth("sample", func(f *findings.Finding) bool { return f.Sample }),
		truth("archived", func(f *findings.Finding) bool { return f.Archived }),
		truth("unlisted", func(f *findings.Finding) bool { return f.Unlisted }),
	}, identityVariables(), activityVariables())
}

// identityVariables say what the finding is and whom it concerns.
func identityVariables() []variable {
	return []variable{
		text("id", func(f *findings.Finding) string { return f.ID }),
		text("type", func(f *findings.Finding) string { return f.Type }),
		text("kind", func(f *findings.Finding) string { return string(f.Kind) }),
		text("source", func(f *findings.Finding) string { return f.Source }),
		text("account", func(f *findings.Finding) string { return f.Account }),
		text("region", func(f *findings.Finding) string { return f.Region }),
		text("partition", func(f *findings.Finding) string { return f.Partition }),
		text("level", func(f *findings.Finding) string { return string(findings.LevelOf(f.Severity)) }),
		text("title", func(f *findings.Finding) string { return f.Title }),
		text("resource_type", func(f *findings.Finding) string { return f.ResourceType }),
		text("role", func(f *findings.Finding) string { return f.Role }),
		text("feature", func(f *findings.Finding) string { return f.Feature }),
		text("sequence", func(f *findings.Finding) string { return f.Sequence }),
		text("principal.type", func(f *findings.Finding) string { return f.Principal.Type }),
		text("principal.id", func(f *findings.Finding) string { return f.Principal.ID }),
		text("principal.name", func(f *findings.Finding) string { return f.Principal.Name }),
		text("principal.session", func(f *findings.Finding) string { return f.Principal.Session }),
		text("principal.access_key_id", func(f *findings.Finding) string { return f.Principal.AccessKeyID }),
		text("instance.id", func(f *findings.Finding) string { return f.Instance.ID }),
		text("instance.state", func(f *findings.Finding) string { return f.Instance.State }),
		text("instance.image_id", func(f *findings.Finding) string { return f.Instance.ImageID }),
		text("instance.vpc", func(f *findings.Finding) string { return f.Instance.VPC }),
		text("instance.profile_arn", func(f *findings.Finding) string { return f.Instance.ProfileARN }),
	}
}

// activityVariables say what was seen.
func activityVariables() []variable {
	return []variable{
		text("action", func(f *findings.Finding) string { return f.Action }),
		text("direction", func(f *findings.Finding) string { return f.Direction }),
		text("api", func(f *findings.Finding) string { return f.API }),
		text("error_code", func(f *findings.Finding) string { return f.ErrorCode }),
		text("domain", func(f *findings.Finding) string { return f.Domain }),
		text("user_agent", func(f *findings.Finding) string { return f.UserAgent }),
		text("threat_list", func(f *findings.Finding) string { return f.ThreatList }),
		text("remote_ip", remoteIP),
		text("remote_country", func(f *findings.Finding) string { return firstRemote(f).Country }),
		text("remote_asn", func(f *findings.Finding) string { return firstRemote(f).ASN }),
		text("remote_account", func(f *findings.Finding) string { return firstRemote(f).Account }),
	}
}

func text(name string, f func(*findings.Finding) string) variable {
	return variable{"finding." + name, cel.StringType, func(v *view) ref.Val { return types.String(f(v.finding)) }}
}

func truth(name string, f func(*findings.Finding) bool) variable {
	return variable{"finding." + name, cel.BoolType, func(v *view) ref.Val { return types.Bool(f(v.finding)) }}
}

func number(name string, f func(*findings.Finding) int) variable {
	return variable{"finding." + name, cel.IntType, func(v *view) ref.Val { return types.Int(f(v.finding)) }}
}

func firstRemote(f *findings.Finding) findings.Remote {
	for _, r := range f.Remote {
		if r.IP.IsValid() {
			return r
		}
	}
	if len(f.Remote) > 0 {
		return f.Remote[0]
	}
	return findings.Remote{}
}

func remoteIP(f *findings.Finding) string {
	if ip := firstRemote(f).IP; ip.IsValid() {
		return ip.Unmap().WithZone("").String()
	}
	return ""
}

func remotePorts(f *findings.Finding) []int {
	ports := make([]int, 0, len(f.Remote))
	for _, r := range f.Remote {
		if r.Port > 0 {
			ports = append(ports, r.Port)
		}
	}
	return ports
}

func intList(in []int) ref.Val {
	out := make([]ref.Val, len(in))
	for i, v := range in {
		out[i] = types.Int(v)
	}
	return types.NewRefValList(types.DefaultTypeAdapter, out)
}

func stringList(in []string) ref.Val {
	return types.NewStringList(types.DefaultTypeAdapter, in)
}

// Variables lists every name a rule may use, in alphabetical order. Named lists
// come on top as lists.NAME.
func Variables() []string {
	var names []string
	for _, v := range variables() {
		names = append(names, v.name)
	}
	slices.Sort(names)
	return names
}
