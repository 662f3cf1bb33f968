package awsfake

import (
	"strconv"
	"time"
)

// Locks of snapshots (EC2 API reference, LockSnapshot).

func lockSnapshot(c *Cloud, r *request) (any, error) {
	s := r.ec2(c)
	id, mode := r.str("SnapshotId"), r.str("LockMode")
	days, err := strconv.Atoi(r.str("LockDuration"))
	x := s.snapshots[id]
	switch {
	case x == nil:
		return nil, refuse("InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", id)
	case mode != "governance" && mode != "compliance":
		return nil, refuse("InvalidParameterValue", "Value (%s) for parameter LockMode is invalid.", mode)
	case r.has("ExpirationDate") || err != nil || days < 1 || days > 36500:
		return nil, refuse("InvalidParameterValue", "LockDuration is from 1 to 36500 days")
	case r.has("CoolOffPeriod") && mode == "governance":
		return nil, refuse("InvalidParameterCombination", "CoolOffPeriod is for the compliance mode only")
	case x.State == "error":
		return nil, refuse("IncorrectState", "The snapshot is in state error")
	case x.LockMode == "compliance" && (mode != "compliance" || days < x.LockDays):
		return nil, refuse("OperationNotPermitted", "The lock of a snapshot in compliance mode can only be extended")
	}
	if s.age(x, c.Now()); s.lateLocks && x.State == "pending" {
		return nil, refuse("IncorrectState", "The snapshot is not complete")
	}
	x.LockMode, x.LockDays = mode, days
	return x.wireLock(s.account), nil
}

type wireLock struct {
	ID      string    `xml:"snapshotId"`
	Owner   string    `xml:"ownerId"`
	State   string    `xml:"lockState"`
	Days    int       `xml:"lockDuration"`
	Expires time.Time `xml:"lockExpiresOn"`
}

func (x *Snapshot) wireLock(owner string) wireLock {
	return wireLock{x.ID, owner, x.LockMode, x.LockDays, x.Started.AddDate(0, 0, x.LockDays)}
}

func describeLockedSnapshots(c *Cloud, r *request) (any, error) {
	s := r.ec2(c)
	var out struct {
		Snapshots []wireLock `xml:"snapshotSet>item"`
	}
	for _, id := range r.list("SnapshotId") {
		x := s.snapshots[id]
		if x == nil {
			return nil, refuse("InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", id)
		}
		if x.LockMode != "" {
			out.Snapshots = append(out.Snapshots, x.wireLock(s.account))
		}
	}
	return out, nil
}

// LateLocks refuses to lock snapshots that are not complete.
func (c *Cloud) LateLocks(account, region string) {
	c.look(account, region, func(s *ec2State) { s.lateLocks = true })
}

// EditSnapshot changes a snapshot behind everybody's back.
func (c *Cloud) EditSnapshot(account, region, id string, f func(*Snapshot)) {
	c.look(account, region, func(s *ec2State) { f(s.snapshots[id]) })
}
