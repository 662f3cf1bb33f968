package awsir

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go/middleware"

	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/responders"
)

// revokeAction ends the sessions that an instance has had of its role, and with
// them what was taken from it: a policy on the role denies everything to
// credentials of this instance that were issued before now. Other instances of
// the role go on (docs/adr/0019-revocation.md).
type revokeAction struct{}

// revoking is the state of the job.
type revoking struct {
	Record string    `json:"record,omitempty"` // hash of the record the job works with
	Before time.Time `json:"before,omitzero"`  // credentials issued before are denied
	Rounds int       `json:"rounds,omitempty"` // how often the policy was not there when read back
	Quiet  bool      `json:"quiet,omitempty"`  // one reading has found it
}

// The phases of revoke.
const (
	phasePut  = "put"
	phaseHold = "hold" // the policy is read back
)

func (revokeAction) step(ctx context.Context, v *visit) (responders.Progress, error) {
	s, err := load[revoking](v.job)
	if err != nil {
		return responders.Progress{}, err
	}
	switch v.job.Phase {
	case "":
		return v.recordRevocation(ctx)
	case phasePut, phaseHold:
	default:
		return responders.Progress{}, responders.Refuse("The job is in phase %q, which is not known here.", v.job.Phase)
	}
	r, hash, ok, err := v.revocation(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	if !ok || hash != s.Record {
		return responders.Progress{}, responders.Refuse("The revocation was taken back while this one was under way. Ask again if the credentials should be revoked.")
	}
	if v.job.Phase == phasePut {
		return v.putDenial(ctx, s, r)
	}
	return v.holdDenial(ctx, s, r)
}

// lookRevocable looks at the instance and finds its role, or refuses.
func (v *visit) lookRevocable(ctx context.Context) (types.Instance, instanceRole, error) {
	i, err := v.look(ctx)
	if err != nil {
		return i, instanceRole{}, err
	}
	role, err := v.revocable(ctx, i)
	return i, role, err
}

// revocable finds the role of the instance, or refuses.
func (v *visit) revocable(ctx context.Context, i types.Instance) (instanceRole, error) {
	if err := untouchable(i); err != nil {
		return instanceRole{}, err
	}
	return v.roleOf(ctx, i)
}

// recordRevocation writes down what is about to be put where, before it is.
// Where there is a record already that one stays: its policy gets a later date.
func (v *visit) recordRevocation(ctx context.Context) (responders.Progress, error) {
	i, role, err := v.lookRevocable(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	r, hash, ok, err := v.revocation(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	v.facts(i, nil)
	if !ok {
		if err := v.unclaimed(ctx, role); err != nil {
			return responders.Progress{}, err
		}
		r = revocation{Version: recordVersion, Job: v.job.ID, Case: v.job.Case, Target: v.job.Target, At: v.now, Role: role}
		var body []byte
		if body, hash, err = seal(r); err != nil {
			return responders.Progress{}, err
		}
		err = v.actor.deps.Records.Put(ctx, revocationKey(v.job.Target), body)
		if errors.Is(err, ErrExists) {
			return responders.Progress{}, nil // somebody was quicker: read theirs
		}
		if err != nil {
			return responders.Progress{}, fmt.Errorf("store the record of the revocation: %w", err)
		}
	}
	failpoint.Hit("revoke.recorded")
	if err := r.fits(role); err != nil {
		return responders.Progress{}, err
	}
	v.fact("role", role.Name)
	v.fact("role id", role.ID)
	// A credential of this very second is denied, too.
	return responders.Progress{}, enter(v.job, phasePut, revoking{Record: hash, Before: v.now.Truncate(time.Second).Add(time.Second)})
}

// putDenial puts the policy on the role. The same call again changes nothing.
func (v *visit) putDenial(ctx context.Context, s revoking, r revocation) (responders.Progress, error) {
	_, role, err := v.lookRevocable(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	if err := r.fits(role); err != nil {
		return responders.Progress{}, err
	}
	have, there, err := v.denial(ctx, r)
	if err != nil {
		return responders.Progress{}, err
	}
	if there && !have.Before(s.Before) {
		return responders.Progress{}, enter(v.job, phaseHold, s)
	}
	c, err := v.write(ctx, may([]string{role.ARN}, "iam:PutRolePolicy"))
	if err != nil {
		return responders.Progress{}, err
	}
	name, text := policyName(v.job.Target), r.document(s.Before)
	err = v.once("iam:PutRolePolicy", func() (middleware.Metadata, error) {
		out, err := iam.NewFromConfig(c.config).PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &role.Name, PolicyName: &name, PolicyDocument: &text})
		if err != nil {
			return middleware.Metadata{}, err
		}
		return out.ResultMetadata, nil
	})
	failpoint.Hit("revoke.put")
	if final(err) && !isCode(err, "ConcurrentModification") {
		return responders.Progress{}, v.notDenied(ctx, r, there, err)
	}
	if err != nil {
		return responders.Progress{}, fmt.Errorf("put the policy on the role: %w", err)
	}
	v.note("the role %s denies everything to credentials that %s got before %s", role.Name, v.job.Target.Instance, s.Before.Format(time.RFC3339))
	return responders.Progress{Again: time.Second}, enter(v.job, phaseHold, s)
}

// notDenied says why AWS did not take the policy. Then there is nothing to take
// back, unless an earlier one is there.
func (v *visit) notDenied(ctx context.Context, r revocation, there bool, err error) error {
	if !there && r.Job == v.job.ID {
		if err := v.actor.deps.Records.Delete(ctx, revocationKey(v.job.Target)); err != nil {
			return fmt.Errorf("remove the record of the revocation: %w", err)
		}
	}
	switch {
	case denied(err):
		return err
	case isCode(err, "LimitExceeded"):
		return responders.Refuse("The policies within the role %s are as long as AWS allows, so none could be added. Nothing was changed. Use “Revoke active sessions” of the IAM console after shortening one, or replace the instance's profile.", r.Role.Name)
	}
	return responders.Refuse("AWS did not take the policy for the role %s (%s). Nothing was changed.", r.Role.Name, errorCode(err))
}

// holdDenial reads the policy back, twice some seconds apart.
func (v *visit) holdDenial(ctx context.Context, s revoking, r revocation) (responders.Progress, error) {
	have, there, err := v.denial(ctx, r)
	if err != nil {
		return responders.Progress{}, err
	}
	if !there || have.Before(s.Before) {
		if s.Rounds++; s.Rounds > maxRounds {
			return responders.Progress{}, responders.Doubt("The revocation does not hold: the policy %s of the role %s is not there when it is read back, again and again. Somebody removes it (a deployment tool, or the attacker). Look at CloudTrail for DeleteRolePolicy.", policyName(v.job.Target), r.Role.Name)
		}
		s.Quiet = false
		return responders.Progress{Again: 2 * time.Second}, enter(v.job, phasePut, s)
	}
	if !s.Quiet {
		s.Quiet = true
		return responders.Progress{Again: settle}, enter(v.job, phaseHold, s)
	}
	failpoint.Hit("revoke.held")
	v.job.Manifest.After = asJSON(map[string]string{"role": r.Role.ARN, "policy": policyName(v.job.Target), "document": r.document(have)})
	for _, line := range stillUsable {
		v.still("%s", line)
	}
	v.note("the policy was read back twice")
	return responders.Progress{Done: true}, enter(v.job, phaseDone, s)
}

// stillUsable is what a revocation does not end (IAM user guide, "Revoke IAM
// role temporary security credentials").
var stillUsable = []string{
	"It takes up to some minutes until the denial works everywhere.",
	"Credentials that the instance gets from now on are valid. Isolate it too: whoever is on it takes new ones otherwise.",
	"Sessions of other roles that were opened with the credentials, keys that lie on its disk, and the roles of tasks and pods on it are not revoked.",
}
