package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/responders"
)

// request is a job as it is typed.
type request struct {
	common
	account, region           string
	by, approver              string
	caseID, incident, finding string
	yes                       bool
}

func (r *request) flags(cmd *cobra.Command) {
	r.add(cmd)
	f := cmd.Flags()
	f.StringVar(&r.account, "account", "", "AWS `account` of the instance, 12 digits")
	f.StringVar(&r.region, "region", "", "`region` of the instance")
	f.StringVar(&r.by, "by", os.Getenv("USER"), "`who` asks")
	f.StringVar(&r.caseID, "case", "", "`case` the evidence belongs to")
	f.StringVar(&r.incident, "incident", "", "`incident`, for the record")
	f.StringVar(&r.finding, "finding", "", "`finding`, for the record")
}

// job makes a job of what was typed.
func (r *request) job(args []string) (responders.Job, error) {
	if len(args) < 2 {
		return responders.Job{}, usage("an action and an instance are needed, such as: snapshot i-0a1b2c3d4e5f60718")
	}
	row, known := responders.Find(args[0])
	if !known {
		return responders.Job{}, usage("%q is not an action; those are %v", args[0], actionNames())
	}
	params, err := row.Parse(args[2:])
	if err != nil {
		return responders.Job{}, usage("%w", err)
	}
	j := responders.Job{ID: newID(), Action: row.ID, Target: responders.Target{Account: r.account, Region: r.region, Instance: args[1]}, Params: params,
		By: r.by, Identity: responders.IdentityOf(r.by), Approver: r.approver, Case: r.caseID, Incident: r.incident, Finding: r.finding}
	if err := j.Target.Check(); err != nil {
		return j, usage("%w; the account and region are given by --account and --region", err)
	}
	return j, nil
}

// open puts the actor together, with records beside the journal.
func (c *cli) open(ctx context.Context, f common) (*system, journal, error) {
	s, err := readSettings(f.config)
	if err != nil {
		return nil, journal{}, usage("%w", err)
	}
	j, err := openJournal(f.journal)
	if err != nil {
		return nil, j, negative(err)
	}
	sys, err := s.build(ctx, fileRecords{filepath.Join(f.journal, "records")}, slog.New(slog.NewTextHandler(c.errs, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return nil, j, negative(err)
	}
	return sys, j, nil
}

func (c *cli) planCommand() *cobra.Command {
	var r request
	cmd := &cobra.Command{
		Use:   "plan ACTION INSTANCE [NAME=VALUE]...",
		Short: "look at the instance and say what would be done; nothing is changed",
		RunE: func(cmd *cobra.Command, args []string) error {
			j, err := r.job(args)
			if err != nil {
				return err
			}
			sys, _, err := c.open(cmd.Context(), r.common)
			if err != nil {
				return err
			}
			return c.plan(cmd.Context(), sys, j)
		},
	}
	r.flags(cmd)
	return cmd
}

// plan prints the plan; a refusal is the answer "no".
func (c *cli) plan(ctx context.Context, sys *system, j responders.Job) error {
	p, err := sys.actor.Plan(ctx, j)
	if err != nil {
		return negative(err)
	}
	c.printPlan(j, p)
	if p.Refusal != "" {
		return negative(errors.New(p.Refusal))
	}
	return nil
}

func (c *cli) printPlan(j responders.Job, p responders.Plan) {
	fmt.Fprintf(c.out, "%s on %s\n", j.Action, j.Target)
	for _, f := range p.Facts {
		fmt.Fprintf(c.out, "  %-18s %s\n", printable(f.Label), printable(f.Value))
	}
	for i, s := range p.Steps {
		fmt.Fprintf(c.out, "%2d. %s\n", i+1, printable(s))
	}
	for _, w := range p.Warn {
		fmt.Fprintf(c.out, " !  %s\n", printable(w))
	}
}

func (c *cli) runCommand() *cobra.Command {
	var r request
	cmd := &cobra.Command{
		Use:   "run ACTION INSTANCE [NAME=VALUE]...",
		Short: "show the plan, and with --yes carry it out",
		RunE: func(cmd *cobra.Command, args []string) error {
			j, err := r.job(args)
			if err != nil {
				return err
			}
			if err := admit(j); err != nil {
				return negative(fmt.Errorf("%w (--by, --approver)", err))
			}
			sys, pages, err := c.open(cmd.Context(), r.common)
			if err != nil {
				return err
			}
			if err := c.plan(cmd.Context(), sys, j); err != nil {
				return err
			}
			if !r.yes {
				return negative(errors.New("nothing was done; say --yes to carry it out"))
			}
			fmt.Fprintf(c.out, "job %s\n", j.ID)
			return c.perform(cmd.Context(), sys.actor, pages, page{State: running, Job: j})
		},
	}
	r.flags(cmd)
	cmd.Flags().BoolVar(&r.yes, "yes", false, "carry out the plan")
	cmd.Flags().StringVar(&r.approver, "approver", "", "`who` approved it, somebody else than who asks")
	return cmd
}

func (c *cli) resumeCommand() *cobra.Command {
	var f common
	cmd := &cobra.Command{
		Use:   "resume JOB",
		Short: "go on with a job after a crash or an interruption",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			sys, pages, err := c.open(cmd.Context(), f)
			if err != nil {
				return err
			}
			p, err := pages.read(args[0])
			if err != nil {
				return usage("%w", err)
			}
			if err := admit(p.Job); err != nil {
				return negative(err)
			}
			return c.perform(cmd.Context(), sys.actor, pages, p)
		},
	}
	f.add(cmd)
	return cmd
}

// maxFailures is how often in a row a step may fail before the command gives
// up; the job can be resumed.
const maxFailures = 5

// perform steps a job to its end, with the journal written before and after
// each step.
func (c *cli) perform(ctx context.Context, a actor, pages journal, p page) error {
	release, err := pages.lock(p.Job.ID)
	if err != nil {
		return negative(err)
	}
	defer release()
	if err := pages.write(p); err != nil {
		return negative(err)
	}
	shown, failures := len(p.Job.Log), 0
	for p.State == running {
		if err := pause(ctx, time.Until(p.Again)); err != nil {
			return negative(fmt.Errorf("interrupted; go on with: aws-ir resume %s", p.Job.ID))
		}
		before := p.Job
		failpoint.Hit("aws-ir.step")
		// A step under way is finished: it takes seconds, and half a step leaves doubt.
		progress, stepErr := a.Step(context.WithoutCancel(ctx), &p.Job)
		failpoint.Hit("aws-ir.stepped")
		end, trouble := state(progress, stepErr)
		p.State, p.Message, p.Again = end, "", time.Now().Add(progress.Again)
		if stepErr != nil {
			p.Message = stepErr.Error()
		}
		if trouble != nil {
			p.Job = before
			failures++
			p.Again = time.Now().Add(time.Duration(failures) * 2 * time.Second)
			fmt.Fprintf(c.errs, "aws-ir: %s; trying again\n", printable(trouble.Error()))
		} else {
			failures = 0
		}
		if err := pages.write(p); err != nil {
			return negative(err)
		}
		shown = c.printLog(p.Job, shown)
		if failures >= maxFailures {
			return negative(fmt.Errorf("the same step failed %d times; when the cause is gone: aws-ir resume %s", failures, p.Job.ID))
		}
	}
	return c.ended(p)
}

// pause waits, or says that it was interrupted.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// printLog prints what was added to a job's log.
func (c *cli) printLog(j responders.Job, shown int) int {
	for _, e := range j.Log[min(shown, len(j.Log)):] {
		fmt.Fprintf(c.out, "%s %s\n", e.At.Format("15:04:05"), printable(e.What))
	}
	return len(j.Log)
}

func (c *cli) ended(p page) error {
	for _, a := range p.Job.Manifest.Artifacts {
		fmt.Fprintf(c.out, "%s %s", a.Kind, printable(a.URI))
		if a.SHA256 != "" {
			fmt.Fprintf(c.out, " sha256:%s", a.SHA256)
		}
		if a.Note != "" {
			fmt.Fprintf(c.out, " (%s)", printable(a.Note))
		}
		fmt.Fprintln(c.out)
	}
	for _, s := range p.Job.Still {
		fmt.Fprintf(c.out, "still possible: %s\n", printable(s))
	}
	switch p.State {
	case done:
		fmt.Fprintln(c.out, "done")
		return nil
	case unknown:
		return negative(fmt.Errorf("not known how it ended: %s", p.Message))
	}
	return negative(fmt.Errorf("refused: %s", p.Message))
}
