package responders

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Target is the instance an action is for.
type Target struct {
	Account  string `json:"account"`  // 12 digits
	Region   string `json:"region"`   // such as eu-west-1
	Instance string `json:"instance"` // i- and 8 or 17 hex digits
}

var (
	accountForm  = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm   = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	instanceForm = regexp.MustCompile(`^i-([0-9a-f]{8}|[0-9a-f]{17})$`)
)

// Check says what is wrong with the form of a target; nil when nothing is.
func (t Target) Check() error {
	switch {
	case !instanceForm.MatchString(t.Instance):
		return fmt.Errorf("%q is not an instance id: those look like i-0a1b2c3d4e5f60718", clip(t.Instance))
	case !accountForm.MatchString(t.Account):
		return fmt.Errorf("%q is not an AWS account: those have 12 digits", clip(t.Account))
	case !regionForm.MatchString(t.Region):
		return fmt.Errorf("%q is not an AWS region: those look like eu-west-1", clip(t.Region))
	}
	return nil
}

// String names the target in messages and document ids.
func (t Target) String() string { return t.Account + "/" + t.Region + "/" + t.Instance }

// Job is one action on one instance, with everything a step needs to go on
// after a crash. It is stored as JSON.
type Job struct {
	ID       string `json:"id"` // 26 letters and digits; reaches AWS as a tag and in comments
	Action   ID     `json:"action"`
	Target   Target `json:"target"`
	Params   Params `json:"params,omitempty"`
	By       string `json:"by"`                 // who asked: a chat id, or "policy" for collect
	Identity string `json:"identity,omitempty"` // who asked as SourceIdentity: letters, digits and _=,.@-
	Approver string `json:"approver,omitempty"`
	Case     string `json:"case,omitempty"` // SB-…
	Incident string `json:"incident,omitempty"`
	Finding  string `json:"finding,omitempty"`

	Phase    string          `json:"phase,omitempty"` // the actor's own; empty before the first step
	State    json.RawMessage `json:"state,omitempty"` // the actor's own
	Started  time.Time       `json:"started,omitzero"`
	Log      []Entry         `json:"log,omitempty"` // what was done, oldest first, at most maxLog
	Still    []string        `json:"still,omitempty"`
	Manifest Manifest        `json:"manifest,omitzero"`
}

// Entry is one line of what was done. Values in it may come from outside: show
// it as a value.
type Entry struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
}

const maxLog = 60

// Note adds a line to the job's log.
func (j *Job) Note(now time.Time, format string, args ...any) {
	if len(j.Log) >= maxLog {
		j.Log = slices.Delete(j.Log, 1, 2)
	}
	j.Log = append(j.Log, Entry{At: now.UTC(), What: fmt.Sprintf(format, args...)})
}

// Plan is what preflight found out and what would be done. Nothing was changed.
type Plan struct {
	Steps   []string `json:"steps"`             // what will be done, in order
	Facts   []Fact   `json:"facts"`             // what was found
	Warn    []string `json:"warn,omitempty"`    // what to think about first
	Refusal string   `json:"refusal,omitempty"` // why it cannot or must not be done; empty when it can
}

// Fact is one labelled thing that preflight found. Value is outside text.
type Fact struct{ Label, Value string }

// Progress is what one step achieved.
type Progress struct {
	Done  bool
	Again time.Duration // when the next step makes sense; zero is at once
}

// Manifest is the evidence record of a job.
type Manifest struct {
	Artifacts []Artifact        `json:"artifacts,omitempty"`
	Calls     []Call            `json:"calls,omitempty"` // calls that changed something, at most 200
	Facts     map[string]string `json:"facts,omitempty"` // instance type, image, state, agent version, document hash…
	Before    json.RawMessage   `json:"before,omitempty"`
	After     json.RawMessage   `json:"after,omitempty"`
	Skipped   []string          `json:"skipped,omitempty"` // with the reason
}

// Artifact is one piece of evidence.
type Artifact struct {
	Kind   string    `json:"kind"`             // snapshot, osquery, memory, pcap, description, console, manifest
	URI    string    `json:"uri"`              // arn:aws:ec2:…:snapshot/snap-… or s3://bucket/key
	Size   int64     `json:"size,omitempty"`   // bytes; of a snapshot, the volume's
	SHA256 string    `json:"sha256,omitempty"` // of the bytes as stored, hex; a snapshot has none
	Note   string    `json:"note,omitempty"`
	At     time.Time `json:"at"`
}

// Call is one call to AWS that changed something.
type Call struct {
	Op        string    `json:"op"` // such as ec2:CreateSnapshots
	RequestID string    `json:"request_id,omitempty"`
	At        time.Time `json:"at"`
	Error     string    `json:"error,omitempty"` // AWS's code
}

// Errors of plans and steps. Anything else is worth trying again.
var (
	// ErrRefused: it cannot or must not be done; nothing was changed by this step.
	ErrRefused = errors.New("refused")
	// ErrUnknown: something may or may not have happened, and asking again
	// cannot tell. A person has to look.
	ErrUnknown = errors.New("outcome unknown")
)

// Refuse makes an ErrRefused with a sentence for the person who asked.
func Refuse(format string, args ...any) error {
	return &sentence{fmt.Sprintf(format, args...), ErrRefused}
}

// Doubt makes an ErrUnknown with a sentence for the person who has to look.
func Doubt(format string, args ...any) error {
	return &sentence{fmt.Sprintf(format, args...), ErrUnknown}
}

type sentence struct {
	text string
	kind error
}

func (s *sentence) Error() string { return s.text }
func (s *sentence) Unwrap() error { return s.kind }

// identityForm is what IAM takes as SourceIdentity: 2 to 64 of these
// (STS API reference, AssumeRole).
var identityForm = regexp.MustCompile(`^[A-Za-z0-9_=,.@-]{2,64}$`)

// IdentityOf turns an address or chat id into a SourceIdentity, or "" when that
// is not possible.
func IdentityOf(s string) string {
	s = strings.TrimSpace(s)
	if !identityForm.MatchString(s) { // no colon either: nothing can begin with "aws:"
		return ""
	}
	return s
}
