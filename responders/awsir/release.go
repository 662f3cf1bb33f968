package awsir

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/responders"
)

// releaseAction undoes an isolation, from its record alone.
type releaseAction struct{}

// releasing is the state of the job.
type releasing struct {
	Record string `json:"record"` // hash of the record
	Rounds int    `json:"rounds,omitempty"`
}

// The phases of release.
const (
	phaseRestore   = "restore"
	phaseRegister  = "register"
	phaseInService = "inservice"
	phaseUnprotect = "unprotect"
	phaseUnmark    = "unmark"
	phaseForget    = "forget"
)

func (releaseAction) step(ctx context.Context, v *visit) (responders.Progress, error) {
	s, err := load[releasing](v.job)
	if err != nil {
		return responders.Progress{}, err
	}
	o, hash, ok, err := v.record(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	if v.job.Phase == phaseForget {
		return v.forget(ctx, s, ok && hash == s.Record)
	}
	if !ok {
		return responders.Progress{}, responders.Refuse("There is no record that %s was isolated by the bot, so there is nothing to restore from. If it was isolated, look at the tags %s on its network interfaces.", v.job.Target.Instance, originalTag)
	}
	if v.job.Phase != "" && hash != s.Record {
		return responders.Progress{}, responders.Refuse("The record of the isolation is another one than at the start of this release: the instance was released and isolated again meanwhile. Ask again.")
	}
	i, err := v.look(ctx)
	gone := errors.Is(err, responders.ErrRefused) && i.InstanceId == nil || err == nil && i.State != nil && i.State.Name == types.InstanceStateNameTerminated
	if gone {
		v.note("the instance is gone: there is nothing to restore")
		v.skip("The instance no longer exists; its record was removed.")
		s.Record = hash
		return responders.Progress{}, enter(v.job, phaseForget, s)
	}
	if err != nil {
		return responders.Progress{}, err
	}
	switch v.job.Phase {
	case "":
		return v.beginRelease(ctx, o, hash, i)
	case phaseRestore:
		return v.restore(ctx, s, o)
	case phaseRegister:
		return v.register(ctx, s, o)
	case phaseInService:
		return v.inService(ctx, s, o)
	case phaseUnprotect:
		return v.unprotect(ctx, s, o, i)
	case phaseUnmark:
		return v.unmark(ctx, s)
	}
	return responders.Progress{}, responders.Refuse("The job is in phase %q, which is not known here.", v.job.Phase)
}

// restoration is what is to be done about one interface.
type restoration struct {
	nic
	want    []string // groups of the record that still exist, in order
	missing []string // groups of the record that do not
}

// restored says whether an interface has its groups: in their order or, once
// they have been set, in any. Nothing promises that AWS keeps the order, and
// it means nothing.
func (r restoration) restored(set bool) bool {
	if !set {
		return slices.Equal(r.Groups, r.want)
	}
	return slices.Equal(slices.Sorted(slices.Values(r.Groups)), slices.Sorted(slices.Values(r.want)))
}

// restorations compares the record with what is there. Notes name interfaces
// that are left alone.
func (v *visit) restorations(ctx context.Context, o original, hash string) (todo []restoration, notes []string, err error) {
	wanted, attached, err := v.recorded(ctx, o, hash)
	if err != nil {
		return nil, nil, err
	}
	var groups, ids []string
	for _, w := range wanted {
		groups = append(groups, w.Groups...)
		ids = append(ids, w.ID)
	}
	found, err := v.groupsBy(ctx, "group-id", groups...)
	if err != nil {
		return nil, nil, err
	}
	there, err := v.interfaces(ctx, "network-interface-id", ids...)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range wanted {
		at := slices.IndexFunc(there, func(n nic) bool { return n.ID == w.ID })
		switch {
		case at < 0:
			notes = append(notes, fmt.Sprintf("Interface %s no longer exists.", w.ID))
			continue
		case there[at].Instance != "" && there[at].Instance != v.job.Target.Instance:
			notes = append(notes, fmt.Sprintf("Interface %s is attached to %s now and was left alone.", w.ID, there[at].Instance))
			continue
		case there[at].Fixed != "":
			notes = append(notes, fmt.Sprintf("Interface %s was left alone: %s.", w.ID, there[at].Fixed))
			continue
		}
		r := restoration{nic: there[at]}
		for _, g := range w.Groups {
			if slices.ContainsFunc(found, func(x types.SecurityGroup) bool { return aws.ToString(x.GroupId) == g }) {
				r.want = append(r.want, g)
			} else {
				r.missing = append(r.missing, g)
			}
		}
		todo = append(todo, r)
	}
	for _, n := range attached {
		if !slices.Contains(ids, n.ID) {
			notes = append(notes, fmt.Sprintf("Interface %s is in no record and was left alone; it has %s.", n.ID, strings.Join(n.Groups, ", ")))
		}
	}
	return todo, notes, nil
}

// recorded returns all interfaces on record, those attached late included, and
// those attached now.
func (v *visit) recorded(ctx context.Context, o original, hash string) ([]wiring, []nic, error) {
	attached, err := v.nics(ctx)
	if err != nil {
		return nil, nil, err
	}
	all := slices.Clone(o.Interfaces)
	for _, n := range attached {
		if _, known := o.wiring(n.ID); known {
			continue
		}
		w, ok, err := v.late(ctx, hash, n.ID)
		if err != nil {
			return nil, nil, err
		}
		if ok {
			all = append(all, w)
		}
	}
	return all, attached, nil
}

// unrestorable refuses when an interface would be left without any of its
// groups: what it should have then is for a person to say.
func unrestorable(todo []restoration) error {
	for _, r := range todo {
		if len(r.want) == 0 {
			return responders.Refuse("Interface %s had only groups that no longer exist (%s). Nothing was changed. Give it a group by hand, or delete the interface, and ask again.", r.ID, strings.Join(r.missing, ", "))
		}
	}
	return nil
}

func (v *visit) beginRelease(ctx context.Context, o original, hash string, i types.Instance) (responders.Progress, error) {
	if err := v.trusted(hash, i); err != nil {
		return responders.Progress{}, err
	}
	todo, _, err := v.restorations(ctx, o, hash)
	if err != nil {
		return responders.Progress{}, err
	}
	if err := unrestorable(todo); err != nil {
		return responders.Progress{}, err
	}
	v.facts(i, nil)
	v.job.Manifest.Before = asJSON(todoAsWiring(todo))
	return responders.Progress{}, enter(v.job, phaseRestore, releasing{Record: hash})
}

func todoAsWiring(todo []restoration) []wiring {
	var out []wiring
	for _, r := range todo {
		out = append(out, wiring{r.ID, r.VPC, r.Groups})
	}
	return out
}

// trusted compares the record with the hash that isolate left on the instance.
// Tags that were removed do not stop a release; a hash that differs does.
func (v *visit) trusted(hash string, i types.Instance) error {
	if left := tagOf(i.Tags, recordTag); left != "" && left != hash {
		return responders.Refuse("The record of the isolation does not have the hash that the tag %s on the instance names: one of them was changed. Nothing was restored. Compare the record with the tags %s on the interfaces; remove the tag %s if the record is right, and ask again.", recordTag, originalTag, recordTag)
	}
	return nil
}

// restore gives every interface its groups back, in their order, until all
// have them.
func (v *visit) restore(ctx context.Context, s releasing, o original) (responders.Progress, error) {
	todo, notes, err := v.restorations(ctx, o, s.Record)
	if err != nil {
		return responders.Progress{}, err
	}
	if err := unrestorable(todo); err != nil {
		return responders.Progress{}, err
	}
	pending := slices.DeleteFunc(slices.Clone(todo), func(r restoration) bool { return r.restored(s.Rounds > 0) })
	if len(pending) == 0 {
		for _, line := range notes {
			v.job.Still = add(v.job.Still, line)
		}
		for _, r := range todo {
			if len(r.missing) > 0 {
				v.still("Interface %s did not get back %s: no longer there.", r.ID, strings.Join(r.missing, ", "))
			}
		}
		v.job.Manifest.After = asJSON(todoAsWiring(todo))
		v.note("%d network interfaces have their groups back, read back", len(todo))
		failpoint.Hit("release.restored")
		return responders.Progress{}, enter(v.job, phaseRegister, s)
	}
	if s.Rounds++; s.Rounds > maxRounds {
		return responders.Progress{}, responders.Doubt("The groups of %s do not stay as they are restored: somebody else changes them. The record is kept. Look at CloudTrail for ModifyNetworkInterfaceAttribute.", v.job.Target.Instance)
	}
	if err := v.giveBack(ctx, pending); err != nil {
		return responders.Progress{}, err
	}
	return responders.Progress{Again: time.Second}, enter(v.job, phaseRestore, s) // read back in the next step
}

func (v *visit) giveBack(ctx context.Context, pending []restoration) error {
	var failed, refusals []error
	for _, r := range pending {
		c, err := v.write(ctx, v.mayChangeGroups([]nic{r.nic}, r.want)...)
		if err != nil {
			return err
		}
		err = v.setGroups(ctx, c, r.ID, r.want)
		failpoint.Hit("release.interface")
		switch {
		case isCode(err, "InvalidNetworkInterfaceID.NotFound", "InvalidGroup.NotFound"): // changed meanwhile: seen when read back
		case final(err) && !denied(err):
			refusals = append(refusals, responders.Refuse("AWS refused to give interface %s its groups back (%s). The record is kept: release again when that is mended.", r.ID, errorCode(err)))
		case err != nil:
			failed = append(failed, fmt.Errorf("restore %s: %w", r.ID, err))
		}
	}
	if len(failed) == 0 && len(refusals) > 0 {
		return refusals[0]
	}
	return errors.Join(failed...) // what AWS refused is refused again when the rest is done
}
