package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
)

// Evidence that policy takes by itself ("collect:").

// byPolicy is who asked for what policy started.
const byPolicy = "policy"

// kindCollect starts what a case's policy wants collected.
const kindCollect = "collect"

// collect plans that evidence is taken for a case that was just decided. The
// operations themselves start in an effect of their own: they are audited, and
// a finding must not wait for the audit log.
func (b *Bot) collect(t *tx, c *cases.Case, now time.Time) {
	if c.Decision == nil || len(c.Decision.Collect) == 0 || c.Finding == nil || c.Finding.Sample || b.acting.Actor == nil {
		return
	}
	if c.Finding.Instance.ID == "" {
		c.Note(now, "no evidence is taken: the finding names no instance")
		return
	}
	t.plan(store.Effect{ID: c.ID + "/" + strconv.Itoa(c.Gen) + "/" + kindCollect, Lane: store.LaneAct, Kind: kindCollect, Doc: cases.DocID(c.ID), Planned: now, Due: now})
}

// doCollect starts the operations.
func (b *Bot) doCollect(ctx context.Context, e *store.Effect) error {
	return b.changeAudited(ctx, func(t *tx, now time.Time) error {
		c, err := t.loadCase(ctx, caseOf(e))
		if err != nil {
			return err
		}
		t.finish(e)
		if c.Finding == nil || c.Decision == nil || !wasPlannedFor(c, e) {
			return nil
		}
		t.touch(c)
		for _, name := range c.Decision.Collect {
			if err := b.collectOne(ctx, t, c, name, now); err != nil {
				return err
			}
		}
		return nil
	})
}

// wasPlannedFor says whether the case is still in the generation an effect was
// planned in.
func wasPlannedFor(c *cases.Case, e *store.Effect) bool {
	return strings.HasPrefix(e.ID, c.ID+"/"+strconv.Itoa(c.Gen)+"/")
}

func (b *Bot) collectOne(ctx context.Context, t *tx, c *cases.Case, name string, now time.Time) error {
	a, known := responders.Find(name)
	if !known || !a.Automatic {
		c.Note(now, fmt.Sprintf("%s is not something that runs by itself", name))
		return nil
	}
	params, err := a.Parse(nil)
	if err != nil {
		c.Note(now, fmt.Sprintf("%s cannot run by itself: %s", name, err))
		return nil
	}
	f := c.Finding
	j := responders.Job{ID: jobID(c.ID, strconv.Itoa(c.Gen), name), Action: a.ID, Params: params, By: byPolicy, Identity: "securitybot-policy", Case: c.Ref(), Finding: f.ID,
		Target: responders.Target{Account: f.Account, Region: f.Region, Instance: f.Instance.ID}}
	why := b.mayActOn(j.Target)
	if err := j.Target.Check(); err != nil {
		why = err.Error()
	}
	if why == "" {
		fresh, err := b.taken(ctx, t, j, now)
		if err != nil {
			return err
		}
		if fresh != nil {
			b.shareEvidence(c, fresh, name, now)
			return t.audit(ctx, audit.Record{Actor: audit.Policy, Act: name, Object: j.Target.String(), Decision: audit.Refused, Result: "taken already: " + fresh.ID, Detail: map[string]string{"case": c.Ref()}})
		}
		if why, err = b.withinRate(ctx, t, f.Account, now); err != nil {
			return err
		}
	}
	if why != "" {
		c.Note(now, fmt.Sprintf("%s not taken: %s", name, why))
		return t.audit(ctx, audit.Record{Actor: audit.Policy, Act: name, Object: j.Target.String(), Decision: audit.Refused, Result: why, Detail: map[string]string{"case": c.Ref()}})
	}
	o, started, err := b.propose(ctx, t, j, aboutCase(c, b.cfg.SecurityChannel), now)
	if err != nil || !started {
		if o != nil && o.ID != j.ID {
			c.Note(now, fmt.Sprintf("%s is under way already (%s)", name, o.Ref()))
		}
		return err
	}
	c.Note(now, fmt.Sprintf("policy starts %s (%s)", name, o.Ref()))
	c.Keep(b.routes, now)
	c.Comment(now, fmt.Sprintf("Policy starts %s (%s).", name, o.Ref()))
	return t.audit(ctx, audit.Record{Actor: audit.Policy, Act: name, Object: j.Target.String(), Digest: j.Digest(), Decision: audit.Allowed,
		Detail: map[string]string{"case": c.Ref(), "rule": c.Decision.Rule, "operation": o.ID}})
}

// taken returns the operation that took the same evidence from the same
// instance a short while ago, for whatever case; nil when there is none. One
// intruder causes many findings, and each can get worse: the second copy of a
// disk within the hour tells nothing and costs as much. What people ask for is
// always taken.
func (b *Bot) taken(ctx context.Context, t *tx, j responders.Job, now time.Time) (*responders.Operation, error) {
	id, err := t.loadRaw(ctx, operationLock(j))
	if err != nil || len(id) == 0 {
		return nil, err
	}
	o, err := t.loadOperation(ctx, string(id))
	if err != nil || o == nil || o.ID == j.ID || o.State != responders.Done {
		return nil, err
	}
	if now.Sub(o.Ended) >= b.acting.Fresh || !maps.Equal(o.Job.Params, j.Params) || len(o.Job.Manifest.Artifacts) == 0 {
		return nil, nil
	}
	return o, nil
}

// shareEvidence gives a case the evidence that was taken already.
func (b *Bot) shareEvidence(c *cases.Case, o *responders.Operation, name string, now time.Time) {
	whose := ""
	if o.CaseID != c.ID && o.Job.Case != "" {
		whose = " for " + o.Job.Case
	}
	what := fmt.Sprintf("%s was taken%s %d minutes ago (%s) and is not taken again", name, whose, int(now.Sub(o.Ended).Minutes()), o.Ref())
	c.Note(now, what)
	c.Keep(b.routes, now)
	c.Comment(now, capital(what)+".")
	if o.CaseID != c.ID && b.hive != nil {
		c.Attach(o.ID, now)
	}
}

func aboutCase(c *cases.Case, channel string) responders.About {
	return responders.About{CaseID: c.ID, Subject: responders.Person{ChatID: c.Subject(), Email: c.Employee.Email}, Channel: channel}
}

// rateDoc counts what policy has started in an account this hour: whoever can
// provoke findings must not be able to make us copy every disk there is.
type rateDoc struct {
	Hour int64 `json:"h"`
	N    int   `json:"n"`
}

func (b *Bot) withinRate(ctx context.Context, t *tx, account string, now time.Time) (why string, err error) {
	id := "rt:" + short("collect "+account)
	body, err := t.loadRaw(ctx, id)
	if err != nil {
		return "", err
	}
	var r rateDoc
	if len(body) > 0 {
		if err := json.Unmarshal(body, &r); err != nil {
			return "", fmt.Errorf("decode rate: %w", err)
		}
	}
	if hour := now.Unix() / 3600; r.Hour != hour {
		r = rateDoc{Hour: hour}
	}
	if r.N >= b.acting.PerHour {
		return fmt.Sprintf("%d were started in this account within the hour, which is the limit (aws_ir.collect_per_hour)", r.N), nil
	}
	r.N++
	body, err = json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("encode rate: %w", err)
	}
	t.putRaw(id, body, 2*time.Hour)
	return "", nil
}

// confirm asks GuardDuty itself about the finding behind an operation.
func (b *Bot) confirm(ctx context.Context, o *responders.Operation) error {
	c, err := b.readCase(ctx, o.CaseID)
	if err != nil {
		return err
	}
	if c.Finding == nil {
		return responders.Refuse("The case behind this is not kept any more.")
	}
	if b.acting.Confirm == nil {
		return responders.Refuse("Policy acts only on findings that GuardDuty confirms, and nothing is set up to ask it.")
	}
	real, err := b.acting.Confirm.Confirm(ctx, c.Finding)
	switch {
	case err != nil:
		return err
	case !real:
		b.log.Error("a finding that asked for evidence is not in GuardDuty: somebody may be writing to the queue", "case", c.Ref(), "finding", c.Finding.ID)
		return responders.Refuse("GuardDuty does not know this finding, or knows it for another instance. Somebody may be writing to the queue of findings.")
	}
	return nil
}
