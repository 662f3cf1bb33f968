package responders

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/store"
)

// State is where an operation stands.
type State string

// The states. The last five are final.
const (
	Planning State = "planning" // preflight is under way; nothing was changed
	Waiting  State = "waiting"  // for an approver
	Running  State = "running"
	Done     State = "done"
	Failed   State = "failed"  // it cannot or must not be done
	Unknown  State = "unknown" // a person has to look
	Refused  State = "refused" // a person said no
	Expired  State = "expired" // nobody approved in time
)

// Ref is a chat message.
type Ref struct {
	Channel string `json:"c,omitempty"`
	TS      string `json:"t,omitempty"`
}

// Person is somebody as far as known.
type Person struct {
	ChatID string `json:"u,omitempty"`
	Email  string `json:"m,omitempty"`
}

// Operation is a job with its approval: the state that is stored. All its
// methods are pure; the effects they return are to be committed with it.
type Operation struct {
	ID     string `json:"-"`
	State  State  `json:"st"`
	Job    Job    `json:"job"`
	Plan   Plan   `json:"plan,omitzero"`
	Digest string `json:"dg,omitempty"` // what was approved; empty until then
	About
	Shown   Ref       `json:"sh,omitzero"`
	Look    string    `json:"lk,omitempty"` // hash of what Shown says; empty when that is not certain
	Asked   time.Time `json:"at"`
	Expires time.Time `json:"ex,omitzero"` // of the wait for an approver
	Ended   time.Time `json:"en,omitzero"`
	Decider string    `json:"by,omitempty"` // who approved or refused
	Why     string    `json:"why,omitempty"`
	Seq     int       `json:"sq,omitempty"`
	Pending []string  `json:"pe,omitempty"`
}

// About is what an operation belongs to.
type About struct {
	CaseID  string `json:"ci,omitempty"`
	Subject Person `json:"su,omitzero"` // the person the case is about
	Channel string `json:"ch"`          // where its message is shown
}

// ApprovalTime is how long an approver has.
const ApprovalTime = 15 * time.Minute

// The kinds of effect of an operation.
const (
	KindPlan   = "operation.plan"
	KindStep   = "operation.step"
	KindShow   = "operation.show"
	KindRecord = "operation.record"
)

// DocID is the store's name of an operation.
func DocID(id string) string { return "r:" + id }

// Ref is what people call an operation.
func (o *Operation) Ref() string { return "OP-" + o.ID[:min(8, len(o.ID))] }

// IsOpen says whether something is still to happen.
func (o *Operation) IsOpen() bool {
	return o.State == Planning || o.State == Waiting || o.State == Running
}

// Propose starts an operation with its read-only part.
func Propose(j Job, about About, now time.Time) (*Operation, []store.Effect) {
	j.Started = now.UTC()
	o := &Operation{ID: j.ID, State: Planning, Job: j, About: about, Asked: now}
	return o, []store.Effect{o.effect(store.LaneAct, KindPlan, now, now), o.show(now)}
}

// Planned takes in what preflight found. What needs no approver begins.
func (o *Operation) Planned(p Plan, now time.Time) []store.Effect {
	if o.State != Planning {
		return nil
	}
	o.Plan = p
	if p.Refusal != "" {
		return o.end(Failed, p.Refusal, now)
	}
	if a, ok := Find(string(o.Job.Action)); !ok || a.Approval {
		o.State, o.Expires = Waiting, now.Add(ApprovalTime)
		return []store.Effect{o.show(now)}
	}
	return o.begin(now)
}

func (o *Operation) begin(now time.Time) []store.Effect {
	o.State, o.Digest = Running, o.Job.Digest()
	return []store.Effect{o.step(now, now), o.show(now)}
}

// Errors of Approve and Refuse: sentences for the person who pressed.
var (
	ErrNotWaiting = errors.New("this request is not waiting for anybody any more")
	ErrTooLate    = errors.New("the time for approving this is over; ask for it again")
	ErrOther      = errors.New("this is not what was asked for any more; ask for it again")
	ErrAsker      = errors.New("whoever asked for it cannot approve it")
	ErrSubject    = errors.New("this is about you, so somebody else has to decide it")
)

// Approve lets an operation begin: once, in time, by somebody else than the one
// who asked and the one it is about, and for exactly the action and target they
// were shown. digest is what the button carried.
func (o *Operation) Approve(by Person, digest string, now time.Time) ([]store.Effect, error) {
	switch {
	case o.State != Waiting:
		return nil, ErrNotWaiting
	case !now.Before(o.Expires):
		return nil, ErrTooLate
	case digest == "" || digest != o.Job.Digest():
		return nil, ErrOther
	case by.ChatID == "" || by.ChatID == o.Job.By:
		return nil, ErrAsker
	case by.ChatID == o.Subject.ChatID || by.Email != "" && strings.EqualFold(by.Email, o.Subject.Email):
		return nil, ErrSubject
	}
	o.Decider, o.Job.Approver = by.ChatID, by.ChatID
	if id := IdentityOf(by.Email); id != "" {
		o.Job.Identity = id
	}
	o.Job.Note(now, "approved")
	return o.begin(now), nil
}

// Refuse ends an operation that waits.
func (o *Operation) Refuse(by string, now time.Time) ([]store.Effect, error) {
	if o.State != Waiting {
		return nil, ErrNotWaiting
	}
	o.Decider = by
	return o.end(Refused, "somebody said no", now), nil
}

// Authorised says whether the next step may change anything: what runs must be
// what was approved. It is asked right before each step.
func (o *Operation) Authorised() error {
	a, ok := Find(string(o.Job.Action))
	switch {
	case !ok:
		return Refuse("there is no action %q", clip(string(o.Job.Action)))
	case o.State != Running:
		return Refuse("it is not running")
	case o.Digest == "" || o.Digest != o.Job.Digest():
		return Refuse("it is not what was approved")
	case a.Approval && (o.Decider == "" || o.Decider == o.Job.By || o.Decider != o.Job.Approver):
		return Refuse("nobody else has approved it")
	}
	if err := a.Check(o.Job.Params); err != nil {
		return Refuse("%s", err.Error())
	}
	if err := o.Job.Target.Check(); err != nil {
		return Refuse("%s", err.Error())
	}
	return nil
}

// Stepped takes in what a step achieved.
func (o *Operation) Stepped(j Job, p Progress, now time.Time) []store.Effect {
	if o.State != Running {
		return nil
	}
	o.Job = j
	if p.Done {
		return o.end(Done, "", now)
	}
	return []store.Effect{o.step(now, now.Add(max(p.Again, 0))), o.showDue(now, now.Add(ShowGap))}
}

// Stuck takes in a step that cannot succeed. j is the job as the step left it.
func (o *Operation) Stuck(j Job, err error, now time.Time) []store.Effect {
	if !o.IsOpen() {
		return nil
	}
	o.Job = j
	if errors.Is(err, ErrRefused) {
		return o.end(Failed, err.Error(), now)
	}
	return o.end(Unknown, err.Error(), now)
}

func (o *Operation) end(s State, why string, now time.Time) []store.Effect {
	o.State, o.Why, o.Ended = s, why, now
	out := []store.Effect{o.show(now)}
	if s == Done || s == Failed && o.Digest != "" || s == Unknown {
		out = append(out, o.effect(store.LaneRecord, KindRecord, now, now))
	}
	return out
}

// Tick is the operation's timer: a wait for an approver ends, and effects the
// store may have lost are planned again.
func (o *Operation) Tick(now time.Time) []store.Effect {
	if o.State == Waiting && !now.Before(o.Expires) {
		return o.end(Expired, "nobody approved in time", now)
	}
	var out []store.Effect
	for _, short := range o.Pending {
		kind, _, _ := strings.Cut(short, "/")
		out = append(out, store.Effect{ID: o.ID + "/" + short, Lane: laneOf(kind), Kind: kind, Doc: DocID(o.ID), Planned: now, Due: now})
	}
	return out
}

// watchEffects is when an operation with effects under way is looked at again.
const watchEffects = 10 * time.Minute

// Timer is when the operation wants to be looked at again; zero when never.
func (o *Operation) Timer(now time.Time) time.Time {
	switch {
	case o.State == Waiting:
		return o.Expires
	case o.IsOpen() || len(o.Pending) > 0:
		return now.Add(watchEffects)
	}
	return time.Time{}
}

// Finished records that an effect is no longer under way.
func (o *Operation) Finished(effectID string) {
	short := strings.TrimPrefix(effectID, o.ID+"/")
	o.Pending = slices.DeleteFunc(o.Pending, func(p string) bool { return p == short })
}

func (o *Operation) step(now, due time.Time) store.Effect {
	o.Seq++
	return o.effectNamed(store.LaneAct, KindStep, KindStep+"/"+strconv.Itoa(o.Seq), now, due)
}

// ShowGap is for how long the progress of an operation waits for more of it:
// chat services take few edits a minute, and only the latest state is worth one.
const ShowGap = 4 * time.Second

// nameEnd is the effect that shows how an operation ended. It has a name of its
// own so that it does not wait with the progress before it.
const nameEnd = KindShow + "/end"

// Show plans that the message is brought up to date once more.
func (o *Operation) Show(now time.Time) []store.Effect { return []store.Effect{o.show(now)} }

// show plans that the message is brought up to date; several become one.
func (o *Operation) show(now time.Time) store.Effect { return o.showDue(now, now) }

func (o *Operation) showDue(now, due time.Time) store.Effect {
	name := KindShow
	if !o.IsOpen() {
		name = nameEnd
	}
	return o.effectNamed(store.LaneNotify, KindShow, name, now, due)
}

// Superseded says that a planned edit need not be made, because the one that
// shows the end follows.
func (o *Operation) Superseded(effectID string) bool {
	return !strings.HasSuffix(effectID, nameEnd) && !o.IsOpen() && o.Shown.TS != "" && slices.Contains(o.Pending, nameEnd)
}

// Early says that the end cannot be shown yet, because the message about the
// operation is on its way: two would be posted.
func (o *Operation) Early(effectID string) bool {
	return strings.HasSuffix(effectID, nameEnd) && o.Shown.TS == "" && slices.Contains(o.Pending, KindShow)
}

func (o *Operation) effect(lane store.Lane, kind string, now, due time.Time) store.Effect {
	return o.effectNamed(lane, kind, kind, now, due)
}

func (o *Operation) effectNamed(lane store.Lane, kind, name string, now, due time.Time) store.Effect {
	if !slices.Contains(o.Pending, name) {
		o.Pending = append(o.Pending, name)
	}
	return store.Effect{ID: o.ID + "/" + name, Lane: lane, Kind: kind, Group: o.Channel, Doc: DocID(o.ID), Planned: now, Due: due}
}

func laneOf(kind string) store.Lane {
	switch kind {
	case KindShow:
		return store.LaneNotify
	case KindRecord:
		return store.LaneRecord
	}
	return store.LaneAct
}

// Encode returns the stored form.
func (o *Operation) Encode() ([]byte, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode operation: %w", err)
	}
	return b, nil
}

// DecodeOperation reads the stored form; nil for an empty body.
func DecodeOperation(id string, body []byte) (*Operation, error) {
	if len(body) == 0 {
		return nil, nil
	}
	var o Operation
	if err := json.Unmarshal(body, &o); err != nil {
		return nil, fmt.Errorf("decode operation %s: %w", id, err)
	}
	o.ID = id
	return &o, nil
}
