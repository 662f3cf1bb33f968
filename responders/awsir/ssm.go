package awsir

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/securitybot/securitybot/responders"
)

// Tool is a program that is brought to the host. Its bytes are checked there
// before it runs.
type Tool struct {
	Bucket string // of the responders' account
	Key    string
	SHA256 string // hex
}

// Tools are programs by name and architecture, such as "avml/x86_64" and
// "osqueryi/arm64". What is not here has to be on the host.
type Tools map[string]Tool

// Phases of the actions that run on the host.
const (
	phaseDescribe  = "describe"  // what AWS says of the instance is kept
	phaseAddresses = "addresses" // the upload is begun; write down where parts go
	phaseSend      = "send"      // send the command, once
	phaseWait      = "wait"      // until it has ended
	phaseCollect   = "collect"   // the evidence is complete
	phaseReadBack  = "read back" // the evidence is what the host hashed
	phaseManifest  = "manifest"  // the record is stored
)

// Times of commands.
const (
	deliveryTime = 10 * time.Minute // until the agent must have taken it
	graceTime    = 10 * time.Minute // what we wait beyond all of AWS's limits
	linkTime     = 30 * time.Minute // what addresses are valid beyond the document's limit
)

// host performs the actions that run one of our documents on the instance.
type host struct {
	kind     hostKind
	evidence *Evidence
	tools    Tools
}

// hostKind is what the actions on the host differ in.
type hostKind struct {
	action    responders.ID
	tool      string // program
	artifact  string // kind of artifact
	file      string // name in the evidence store
	partBytes int64  // of an upload in parts; zero is one object put at once
	parts     int    // at most
	limit     time.Duration
	// describes: what AWS says of the instance is kept, too.
	describes bool
	// lasts is how long the tool runs; nil is as long as it may.
	lasts func(responders.Params) time.Duration
	// params are the typed values for the document.
	params func(responders.Params) map[string]string
	does   func(responders.Params) string // one line of the plan
	// check refuses what is fine value by value and not together; may be nil.
	check func(responders.Params) error
}

// hostPerformers are the performers of this file for New.
func hostPerformers(e *Evidence, tools Tools) map[responders.ID]performer {
	out := map[responders.ID]performer{}
	for _, k := range []hostKind{osqueryKind(), memoryKind(), tcpdumpKind()} {
		k.limit = documentShapes()[k.action].limit
		out[k.action] = host{k, e, tools}
	}
	return out
}

// hostState is what steps leave for the next ones.
type hostState struct {
	Upload   string    `json:"upload,omitempty"`
	Attempt  int       `json:"attempt"`
	Since    time.Time `json:"since"` // the phase send began
	Command  string    `json:"command,omitempty"`
	Document string    `json:"document,omitempty"` // name and version
	SentAt   time.Time `json:"sent_at,omitzero"`
	Polls    int       `json:"polls,omitempty"`
	Receipt  receipt   `json:"receipt,omitzero"`
	Stored   stored    `json:"stored,omitzero"`
	Reading  reading   `json:"reading,omitzero"`
	Doubt    string    `json:"doubt,omitempty"` // ends the job after the manifest
	Saved    bool      `json:"saved,omitempty"`
	// Described is how often the description could not be stored.
	Described int `json:"described,omitempty"`
}

func (h host) plan(ctx context.Context, v *visit, p *responders.Plan) error {
	f, err := h.look(ctx, v)
	if f.instance.InstanceId != nil {
		v.facts(f.instance, p)
	}
	p.Facts = append(p.Facts, f.facts()...)
	p.Warn = append(p.Warn, v.action.Careful)
	if h.kind.action == responders.Memory && f.instance.EnclaveOptions != nil && aws.ToBool(f.instance.EnclaveOptions.Enabled) {
		p.Warn = append(p.Warn, "The instance runs Nitro Enclaves: what is in their memory is not in the dump.")
	}
	if early, err := h.tooEarly(ctx, v); err == nil && early != "" {
		p.Warn = append(p.Warn, early)
	}
	p.Steps = []string{
		"check that the SSM agent is there and new enough, and that the document is ours",
		h.kind.does(v.job.Params),
		"check that the result is complete, and hash it as stored",
		"add the manifest to the case's record",
	}
	if h.kind.describes {
		p.Steps = slices.Insert(p.Steps, 1, describes)
	}
	if errors.Is(err, responders.ErrRefused) {
		p.Refusal = err.Error()
		return nil
	}
	return err
}

func (h host) step(ctx context.Context, v *visit) (responders.Progress, error) {
	s, err := load[hostState](v.job)
	if err != nil {
		return responders.Progress{}, err
	}
	switch v.job.Phase {
	case "":
		return h.prepare(ctx, v, s)
	case phaseDescribe:
		if v.describe(ctx, &s.Described) {
			return h.again(v, s, 5*time.Second)
		}
		return h.upload(ctx, v, s)
	case phaseAddresses:
		return h.addresses(ctx, v, s)
	case phaseSend:
		return h.send(ctx, v, s)
	case phaseWait:
		return h.wait(ctx, v, s)
	case phaseCollect:
		return h.collect(ctx, v, s)
	case phaseReadBack:
		return h.readBack(ctx, v, s)
	case phaseManifest:
		return h.manifest(ctx, v, s)
	}
	return responders.Progress{}, responders.Refuse("The job is in a phase that %s does not have.", v.job.Action)
}

// next goes to a phase at once.
func (h host) next(v *visit, phase string, s hostState) (responders.Progress, error) {
	return responders.Progress{}, enter(v.job, phase, s)
}

// again stays in the phase.
func (h host) again(v *visit, s hostState, after time.Duration) (responders.Progress, error) {
	return responders.Progress{Again: after}, enter(v.job, v.job.Phase, s)
}

// prepare looks at the host.
func (h host) prepare(ctx context.Context, v *visit, s hostState) (responders.Progress, error) {
	f, err := h.look(ctx, v)
	if err != nil {
		return responders.Progress{}, err
	}
	v.facts(f.instance, nil)
	for _, x := range f.facts() {
		v.fact(x.Label, x.Value)
	}
	s.Attempt = 1
	if h.kind.describes {
		return h.next(v, phaseDescribe, s)
	}
	return h.upload(ctx, v, s)
}

// upload begins an upload in parts, if it is to be one.
func (h host) upload(ctx context.Context, v *visit, s hostState) (responders.Progress, error) {
	if h.kind.partBytes == 0 {
		s.Since = v.now
		return h.next(v, phaseSend, s)
	}
	var err error
	if s.Upload, err = h.evidence.begin(ctx, *v.job, h.key(v)); err != nil {
		return responders.Progress{}, err
	}
	return h.next(v, phaseAddresses, s)
}

// addresses writes down where the host puts the parts. The list is too long
// for a parameter.
func (h host) addresses(ctx context.Context, v *visit, s hostState) (responders.Progress, error) {
	list, err := h.evidence.partAddresses(ctx, h.key(v), s.Upload, h.kind.parts, h.validity())
	if err != nil {
		return responders.Progress{}, err
	}
	if _, err := h.evidence.create(ctx, h.listKey(v), "text/plain", list, map[string]string{"job": v.job.ID}); err != nil {
		return responders.Progress{}, err
	}
	s.Since = v.now
	return h.next(v, phaseSend, s)
}

func (h host) key(v *visit) string { return h.evidence.key(*v.job, h.kind.file) }

func (h host) listKey(v *visit) string { return h.evidence.key(*v.job, "parts.txt") }

// validity is how long the host may use its addresses.
func (h host) validity() time.Duration { return deliveryTime + h.kind.limit + linkTime }

// tooEarly says that the host's addresses may stop working before it is done
// with them, and "" when they will not.
func (h host) tooEarly(ctx context.Context, v *visit) (string, error) {
	until, err := h.evidence.signedUntil(ctx)
	if err != nil || until.IsZero() {
		return "", err
	}
	takes := h.kind.limit
	if h.kind.lasts != nil {
		takes = h.kind.lasts(v.job.Params)
	}
	if !until.Before(v.now.Add(deliveryTime + takes)) {
		return "", nil
	}
	return fmt.Sprintf("The bot's own credentials expire at %s, and with them the addresses that the host stores its result at. If it is not done by then, the result is lost; asking again after that time avoids it.",
		until.UTC().Format("15:04 MST")), nil
}

// comment marks a command as the job's, for whoever looks for it later.
func comment(job string) string { return "securitybot job " + job }

// typed returns all parameters of the command: those of the job and the
// addresses.
func (h host) typed(ctx context.Context, v *visit, arch string) (map[string]string, error) {
	p := h.kind.params(v.job.Params)
	p["job"] = v.job.ID
	if t, ok := h.tools[h.kind.tool+"/"+arch]; ok {
		url, err := h.evidence.getAddress(ctx, t.Bucket, t.Key, h.validity())
		if err != nil {
			return nil, err
		}
		p["toolUrl"], p["toolSha256"] = url, t.SHA256
	}
	var err error
	if h.kind.partBytes == 0 {
		p["put"], err = h.evidence.putAddress(ctx, h.key(v), "application/json", h.validity())
		return p, err
	}
	p["partBytes"] = fmt.Sprint(h.kind.partBytes)
	p["parts"], err = h.evidence.getAddress(ctx, h.evidence.cfg.Bucket, h.listKey(v), h.validity())
	return p, err
}
