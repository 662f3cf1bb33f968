package responders

import "slices"

// ID names an action.
type ID string

// The actions.
const (
	Snapshot ID = "snapshot"
	OSQuery  ID = "osquery"
	Memory   ID = "memory"
	TCPDump  ID = "tcpdump"
	Isolate  ID = "isolate"
	Release  ID = "release"
)

// Role is the AWS role an action runs under in the account of the instance.
// They are separate so that whoever steals one cannot do what the others may.
type Role string

// The roles.
const (
	RoleRead    Role = "read"    // describe, nothing else
	RoleAcquire Role = "acquire" // take evidence
	RoleContain Role = "contain" // isolate
	RoleRelease Role = "release" // undo isolate
)

// Roles lists all roles.
var Roles = []Role{RoleRead, RoleAcquire, RoleContain, RoleRelease}

// Permission is one statement of an IAM policy that an action needs.
type Permission struct {
	Actions   []string                     // such as "ec2:CreateSnapshots"
	Resources []string                     // ARNs or patterns; empty is "*"
	Condition map[string]map[string]string // as in IAM
}

// Action is a row of the catalogue.
type Action struct {
	ID          ID
	About       string // what it does, one line for help
	Careful     string // what it costs or risks, one line shown before it runs
	Role        Role   // for its writes; reads run under RoleRead
	Approval    bool   // needs a second person
	Automatic   bool   // policy may run it by itself ("collect:")
	OnHost      bool   // runs a document on the host through SSM
	Undo        ID     // the action that takes it back; empty when there is nothing to take back
	Idempotency string // how a repetition is recognised
	Params      []Param
	Example     string // arguments as typed after the action's name
	Writes      []Permission
}

// Catalogue returns all actions in the order help shows them.
func Catalogue() []Action {
	return []Action{snapshot(), osquery(), memory(), tcpdump(), isolate(), release()}
}

// Find returns the action with a name.
func Find(name string) (Action, bool) {
	all := Catalogue()
	i := slices.IndexFunc(all, func(a Action) bool { return string(a.ID) == name })
	if i < 0 {
		return Action{}, false
	}
	return all[i], true
}

func snapshot() Action {
	return Action{ID: Snapshot, About: "copy all volumes of an instance at one point in time", Careful: "The instance keeps running. A first snapshot can take hours to complete.",
		Role: RoleAcquire, Automatic: true, Example: "i-0a1b2c3d4e5f60718",
		Idempotency: "snapshots carry the job's id as a tag; those that are there are adopted",
		Writes:      snapshotWrites()}
}

func osquery() Action {
	return Action{ID: OSQuery, About: "run a named set of osquery questions on the host", Careful: "Writes a little to the host's disk. Results and console output may contain secrets; they go to the evidence store, not to chat.",
		Role: RoleAcquire, Automatic: true, OnHost: true, Example: "i-0a1b2c3d4e5f60718 set=triage",
		Params:      []Param{{Name: "set", About: "which questions", Kind: Choice, Options: OSQuerySets, Default: "triage"}},
		Idempotency: "the command's comment carries the job's id; a command that is there is adopted",
		Writes:      hostWrites(OSQuery)}
}

func memory() Action {
	return Action{ID: Memory, About: "dump the host's memory to the evidence store", Careful: "The host may be slow for minutes, and in rare cases stop. Take snapshots first.",
		Role: RoleAcquire, Automatic: true, OnHost: true, Example: "i-0a1b2c3d4e5f60718",
		Params:      []Param{{Name: "minutes", About: "give up after", Kind: Number, Min: 5, Max: 180, Default: "60"}},
		Idempotency: "the command's comment carries the job's id; a command that is there is adopted",
		Writes:      hostWrites(Memory)}
}

func tcpdump() Action {
	return Action{ID: TCPDump, About: "capture network packets on the host", Careful: "Captured packets contain what the host sends and receives.",
		Role: RoleAcquire, Automatic: true, OnHost: true, Example: "i-0a1b2c3d4e5f60718 host=203.0.113.9 port=443 seconds=60",
		Params: []Param{
			{Name: "host", About: "only packets from or to this address or network", Kind: Network},
			{Name: "port", About: "only packets from or to this port", Kind: Number, Min: 1, Max: 65535},
			{Name: "proto", About: "only this protocol", Kind: Choice, Options: []string{"tcp", "udp", "icmp"}},
			{Name: "seconds", About: "how long", Kind: Number, Min: 1, Max: 600, Default: "60"},
			{Name: "packets", About: "at most this many", Kind: Number, Min: 1, Max: 1_000_000, Default: "100000"},
			{Name: "megabytes", About: "at most this much", Kind: Number, Min: 1, Max: 1000, Default: "100"},
		},
		Idempotency: "the command's comment carries the job's id; a command that is there is adopted",
		Writes:      hostWrites(TCPDump)}
}

func isolate() Action {
	return Action{ID: Isolate, About: "cut an instance off from the network", Careful: "Whatever runs on it stops serving. Connections that are open may go on for a while.",
		Role: RoleContain, Approval: true, Undo: Release, Example: "i-0a1b2c3d4e5f60718 reason=…",
		Params:      []Param{{Name: "reason", About: "why, for the record; comes last", Kind: Words, Required: true}},
		Idempotency: "the original groups are recorded once, before the first change; a change that is already there is not made again",
		Writes:      isolateWrites()}
}

func release() Action {
	return Action{ID: Release, About: "undo an isolation: exactly the groups that were there before", Careful: "The instance is on the network again.",
		Role: RoleRelease, Approval: true, Example: "i-0a1b2c3d4e5f60718 reason=…",
		Params:      []Param{{Name: "reason", About: "why, for the record; comes last", Kind: Words, Required: true}},
		Idempotency: "the record is deleted last; interfaces that already have their groups are left alone",
		Writes:      releaseWrites()}
}

// OSQuerySets are the named sets of osquery questions. There is no free SQL:
// some of osquery's tables make network requests.
var OSQuerySets = []string{"triage", "processes", "network", "persistence", "users", "containers"}
