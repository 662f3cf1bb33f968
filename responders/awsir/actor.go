package awsir

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/securitybot/securitybot/responders"
)

// performer is how one action is done. Each is a file of its own.
type performer interface {
	// plan adds to the plan what it would do; it changes nothing.
	plan(ctx context.Context, v *visit, p *responders.Plan) error
	// step goes one phase further.
	step(ctx context.Context, v *visit) (responders.Progress, error)
}

// performers is the table of actions.
func performers() map[responders.ID]performer {
	return map[responders.ID]performer{
		responders.Snapshot: snapshotAction{},
		responders.Isolate:  isolateAction{},
		responders.Release:  releaseAction{},
		responders.Revoke:   revokeAction{},
		responders.Unrevoke: unrevokeAction{},
	}
}

// phaseDone is the last phase of every action.
const phaseDone = "done"

// jobForm keeps a job's id within what is allowed in tags, comments, session
// names and group names.
var jobForm = regexp.MustCompile(`^[A-Za-z0-9]{8,32}$`)

// Plan looks at the instance and says what the job would do. It changes
// nothing. An error that is not a refusal is worth trying again.
func (a *Actor) Plan(ctx context.Context, job responders.Job) (responders.Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, a.config.StepTime)
	defer cancel()
	var p responders.Plan
	do, v, err := a.visit(&job)
	if err == nil {
		err = do.plan(ctx, v, &p)
	}
	return p, a.explain(ctx, &job, "plan", err)
}

// Step does the next part of a job and writes into the job what the one after
// it needs: store the job before the next step. The step of a job that was
// not stored may be repeated. responders.ErrRefused and ErrUnknown end the
// job, which is worth storing then, too: Still and Manifest say how far it
// got. After any other error the same step is worth trying again.
func (a *Actor) Step(ctx context.Context, job *responders.Job) (responders.Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, a.config.StepTime)
	defer cancel()
	if job.Phase == phaseDone {
		return responders.Progress{Done: true}, nil
	}
	do, v, err := a.visit(job)
	if err != nil {
		return responders.Progress{}, err
	}
	if job.Started.IsZero() {
		job.Started = v.now
	}
	phase := job.Phase
	p, err := do.step(ctx, v)
	return p, a.explain(ctx, job, "step "+phase, err)
}

// visit checks the form of a job: it may come from a queue or a file.
func (a *Actor) visit(job *responders.Job) (performer, *visit, error) {
	row, known := responders.Find(string(job.Action))
	do := a.actions[job.Action]
	if !known || do == nil {
		return nil, nil, responders.Refuse("%q is not an action that can be done here.", string(job.Action))
	}
	if !jobForm.MatchString(job.ID) {
		return nil, nil, responders.Refuse("The job's id is not one.")
	}
	if err := job.Target.Check(); err != nil {
		return nil, nil, responders.Refuse("%s", err.Error())
	}
	if err := row.Check(job.Params); err != nil {
		return nil, nil, responders.Refuse("%s", err.Error())
	}
	return do, &visit{actor: a, job: job, action: row, now: a.deps.Now().UTC()}, nil
}

// load reads the actor's own part of a job.
func load[T any](job *responders.Job) (T, error) {
	var s T
	if len(job.State) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(job.State, &s); err != nil {
		return s, fmt.Errorf("read the job's state: %w", err)
	}
	return s, nil
}

// enter goes to a phase with a state.
func enter(job *responders.Job, phase string, state any) error {
	b, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("write the job's state: %w", err)
	}
	job.Phase, job.State = phase, b
	return nil
}
