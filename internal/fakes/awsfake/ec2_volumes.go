package awsfake

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

func ec2Volumes() map[string]operation {
	return map[string]operation{
		"DescribeVolumes":         {run: describeVolumes},
		"DescribeSnapshots":       {run: describeSnapshots},
		"DescribeLockedSnapshots": {run: describeLockedSnapshots},
		"LockSnapshot": {write: true, run: lockSnapshot, needs: func(c *Cloud, r *request) []Need {
			return []Need{r.ec2(c).need(r.Op, "snapshot", r.str("SnapshotId"))}
		}},
		"CreateSnapshots": {write: true, run: createSnapshots, needs: func(c *Cloud, r *request) []Need {
			s := r.ec2(c)
			out := append(s.made(r, r.Op, "snapshot"), s.need(r.Op, "instance", r.str("InstanceSpecification.InstanceId")))
			for _, v := range s.chosen(r) {
				out = append(out, s.need(r.Op, "volume", v.ID))
			}
			return out
		}},
	}
}

// Limits of snapshots (Amazon EBS quotas; EC2 API reference,
// InstanceSpecification).
const (
	maxPending  = 5
	maxExcluded = 40
)

func sorted[T any](m map[string]T) []T {
	var out []T
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[k])
	}
	return out
}

func (s *ec2State) volumesOf(instance string) []*Volume {
	return slices.DeleteFunc(sorted(s.volumes), func(v *Volume) bool { return v.Instance != instance })
}

// chosen are the volumes a CreateSnapshots is about.
func (s *ec2State) chosen(r *request) []*Volume {
	without := r.list("InstanceSpecification.ExcludeDataVolumeId")
	return slices.DeleteFunc(s.volumesOf(r.str("InstanceSpecification.InstanceId")), func(v *Volume) bool {
		return slices.Contains(without, v.ID) || v.Root && r.str("InstanceSpecification.ExcludeBootVolume") == "true"
	})
}

type wireVolume struct {
	ID        string             `xml:"volumeId"`
	Size      int                `xml:"size"`
	Status    string             `xml:"status"`
	Encrypted bool               `xml:"encrypted"`
	Key       string             `xml:"kmsKeyId,omitempty"`
	Attached  []wireVolumeAttach `xml:"attachmentSet>item"`
	Tags      []wireTag          `xml:"tagSet>item"`
}

type wireVolumeAttach struct {
	Instance string `xml:"instanceId"`
	Device   string `xml:"device"`
	Status   string `xml:"status"`
	Delete   bool   `xml:"deleteOnTermination"`
}

func describeVolumes(c *Cloud, r *request) (any, error) {
	s := r.ec2(c)
	found, err := selected(s, r, s.volumes, r.list("VolumeId"), "InvalidVolume.NotFound", func(v *Volume) map[string][]string {
		return map[string][]string{"volume-id": {v.ID}, "attachment.instance-id": {v.Instance}}
	}, func(v *Volume) map[string]string { return v.Tags })
	if err != nil {
		return nil, err
	}
	page, next, err := pageOf(r, found)
	if err != nil {
		return nil, err
	}
	var out struct {
		Volumes []wireVolume `xml:"volumeSet>item"`
		Next    string       `xml:"nextToken,omitempty"`
	}
	out.Next = next
	for _, v := range page {
		w := wireVolume{ID: v.ID, Size: v.Size, Status: "available", Encrypted: v.Encrypted, Key: v.KMSKey, Tags: wireTags(v.Tags)}
		if v.Instance != "" {
			w.Status, w.Attached = "in-use", []wireVolumeAttach{{v.Instance, v.Device, "attached", !v.Keep}}
		}
		out.Volumes = append(out.Volumes, w)
	}
	return out, nil
}

type wireSnapshot struct {
	ID        string    `xml:"snapshotId"`
	Volume    string    `xml:"volumeId"`
	Size      int       `xml:"volumeSize"`
	About     string    `xml:"description"`
	Encrypted bool      `xml:"encrypted"`
	Started   time.Time `xml:"startTime"`
	Progress  string    `xml:"progress"`
	Owner     string    `xml:"ownerId"`
	Tags      []wireTag `xml:"tagSet>item"`
	// The state has one name in the answer to CreateSnapshots and another in
	// that to DescribeSnapshots.
	State   string `xml:"state,omitempty"`
	Status  string `xml:"status,omitempty"`
	Message string `xml:"statusMessage,omitempty"`
}

func (s *ec2State) wireSnapshot(x *Snapshot) wireSnapshot {
	progress := "100%"
	if x.State != "completed" {
		progress = "12%"
	}
	return wireSnapshot{ID: x.ID, Volume: x.Volume, Size: x.Size, About: x.About, Encrypted: x.Encrypted, Started: x.Started, Progress: progress, Owner: s.account, Tags: wireTags(x.Tags)}
}

// age lets a snapshot become complete.
func (s *ec2State) age(x *Snapshot, now time.Time) {
	if x.State == "pending" && !now.Before(x.Started.Add(s.slow)) {
		x.State = "completed"
		if x.Message != "" {
			x.State = "error"
		}
	}
}

func createSnapshots(c *Cloud, r *request) (any, error) {
	s := r.ec2(c)
	id := r.str("InstanceSpecification.InstanceId")
	i := s.instances[id]
	volumes := s.chosen(r)
	switch {
	case i == nil:
		return nil, refuse("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
	case i.State == "terminated":
		return nil, refuse("IncorrectState", "The instance is terminated")
	case len(volumes) == 0:
		return nil, refuse("InvalidParameterValue", "The instance has no volumes to copy")
	case len(r.list("InstanceSpecification.ExcludeDataVolumeId")) > maxExcluded:
		return nil, refuse("InvalidParameterValue", "at most %d volumes can be excluded", maxExcluded)
	case len(r.str("Description")) > 255:
		return nil, refuse("InvalidParameterValue", "The description is too long")
	}
	message := ""
	for _, v := range volumes {
		pending := 0
		for _, x := range s.snapshots {
			if s.age(x, c.Now()); x.Volume == v.ID && x.State == "pending" {
				pending++
			}
		}
		if pending >= maxPending {
			return nil, refuse("ConcurrentSnapshotLimitExceeded", "Maximum allowed in-progress snapshots for a single volume exceeded.")
		}
		message = cmp.Or(message, s.failing[v.ID])
	}
	var out struct {
		Snapshots []wireSnapshot `xml:"snapshotSet>item"`
	}
	for _, v := range volumes {
		x := &Snapshot{ID: c.id("snap-"), Volume: v.ID, About: r.str("Description"), Size: v.Size, Encrypted: v.Encrypted, State: "pending", Message: message,
			Started: c.Now().Truncate(time.Second), Tags: r.specTags("snapshot")}
		if r.str("CopyTagsFromSource") == "volume" {
			for k, t := range v.Tags {
				if _, given := x.Tags[k]; !given {
					x.Tags[k] = t
				}
			}
		}
		s.snapshots[x.ID] = x
		s.hide(x.ID)
		w := s.wireSnapshot(x)
		w.State = x.State
		out.Snapshots = append(out.Snapshots, w)
	}
	return out, nil
}

func describeSnapshots(c *Cloud, r *request) (any, error) {
	s := r.ec2(c)
	found, err := selected(s, r, s.snapshots, r.list("SnapshotId"), "InvalidSnapshot.NotFound", func(x *Snapshot) map[string][]string {
		return map[string][]string{"snapshot-id": {x.ID}, "volume-id": {x.Volume}}
	}, func(x *Snapshot) map[string]string { return x.Tags })
	if err != nil {
		return nil, err
	}
	page, next, err := pageOf(r, found)
	if err != nil {
		return nil, err
	}
	var out struct {
		Snapshots []wireSnapshot `xml:"snapshotSet>item"`
		Next      string         `xml:"nextToken,omitempty"`
	}
	out.Next = next
	for _, x := range page {
		s.age(x, c.Now())
		w := s.wireSnapshot(x)
		w.Status = x.State
		if x.State == "error" {
			w.Message = x.Message
		}
		out.Snapshots = append(out.Snapshots, w)
	}
	return out, nil
}
