package awsfake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Agent is a managed node.
type Agent struct {
	Instance     string
	Ping         string        // Online when empty; Inactive, ConnectionLost
	LastPing     time.Duration // how long ago it was heard of
	Version      string        // of the agent; 3.3.3572.0 when empty
	Platform     string        // Linux when empty; Windows, MacOS
	PlatformName string
	// Run is what the host does with a command, in a goroutine of its own.
	// Without it the command stays as it is until SetInvocation.
	Run func(Command) Invocation
}

// Command is a command as it was accepted.
type Command struct {
	ID         string
	Instance   string
	Document   string
	Version    string
	Content    string // of the document's version
	Comment    string
	Parameters map[string]string // as given, with the document's defaults
	Timeout    int               // seconds until it must have been delivered
	Requested  time.Time
}

// Invocation is a command's state on its host.
type Invocation struct {
	Status  string // Pending, InProgress, Delayed, Success, Failed, TimedOut, Cancelled, Cancelling
	Details string // StatusDetails; Status when empty
	Code    int
	Stdout  string
	Stderr  string
}

// ssmState is Systems Manager in one account and region.
type ssmState struct {
	documents map[string][]docVersion
	agents    map[string]Agent
	commands  []*ssmCommand
	lag       int // how many times a new command is not seen yet
}

type docVersion struct {
	name, content, hash string
	doc                 ssmDoc
}

type ssmCommand struct {
	Command
	Invocation
	unseen int
}

func ssmService() service {
	return service{protocol: awsJSON11, target: "AmazonSSM.", ops: map[string]operation{
		"DescribeInstanceInformation": {run: describeAgents},
		"DescribeDocument":            {run: describeDocument, needs: documentNeed("ssm:DescribeDocument")},
		"SendCommand":                 {write: true, run: sendCommand, needs: sendNeeds},
		"GetCommandInvocation":        {run: getInvocation},
		"ListCommands":                {run: listCommands},
	}}
}

// AddAgent adds a managed node, or replaces it.
func (c *Cloud) AddAgent(account, region string, a Agent) {
	c.with(func() {
		s := stateOf[ssmState](c, account, region)
		if s.agents == nil {
			s.agents = map[string]Agent{}
		}
		s.agents[a.Instance] = a
	})
}

// AddDocument adds a version of a command document and returns its number. It
// panics when the document is not one.
func (c *Cloud) AddDocument(account, region, name, versionName, content string) int {
	doc, err := parseDocument(content)
	if err != nil {
		panic("awsfake: " + err.Error())
	}
	sum := sha256.Sum256([]byte(content))
	n := 0
	c.with(func() {
		s := stateOf[ssmState](c, account, region)
		if s.documents == nil {
			s.documents = map[string][]docVersion{}
		}
		s.documents[name] = append(s.documents[name], docVersion{versionName, content, hex.EncodeToString(sum[:]), doc})
		n = len(s.documents[name])
	})
	return n
}

// CommandLag makes commands invisible to the first n questions about each: the
// service is eventually consistent.
func (c *Cloud) CommandLag(account, region string, n int) {
	c.with(func() { stateOf[ssmState](c, account, region).lag = n })
}

// Commands returns the commands accepted so far, oldest first.
func (c *Cloud) Commands(account, region string) []Command {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Command
	for _, x := range stateOf[ssmState](c, account, region).commands {
		one := x.Command
		one.Parameters = maps.Clone(x.Parameters)
		out = append(out, one)
	}
	return out
}

// SetInvocation says what has become of a command.
func (c *Cloud) SetInvocation(account, region, id string, i Invocation) {
	c.with(func() {
		if x := stateOf[ssmState](c, account, region).command(id); x != nil {
			x.Invocation = i
		}
	})
}

func (s *ssmState) command(id string) *ssmCommand {
	i := slices.IndexFunc(s.commands, func(x *ssmCommand) bool { return x.ID == id })
	if i < 0 {
		return nil
	}
	return s.commands[i]
}

// seen says whether a command shows yet.
func (x *ssmCommand) seen() bool {
	x.unseen--
	return x.unseen < 0
}

// input reads the JSON of a request.
func input[T any](r *request) (T, error) {
	var in T
	if err := json.Unmarshal(r.body, &in); err != nil {
		return in, refuse("SerializationException", "%s", err.Error())
	}
	return in, nil
}

func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// Invocation returns what has become of a command.
func (c *Cloud) Invocation(account, region, id string) Invocation {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x := stateOf[ssmState](c, account, region).command(id); x != nil {
		return x.Invocation
	}
	return Invocation{}
}
