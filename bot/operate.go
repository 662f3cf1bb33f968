package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
)

// The effects of operations.

// How long AWS is asked again before a person has to look.
const (
	planPatience = 10 * time.Minute
	stepPatience = 2 * time.Hour
)

// doOperation performs an effect of an operation.
func (b *Bot) doOperation(ctx context.Context, e *store.Effect) error {
	id := e.Doc[len("r:"):]
	t := b.begin()
	o, err := t.loadOperation(ctx, id)
	if err != nil {
		return err
	}
	if o == nil {
		return b.change(ctx, func(t *tx, _ time.Time) error { t.finish(e); return nil })
	}
	switch e.Kind {
	case responders.KindPlan:
		return b.doPlan(ctx, o, e)
	case responders.KindStep:
		return b.doStep(ctx, o, e)
	case responders.KindShow:
		return b.doShow(ctx, o, e)
	case responders.KindPage:
		return b.pageAlone(ctx, o, e)
	case responders.KindFallback:
		return b.pageAloneElsewhere(ctx, o, e)
	case responders.KindTell:
		return b.tellAlone(ctx, o, e)
	}
	return b.doOperationRecord(ctx, o, e)
}

// operationDone commits that an effect is done, with what it changes.
func (b *Bot) operationDone(ctx context.Context, id string, e *store.Effect, fn func(t *tx, o *responders.Operation, now time.Time) error) error {
	return b.changeOperation(ctx, id, func(t *tx, o *responders.Operation, now time.Time) error {
		t.finish(e)
		o.Finished(e.ID)
		if fn == nil {
			return nil
		}
		return fn(t, o, now)
	})
}

// doPlan looks at the instance. What policy started is first looked up in
// GuardDuty: whoever can write to the queue must not be able to act.
func (b *Bot) doPlan(ctx context.Context, o *responders.Operation, e *store.Effect) error {
	if o.State != responders.Planning {
		return b.operationDone(ctx, o.ID, e, nil)
	}
	plan, err := b.plan(ctx, o)
	switch {
	case errors.Is(err, responders.ErrRefused):
		plan = responders.Plan{Refusal: err.Error()}
	case err != nil && b.clock.Now().Sub(e.Planned) < planPatience:
		return err
	case err != nil:
		plan = responders.Plan{Refusal: "AWS could not be asked about this instance. Nothing was changed; the log has the cause."}
		b.log.Error("an operation could not be planned", "operation", o.Ref(), "error", err)
	}
	failpoint.Hit("operation.planned")
	return b.operationDone(ctx, o.ID, e, func(t *tx, o *responders.Operation, now time.Time) error {
		t.plan(o.Planned(plan, now)...)
		return nil
	})
}

func (b *Bot) plan(ctx context.Context, o *responders.Operation) (responders.Plan, error) {
	if why := b.mayActOn(o.Job.Target); why != "" {
		return responders.Plan{}, responders.Refuse("%s", why)
	}
	if o.Job.By == byPolicy {
		if err := b.confirm(ctx, o); err != nil {
			return responders.Plan{}, err
		}
	}
	return b.acting.Actor.Plan(ctx, o.Job)
}

// doStep does one step and stores the job before the next one. A step that
// failed is repeated from the job as it was; what must not be forgotten
// meanwhile is in the actor's records.
func (b *Bot) doStep(ctx context.Context, o *responders.Operation, e *store.Effect) error {
	if o.State != responders.Running {
		return b.operationDone(ctx, o.ID, e, nil)
	}
	job, err := copyJob(o.Job)
	if err != nil {
		return err
	}
	var p responders.Progress
	err = o.Authorised()
	if why := b.mayActOn(job.Target); err == nil && why != "" {
		err = responders.Refuse("%s", why)
	}
	if err == nil {
		failpoint.Hit("operation.step")
		p, err = b.acting.Actor.Step(ctx, &job)
		failpoint.Hit("operation.stepped")
	}
	final := errors.Is(err, responders.ErrRefused) || errors.Is(err, responders.ErrUnknown)
	if err != nil && !final && b.clock.Now().Sub(e.Planned) > stepPatience {
		b.log.Error("an operation got no further", "operation", o.Ref(), "error", err)
		err, final = responders.Doubt("AWS did not let me get further for two hours. Look at the instance: what is listed above was done."), true
	}
	if err != nil && !final {
		return err // the stored job is as it was: the same step again
	}
	return b.operationDone(ctx, o.ID, e, func(t *tx, fresh *responders.Operation, now time.Time) error {
		if fresh.Seq != o.Seq || fresh.State != responders.Running {
			return nil
		}
		if err != nil {
			t.plan(fresh.Stuck(job, err, now)...)
		} else {
			t.plan(fresh.Stepped(job, p, now)...)
		}
		return nil
	})
}

// copyJob returns a job that shares nothing with the stored one.
func copyJob(j responders.Job) (responders.Job, error) {
	body, err := json.Marshal(j)
	if err != nil {
		return j, fmt.Errorf("copy job: %w", err)
	}
	var out responders.Job
	return out, json.Unmarshal(body, &out)
}

// doOperationRecord tells the rest of the records how an operation ended. One
// whose outcome nobody knows also calls for a person.
func (b *Bot) doOperationRecord(ctx context.Context, o *responders.Operation, e *store.Effect) error {
	if o.State == responders.Unknown { // in the thread of its message, if that could be shown
		if _, err := b.post(ctx, e, orElse(o.Shown.Channel, o.Channel), o.Shown.TS, b.doubtMessage(o), true); err != nil && !permanent(err) && b.clock.Now().Sub(e.Planned) < giveUpAfter {
			return err
		}
	}
	return b.changeAudited(ctx, func(t *tx, now time.Time) error {
		fresh, err := t.loadOperation(ctx, o.ID)
		if err != nil {
			return err
		}
		if fresh == nil {
			t.finish(e)
			return nil
		}
		if err := b.noteOperation(ctx, t, fresh, endWords(fresh), now); err != nil {
			return err
		}
		if err := t.evidenceFor(ctx, fresh, now); err != nil {
			return err
		}
		if err := b.recordOperation(ctx, t, fresh, now); err != nil {
			return err
		}
		t.finish(e)
		fresh.Finished(e.ID)
		if err := t.putOperation(fresh, now); err != nil {
			return err
		}
		return t.audit(ctx, audit.Record{Actor: audit.System, For: fresh.Job.By, Act: string(fresh.Job.Action), Object: fresh.Job.Target.String(),
			Digest: fresh.Digest, Decision: audit.Allowed, Result: string(fresh.State) + ": " + fresh.Why, Detail: map[string]string{"operation": fresh.ID, "case": fresh.Job.Case}})
	})
}

// noteOperation adds a line about an operation to its case.
func (b *Bot) noteOperation(ctx context.Context, t *tx, o *responders.Operation, what string, now time.Time) error {
	if o.CaseID == "" {
		return nil
	}
	c, err := t.loadCase(ctx, o.CaseID)
	if err != nil || !c.Known() {
		return err
	}
	c.Note(now, what)
	c.Keep(b.routes, now)
	c.Comment(now, what)
	t.plan(c.Say(what, b.routes, now)...)
	t.touch(c)
	return nil
}
