package awsir

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/responders"
)

// snapshotAction copies all volumes of an instance in one call, so that they
// show one point in time (EC2 API reference, CreateSnapshots).
type snapshotAction struct{}

// snapshotting is the state of the job.
type snapshotting struct {
	Volumes   []string  `json:"volumes,omitempty"`
	Snapshots []string  `json:"snapshots,omitempty"`
	Attempt   int       `json:"attempt,omitempty"`
	Since     time.Time `json:"since,omitzero"`      // when the snapshots were made
	Rounds    int       `json:"rounds,omitempty"`    // how often a lock was not there when read back
	Described int       `json:"described,omitempty"` // how often the description could not be stored
}

// maxAttempts is how often AWS is asked to make snapshots.
const maxAttempts = 3

func (snapshotAction) plan(ctx context.Context, v *visit, p *responders.Plan) error {
	i, err := v.look(ctx)
	if err != nil {
		return err
	}
	v.facts(i, p)
	vols, err := v.copyable(ctx, i)
	if errors.Is(err, responders.ErrRefused) {
		p.Refusal = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	gib := int32(0)
	var ids []string
	for _, x := range vols {
		gib += aws.ToInt32(x.Size)
		ids = append(ids, aws.ToString(x.VolumeId))
		kind := "not encrypted"
		if aws.ToBool(x.Encrypted) {
			kind = "encrypted with " + cmp.Or(aws.ToString(x.KmsKeyId), "a key")
		}
		p.Facts = append(p.Facts, responders.Fact{Label: "volume", Value: fmt.Sprintf("%s, %d GiB, %s", aws.ToString(x.VolumeId), aws.ToInt32(x.Size), kind)})
	}
	p.Steps = []string{fmt.Sprintf("copy %d volumes, %d GiB together, at one point in time", len(vols), gib), "wait until the snapshots are complete, and list them as evidence"}
	if l := v.actor.config.Lock; l.on() {
		p.Steps = append(p.Steps, fmt.Sprintf("lock the snapshots for %d days (%s)", l.Days, l.Mode))
	}
	if v.actor.deps.Evidence != nil {
		p.Steps = append(p.Steps, describes)
	}
	p.Warn = v.notCovered(i)
	c, err := v.write(ctx, v.maySnapshot(ids)...)
	if err != nil {
		return err
	}
	in := v.snapshotInput()
	in.DryRun = aws.Bool(true)
	_, err = c.ec2.CreateSnapshots(ctx, in)
	return rehearse(err)
}

func (snapshotAction) step(ctx context.Context, v *visit) (responders.Progress, error) {
	s, err := load[snapshotting](v.job)
	if err != nil {
		return responders.Progress{}, err
	}
	switch v.job.Phase {
	case "":
		return v.beginSnapshots(ctx)
	case "create":
		return v.createSnapshots(ctx, s)
	case "lock":
		return v.lockPending(ctx, s)
	case "describe":
		if again := v.describe(ctx, &s.Described); again {
			return responders.Progress{Again: 5 * time.Second}, enter(v.job, "describe", s)
		}
		return responders.Progress{}, enter(v.job, "wait", s)
	case "wait":
		return v.awaitSnapshots(ctx, s)
	case "locked":
		return v.lockComplete(ctx, s)
	}
	return responders.Progress{}, responders.Refuse("The job is in phase %q, which is not known here.", v.job.Phase)
}

// copyable returns the volumes, or refuses when there is nothing to copy.
func (v *visit) copyable(ctx context.Context, i types.Instance) ([]types.Volume, error) {
	if err := untouchable(i); err != nil {
		return nil, err
	}
	vols, err := v.volumes(ctx)
	if err != nil {
		return nil, err
	}
	if i.State != nil && (i.State.Name == types.InstanceStateNameTerminated || i.State.Name == types.InstanceStateNameShuttingDown) {
		var kept []string
		for _, x := range vols {
			kept = append(kept, aws.ToString(x.VolumeId))
		}
		rest := "No volume is attached to it any more: look for detached volumes by their tags, for earlier snapshots, and in the Recycle Bin."
		if len(kept) > 0 {
			rest = "Still attached are " + strings.Join(kept, ", ") + ": copy those by hand, at once."
		}
		return nil, responders.Refuse("The instance is %s. %s", i.State.Name, rest)
	}
	if len(vols) == 0 {
		return nil, responders.Refuse("The instance has no EBS volume. What is on instance store volumes cannot be copied this way.")
	}
	return vols, nil
}

// notCovered says what snapshots do not contain.
func (v *visit) notCovered(i types.Instance) []string {
	out := []string{"Not covered: memory, data not yet written to disk, instance store volumes (lost when it stops), network file systems."}
	if i.HibernationOptions != nil && aws.ToBool(i.HibernationOptions.Configured) {
		out = append(out, "The instance can hibernate: an instance started from these snapshots may not boot.")
	}
	if i.InstanceLifecycle == types.InstanceLifecycleTypeSpot {
		out = append(out, "It is a Spot instance and may be gone within two minutes' notice.")
	}
	return out
}

func (v *visit) beginSnapshots(ctx context.Context) (responders.Progress, error) {
	i, err := v.look(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	vols, err := v.copyable(ctx, i)
	if err != nil {
		return responders.Progress{}, err
	}
	v.facts(i, nil)
	var s snapshotting
	for _, x := range vols {
		s.Volumes = append(s.Volumes, aws.ToString(x.VolumeId))
	}
	for _, w := range v.notCovered(i) {
		v.skip(w)
	}
	return responders.Progress{}, enter(v.job, "create", s)
}

// createSnapshots makes the snapshots unless they are there. The call has no
// idempotency token: each attempt is announced in Records first, and after an
// attempt whose outcome is not known snapshots are looked for by the job's tag
// for a while before the next.
func (v *visit) createSnapshots(ctx context.Context, s snapshotting) (responders.Progress, error) {
	found, err := v.snapshotsByTag(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	if len(found) > 0 {
		return v.adoptSnapshots(s, found)
	}
	for n := 1; n <= maxAttempts; n++ {
		key := "snapshot/" + v.job.ID + "/" + strconv.Itoa(n)
		body, err := json.Marshal(v.now)
		if err != nil {
			return responders.Progress{}, err
		}
		err = v.actor.deps.Records.Put(ctx, key, body)
		if err == nil {
			failpoint.Hit("snapshot.intended")
			return v.callSnapshots(ctx, s, key)
		}
		if !errors.Is(err, ErrExists) {
			return responders.Progress{}, fmt.Errorf("announce the snapshots: %w", err)
		}
		announced, ok, err := v.actor.deps.Records.Get(ctx, key)
		var at time.Time
		if err != nil || !ok || json.Unmarshal(announced, &at) != nil {
			return responders.Progress{}, fmt.Errorf("read the announcement of the snapshots: %w", cmp.Or(err, errors.New("it is not there")))
		}
		if v.now.Sub(at) < v.actor.config.Settle {
			return responders.Progress{Again: 5 * time.Second}, nil
		}
	}
	return responders.Progress{}, responders.Doubt("AWS was asked %d times to make snapshots and none can be found. Look in account %s, region %s, for snapshots with the tag %s = %s.",
		maxAttempts, v.job.Target.Account, v.job.Target.Region, jobTag, v.job.ID)
}

func (v *visit) snapshotInput() *ec2.CreateSnapshotsInput {
	return &ec2.CreateSnapshotsInput{InstanceSpecification: &types.InstanceSpecification{InstanceId: &v.job.Target.Instance},
		Description:       aws.String("securitybot " + v.job.Case + " job " + v.job.ID),
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSnapshot, Tags: asTags(v.tags())}}}
}

func (v *visit) callSnapshots(ctx context.Context, s snapshotting, intent string) (responders.Progress, error) {
	i, err := v.look(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	if _, err := v.copyable(ctx, i); err != nil {
		return responders.Progress{}, err
	}
	c, err := v.write(ctx, v.maySnapshot(s.Volumes)...)
	if err != nil {
		return responders.Progress{}, err
	}
	out, err := c.ec2.CreateSnapshots(ctx, v.snapshotInput())
	if out == nil {
		out = &ec2.CreateSnapshotsOutput{}
	}
	v.did("ec2:CreateSnapshots", out.ResultMetadata, err)
	failpoint.Hit("snapshot.created")
	if err != nil {
		return v.notSnapshotted(ctx, intent, err)
	}
	var made []types.Snapshot
	for _, x := range out.Snapshots {
		made = append(made, types.Snapshot{SnapshotId: x.SnapshotId, VolumeId: x.VolumeId, StartTime: x.StartTime})
	}
	return v.adoptSnapshots(s, made)
}

// notSnapshotted takes an announcement back when AWS said clearly that it did
// nothing.
func (v *visit) notSnapshotted(ctx context.Context, intent string, err error) (responders.Progress, error) {
	if !refused(err) {
		return responders.Progress{}, fmt.Errorf("create snapshots: %w", err)
	}
	if err := v.actor.deps.Records.Delete(ctx, intent); err != nil {
		return responders.Progress{}, fmt.Errorf("take back the announcement of the snapshots: %w", err)
	}
	switch {
	case isCode(err, "ConcurrentSnapshotLimitExceeded"):
		v.note("a volume has as many snapshots under way as AWS allows; waiting")
		return responders.Progress{Again: time.Minute}, nil
	case final(err) && !denied(err):
		return responders.Progress{}, responders.Refuse("AWS refused to copy the volumes (%s). Nothing was changed.", errorCode(err))
	}
	return responders.Progress{}, fmt.Errorf("create snapshots: %w", err)
}

// adoptSnapshots goes on with snapshots that exist.
func (v *visit) adoptSnapshots(s snapshotting, found []types.Snapshot) (responders.Progress, error) {
	s.Since = aws.ToTime(found[0].StartTime)
	for _, x := range found {
		s.Snapshots = append(s.Snapshots, aws.ToString(x.SnapshotId))
	}
	slices.Sort(s.Snapshots)
	v.note("%d snapshots are under way", len(s.Snapshots))
	if v.actor.config.Lock.on() {
		return responders.Progress{}, enter(v.job, "lock", s)
	}
	return v.underWay(s)
}

// underWay goes on when there is nothing more to do about the snapshots but to
// wait: that is the time to keep what else there is.
func (v *visit) underWay(s snapshotting) (responders.Progress, error) {
	if v.actor.deps.Evidence != nil {
		return responders.Progress{}, enter(v.job, "describe", s)
	}
	return responders.Progress{Again: 5 * time.Second}, enter(v.job, "wait", s)
}

func (v *visit) snapshotsByTag(ctx context.Context) ([]types.Snapshot, error) {
	return v.snapshots(ctx, &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"}, Filters: []types.Filter{{Name: aws.String("tag:" + jobTag), Values: []string{v.job.ID}}}})
}

func (v *visit) snapshots(ctx context.Context, in *ec2.DescribeSnapshotsInput) ([]types.Snapshot, error) {
	c, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	var out []types.Snapshot
	pages := ec2.NewDescribeSnapshotsPaginator(c.ec2, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe snapshots: %w", err)
		}
		out = append(out, page.Snapshots...)
	}
	return out, nil
}
