package awsir

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/responders"
)

// SnapshotLock keeps snapshots from being deleted, by whoever controls the
// account too (EC2 API reference, LockSnapshot). The zero value locks nothing.
type SnapshotLock struct {
	Mode string // governance: who has the permission can unlock; compliance: nobody can
	Days int    // 1 to 36500, from when the snapshot is complete
}

// Check says what is wrong with a lock; nil when nothing is.
func (l SnapshotLock) Check() error {
	switch {
	case l == SnapshotLock{}:
		return nil
	case l.Mode != "governance" && l.Mode != "compliance":
		return fmt.Errorf("the mode is governance or compliance, not %q", l.Mode)
	case l.Days < 1 || l.Days > 36500:
		return errors.New("the number of days is 1 to 36500")
	}
	return nil
}

func (l SnapshotLock) on() bool { return l.Mode != "" }

// lockPending locks the snapshots while they are being made: until they are
// locked, whoever has taken over the account can delete them. What cannot be
// locked yet is locked when it is complete.
func (v *visit) lockPending(ctx context.Context, s snapshotting) (responders.Progress, error) {
	if _, err := v.lockSnapshots(ctx, s); err != nil && !final(err) {
		return responders.Progress{}, err
	}
	return v.underWay(s)
}

// lockComplete locks what is not locked yet, reads it back, and says what is
// not protected.
func (v *visit) lockComplete(ctx context.Context, s snapshotting) (responders.Progress, error) {
	open, err := v.lockSnapshots(ctx, s)
	if err != nil && !final(err) {
		return responders.Progress{}, err
	}
	if err == nil && len(open) > 0 {
		open, err = v.unlocked(ctx, s)
		if err != nil && !final(err) {
			return responders.Progress{}, err
		}
	}
	switch {
	case err != nil:
		v.still("The snapshots can be deleted by whoever controls the account: they could not be locked (%s).", errorCode(err))
	case len(open) > 0 && s.Rounds < maxRounds:
		s.Rounds++ // the answer lags, or somebody unlocks
		return responders.Progress{Again: 5 * time.Second}, enter(v.job, "locked", s)
	case len(open) > 0:
		v.still("The snapshots %s can be deleted: they are not locked as configured, although AWS took the lock. Look at CloudTrail for UnlockSnapshot.", strings.Join(open, ", "))
	default:
		v.note("the snapshots are locked for %d days (%s), read back", v.actor.config.Lock.Days, v.actor.config.Lock.Mode)
	}
	return responders.Progress{Done: true}, enter(v.job, phaseDone, s)
}

// lockSnapshots locks those that are not locked, and returns them. Locking
// again what is locked the same way changes nothing.
func (v *visit) lockSnapshots(ctx context.Context, s snapshotting) ([]string, error) {
	open, err := v.unlocked(ctx, s)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	c, err := v.write(ctx, v.mayLock())
	if err != nil {
		return open, err
	}
	var failed error
	for _, id := range open {
		err := v.once("ec2:LockSnapshot", func() (middleware.Metadata, error) {
			out, err := c.ec2.LockSnapshot(ctx, &ec2.LockSnapshotInput{SnapshotId: &id, LockMode: types.LockMode(v.actor.config.Lock.Mode), LockDuration: aws.Int32(int32(v.actor.config.Lock.Days))}) //nolint:gosec // at most 36500
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		})
		failpoint.Hit("snapshot.locked")
		if err != nil && (failed == nil || !final(err)) { // one that can be tried again counts
			failed = err
		}
	}
	return open, failed
}

// unlocked are the snapshots that are not locked at least as configured.
func (v *visit) unlocked(ctx context.Context, s snapshotting) ([]string, error) {
	c, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	var next *string
	locked := map[string]bool{}
	for {
		out, err := c.ec2.DescribeLockedSnapshots(ctx, &ec2.DescribeLockedSnapshotsInput{SnapshotIds: s.Snapshots, NextToken: next})
		if err != nil {
			return nil, fmt.Errorf("describe locked snapshots: %w", err)
		}
		for _, x := range out.Snapshots {
			firm := x.LockState == types.LockStateCompliance || x.LockState == types.LockStateComplianceCooloff || x.LockState == types.LockStateGovernance && v.actor.config.Lock.Mode == "governance"
			if firm && int(aws.ToInt32(x.LockDuration)) >= v.actor.config.Lock.Days {
				locked[aws.ToString(x.SnapshotId)] = true
			}
		}
		if next = out.NextToken; aws.ToString(next) == "" {
			return slices.DeleteFunc(slices.Clone(s.Snapshots), func(id string) bool { return locked[id] }), nil
		}
	}
}

// mayLock allows to lock what this job made.
func (v *visit) mayLock() responders.Permission {
	p := may([]string{v.arn("snapshot", "*")}, "ec2:LockSnapshot")
	p.Condition = map[string]map[string]string{"StringEquals": {"aws:ResourceTag/" + jobTag: v.job.ID}}
	return p
}
