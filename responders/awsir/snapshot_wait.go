package awsir

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/securitybot/securitybot/responders"
)

// awaitSnapshots looks whether the snapshots are complete. A first snapshot of
// a large volume takes hours, so there is no limit but the runner's.
func (v *visit) awaitSnapshots(ctx context.Context, s snapshotting) (responders.Progress, error) {
	found, err := v.snapshots(ctx, &ec2.DescribeSnapshotsInput{SnapshotIds: s.Snapshots})
	if isCode(err, "InvalidSnapshot.NotFound") {
		if v.now.Sub(s.Since) < 5*v.actor.config.Settle {
			return responders.Progress{Again: 5 * time.Second}, nil // not visible yet
		}
		return responders.Progress{}, responders.Doubt("Snapshots of this job have disappeared: of %s at least one is not there. Somebody may have deleted it; look at CloudTrail for DeleteSnapshot.", strings.Join(s.Snapshots, ", "))
	}
	if err != nil {
		return responders.Progress{}, err
	}
	var failed, pending []string
	for _, x := range found {
		switch x.State {
		case types.SnapshotStateCompleted:
		case types.SnapshotStateError:
			failed = append(failed, fmt.Sprintf("%s of %s: %s", aws.ToString(x.SnapshotId), aws.ToString(x.VolumeId), aws.ToString(x.StateMessage)))
		default:
			pending = append(pending, aws.ToString(x.SnapshotId)+" "+aws.ToString(x.Progress))
		}
	}
	if len(pending) > 0 || len(found) < len(s.Snapshots) {
		return responders.Progress{Again: patience(v.now.Sub(s.Since))}, nil
	}
	v.listSnapshots(found)
	if missing := v.missing(s.Volumes, found); len(failed) == 0 && len(missing) > 0 {
		v.skip("No snapshot was made of " + strings.Join(missing, ", ") + ".")
	}
	if len(failed) > 0 {
		v.note("snapshots failed: %s", strings.Join(failed, "; "))
		return responders.Progress{}, responders.Refuse("AWS could not complete the snapshots (when one of a set fails, all do): %s. The instance was not changed. Ask again, or copy the volumes one by one.", strings.Join(failed, "; "))
	}
	v.note("%d snapshots are complete", len(found))
	if v.actor.config.Lock.on() {
		return responders.Progress{}, enter(v.job, "locked", s)
	}
	return responders.Progress{Done: true}, enter(v.job, phaseDone, s)
}

// patience is how long to wait before looking again at something that has
// taken so long already: from 5 seconds to a minute.
func patience(sofar time.Duration) time.Duration {
	return min(max(5*time.Second, sofar/4), time.Minute)
}

// listSnapshots puts the snapshots that are complete into the manifest, before
// the rest.
func (v *visit) listSnapshots(found []types.Snapshot) {
	var out []responders.Artifact
	for _, x := range found {
		if x.State != types.SnapshotStateCompleted {
			continue
		}
		out = append(out, responders.Artifact{Kind: KindSnapshot, URI: v.arn("snapshot", aws.ToString(x.SnapshotId)), Size: int64(aws.ToInt32(x.VolumeSize)) << 30,
			Note: "of " + aws.ToString(x.VolumeId), At: aws.ToTime(x.StartTime)})
	}
	slices.SortFunc(out, func(a, b responders.Artifact) int { return strings.Compare(a.URI, b.URI) })
	v.job.Manifest.Artifacts = append(out, slices.DeleteFunc(v.job.Manifest.Artifacts, func(a responders.Artifact) bool { return a.Kind == KindSnapshot })...)
}

// missing are the volumes without a snapshot.
func (v *visit) missing(volumes []string, found []types.Snapshot) []string {
	return slices.DeleteFunc(slices.Clone(volumes), func(id string) bool {
		return slices.ContainsFunc(found, func(x types.Snapshot) bool { return aws.ToString(x.VolumeId) == id })
	})
}
