package awsir

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go/middleware"

	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/responders"
)

// unrevoking is the state of the job.
type unrevoking struct {
	Record string `json:"record"` // hash of the record
	Rounds int    `json:"rounds,omitempty"`
}

// phaseDelete is until the policy is gone; phaseForget follows.
const phaseDelete = "delete"

func (unrevokeAction) step(ctx context.Context, v *visit) (responders.Progress, error) {
	s, err := load[unrevoking](v.job)
	if err != nil {
		return responders.Progress{}, err
	}
	r, hash, ok, err := v.revocation(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	if v.job.Phase == phaseForget {
		return v.forgetRevocation(ctx, ok && hash == s.Record)
	}
	if !ok {
		return responders.Progress{}, nothingRevoked(v.job.Target)
	}
	switch v.job.Phase {
	case "":
		v.fact("role", r.Role.Name)
		v.job.Manifest.Before = asJSON(r)
		return responders.Progress{}, enter(v.job, phaseDelete, unrevoking{Record: hash})
	case phaseDelete:
	default:
		return responders.Progress{}, responders.Refuse("The job is in phase %q, which is not known here.", v.job.Phase)
	}
	if hash != s.Record {
		return responders.Progress{}, responders.Refuse("The record of the revocation is another one than at the start: it was taken back and made again meanwhile. Ask again.")
	}
	return v.deleteDenial(ctx, s, r)
}

// deleteDenial deletes the policy, and goes on when it is read to be gone.
func (v *visit) deleteDenial(ctx context.Context, s unrevoking, r revocation) (responders.Progress, error) {
	_, there, err := v.denial(ctx, r)
	if err != nil {
		return responders.Progress{}, err
	}
	if !there {
		return responders.Progress{}, enter(v.job, phaseForget, s)
	}
	if s.Rounds++; s.Rounds > maxRounds {
		return responders.Progress{}, responders.Doubt("The policy %s of the role %s is there again and again after it was deleted: somebody puts it back. The record is kept. Look at CloudTrail for PutRolePolicy.", policyName(v.job.Target), r.Role.Name)
	}
	c, err := v.write(ctx, may([]string{r.Role.ARN}, "iam:DeleteRolePolicy"))
	if err != nil {
		return responders.Progress{}, err
	}
	name := policyName(v.job.Target)
	err = v.once("iam:DeleteRolePolicy", func() (middleware.Metadata, error) {
		out, err := iam.NewFromConfig(c.config).DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &r.Role.Name, PolicyName: &name})
		if err != nil {
			return middleware.Metadata{}, err
		}
		return out.ResultMetadata, nil
	})
	failpoint.Hit("unrevoke.deleted")
	switch {
	case isCode(err, "NoSuchEntity"): // seen in the next step
	case final(err) && !denied(err) && !isCode(err, "ConcurrentModification"):
		return responders.Progress{}, responders.Refuse("AWS refused to delete the policy %s of the role %s (%s). The record is kept: ask again when that is mended.", name, r.Role.Name, errorCode(err))
	case err != nil:
		return responders.Progress{}, fmt.Errorf("delete the policy of the role: %w", err)
	}
	return responders.Progress{Again: time.Second}, enter(v.job, phaseDelete, s) // read back in the next step
}

// forgetRevocation removes the record: last, so that what was broken off can
// start again. A record made since stays.
func (v *visit) forgetRevocation(ctx context.Context, mine bool) (responders.Progress, error) {
	if mine {
		if err := v.actor.deps.Records.Delete(ctx, revocationKey(v.job.Target)); err != nil {
			return responders.Progress{}, fmt.Errorf("remove the record of the revocation: %w", err)
		}
	}
	failpoint.Hit("unrevoke.forgotten")
	v.note("the policy is gone; the record is removed")
	return responders.Progress{Done: true}, enter(v.job, phaseDone, unrevoking{})
}
