package main

import (
	"context"
	"io"
	"log/slog"
	"sync"

	"github.com/securitybot/securitybot/responders"
)

// event is what the function is called with.
type event struct {
	Op  string         `json:"op"` // plan or step
	Job responders.Job `json:"job"`
}

// answer is what it returns: the job to be given to the next step, after the
// wait. An error is worth trying the same event again.
type answer struct {
	Job         responders.Job   `json:"job"`
	State       string           `json:"state"` // running, done, refused, unknown
	Done        bool             `json:"done"`  // no further step makes sense
	WaitSeconds int              `json:"wait_seconds"`
	Message     string           `json:"message,omitempty"`
	Plan        *responders.Plan `json:"plan,omitempty"`
}

// function answers events. It finds its configuration with the first one.
type function struct {
	log  *slog.Logger
	open func(context.Context) (actor, error)

	mu sync.Mutex
	a  actor
}

// newFunction returns the function for Lambda: its configuration is the text
// in AWS_IR_CONFIG, its records are in the evidence bucket.
func newFunction(errs io.Writer) *function {
	log := slog.New(slog.NewJSONHandler(errs, nil))
	return &function{log: log, open: func(ctx context.Context) (actor, error) {
		s, err := readSettings("")
		if err != nil {
			return nil, err
		}
		sys, err := s.build(ctx, nil, log)
		if err != nil {
			return nil, err
		}
		return sys.actor, nil
	}}
}

func (f *function) actor(ctx context.Context) (actor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.a == nil {
		a, err := f.open(ctx)
		if err != nil {
			return nil, err
		}
		f.a = a
	}
	return f.a, nil
}

// handle answers one event.
func (f *function) handle(ctx context.Context, e event) (answer, error) {
	a, err := f.actor(ctx)
	if err != nil {
		return answer{}, err
	}
	return answerTo(ctx, a, e)
}

// answerTo plans or steps, for the function and for HTTP.
func answerTo(ctx context.Context, a actor, e event) (answer, error) {
	out := answer{Job: e.Job, State: running}
	var progress responders.Progress
	var err error
	switch e.Op {
	case "plan":
		var p responders.Plan
		if p, err = a.Plan(ctx, e.Job); err == nil {
			out.Plan = &p
			out.Message, out.Done = p.Refusal, p.Refusal != ""
			if out.Done {
				out.State = refused
			}
			return out, nil
		}
	case "step":
		if err = admit(e.Job); err == nil {
			progress, err = a.Step(ctx, &out.Job)
		}
	default:
		err = responders.Refuse("%q is not an operation; those are plan and step", e.Op)
	}
	end, trouble := state(progress, err)
	if trouble != nil {
		return answer{}, trouble
	}
	out.State, out.Done, out.WaitSeconds = end, end != running, waitSeconds(progress.Again)
	if err != nil {
		out.Message = err.Error()
	}
	return out, nil
}
