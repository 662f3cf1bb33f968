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

	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/responders"
)

// isolateAction leaves an instance without any group that lets traffic in or
// out. The phases are in the package's description.
type isolateAction struct{}

// isolation is the state of the job.
type isolation struct {
	Record string            `json:"record,omitempty"` // hash of the record the job works with
	Groups map[string]string `json:"groups,omitempty"` // isolation group by VPC
	Fixed  map[string]string `json:"fixed,omitempty"`  // interfaces that cannot be changed, and why
	Rounds int               `json:"rounds,omitempty"` // how often verification found something to do
	Quiet  bool              `json:"quiet,omitempty"`  // one verification has found nothing
}

// The phases of isolate.
const (
	phaseMark       = "mark"
	phaseProtect    = "protect"
	phaseStandby    = "standby"
	phaseDeregister = "deregister"
	phaseGroup      = "group"
	phaseApply      = "apply"
	phaseVerify     = "verify"
)

func (isolateAction) step(ctx context.Context, v *visit) (responders.Progress, error) {
	s, err := load[isolation](v.job)
	if err != nil {
		return responders.Progress{}, err
	}
	i, err := v.look(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	if slices.Contains([]string{"", phaseMark, phaseProtect, phaseStandby, phaseDeregister, phaseGroup}, v.job.Phase) {
		if err := isolable(i); err != nil {
			return responders.Progress{}, err
		}
	}
	if v.job.Phase == "" {
		return v.recordOriginals(ctx, i)
	}
	o, hash, ok, err := v.record(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	if !ok || hash != s.Record {
		return responders.Progress{}, responders.Refuse("The instance was released while this isolation was under way. It is not isolated by this job any further; ask again if it should be.")
	}
	switch v.job.Phase {
	case phaseMark:
		return v.mark(ctx, s, o)
	case phaseProtect:
		return v.protect(ctx, s, o)
	case phaseStandby:
		return v.standby(ctx, s, o)
	case phaseDeregister:
		return v.deregister(ctx, s, o)
	case phaseGroup:
		return v.isolationGroups(ctx, s)
	case phaseApply:
		return v.apply(ctx, s, o)
	case phaseVerify:
		return v.verify(ctx, s, o, i)
	}
	return responders.Progress{}, responders.Refuse("The job is in phase %q, which is not known here.", v.job.Phase)
}

// isolable refuses instances that cannot or must not be isolated.
func isolable(i types.Instance) error {
	if err := untouchable(i); err != nil {
		return err
	}
	if i.State != nil && (i.State.Name == types.InstanceStateNameTerminated || i.State.Name == types.InstanceStateNameShuttingDown) {
		return responders.Refuse("The instance is %s: there is nothing left to isolate.", i.State.Name)
	}
	return nil
}

// survey collects what there is, in the form of a record, with what could not
// be found out.
func (v *visit) survey(ctx context.Context, i types.Instance) (o original, gaps []string, err error) {
	nics, err := v.nics(ctx)
	if err != nil {
		return o, nil, err
	}
	for _, known := range i.NetworkInterfaces {
		if !slices.ContainsFunc(nics, func(n nic) bool { return n.ID == aws.ToString(known.NetworkInterfaceId) }) {
			return o, nil, fmt.Errorf("interface %s is not described yet", aws.ToString(known.NetworkInterfaceId))
		}
	}
	if !slices.ContainsFunc(nics, func(n nic) bool { return n.Fixed == "" }) {
		return o, nil, responders.Refuse("None of the %d network interfaces of the instance can be changed by its owner. Isolate it by a network ACL of its subnet, or stop it.", len(nics))
	}
	if err := v.notOurs(ctx, nics); err != nil {
		return o, nil, err
	}
	o = original{Version: recordVersion, Job: v.job.ID, Case: v.job.Case, Target: v.job.Target, At: v.now, Launched: aws.ToTime(i.LaunchTime).UTC()}
	for _, n := range nics {
		o.Interfaces = append(o.Interfaces, wiring{n.ID, n.VPC, n.Groups})
	}
	// What follows must not hold up containment: what cannot be read in a few
	// seconds is left as it is, and said.
	short, cancel := context.WithTimeout(ctx, 6*time.Second)
	defer cancel()
	if o.Scaling, err = v.scaling(short); err != nil {
		gaps = append(gaps, "Auto Scaling could not be asked ("+because(err)+"): if the instance is in a group, it may be replaced and terminated.")
	}
	if o.Targets, err = v.registrations(short, i); err != nil {
		gaps = append(gaps, "Load balancers could not be asked ("+because(err)+"): target groups are left as they are.")
	}
	if o.Classic, err = v.classics(short); err != nil {
		gaps = append(gaps, "Classic load balancers could not be asked ("+because(err)+"): they are left as they are.")
	}
	if o.Protection, err = v.protections(short, i); err != nil {
		gaps = append(gaps, "Termination protection could not be read ("+errorCode(err)+"): it is left as it is.")
	}
	return o, gaps, nil
}

// notOurs refuses when an interface has an isolation group and there is no
// record: what it had before would be lost for good.
func (v *visit) notOurs(ctx context.Context, nics []nic) error {
	var ids []string
	for _, n := range nics {
		ids = append(ids, n.Groups...)
	}
	groups, err := v.groupsBy(ctx, "group-id", ids...)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if tagOf(g.Tags, isolationTag) == "" {
			continue
		}
		return responders.Refuse("The instance already has an isolation group (%s), but there is no record of the groups it had before. Look at the tags %s on its network interfaces and restore those by hand.", aws.ToString(g.GroupId), originalTag)
	}
	return nil
}

func (v *visit) groupsBy(ctx context.Context, filter string, values ...string) ([]types.SecurityGroup, error) {
	if len(values) == 0 {
		return nil, nil
	}
	return v.groups(ctx, types.Filter{Name: &filter, Values: values})
}

func (v *visit) groups(ctx context.Context, filters ...types.Filter) ([]types.SecurityGroup, error) {
	c, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	var out []types.SecurityGroup
	pages := ec2.NewDescribeSecurityGroupsPaginator(c.ec2, &ec2.DescribeSecurityGroupsInput{Filters: filters})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe security groups: %w", err)
		}
		out = append(out, page.SecurityGroups...)
	}
	slices.SortFunc(out, func(a, b types.SecurityGroup) int {
		return strings.Compare(aws.ToString(a.GroupId), aws.ToString(b.GroupId))
	})
	return out, nil
}

// recordOriginals stores what there is before anything is changed. When there
// is a record already, of an isolation that was not finished or not released,
// that one stays: it has the true originals.
func (v *visit) recordOriginals(ctx context.Context, i types.Instance) (responders.Progress, error) {
	o, hash, ok, err := v.record(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	v.facts(i, nil)
	if !ok {
		var gaps []string
		if o, gaps, err = v.survey(ctx, i); err != nil {
			return responders.Progress{}, err
		}
		for _, g := range gaps {
			v.job.Still = add(v.job.Still, g)
		}
		var body []byte
		if body, hash, err = seal(o); err != nil {
			return responders.Progress{}, err
		}
		err = v.actor.deps.Records.Put(ctx, recordKey(v.job.Target), body)
		if errors.Is(err, ErrExists) {
			return responders.Progress{}, nil // somebody was quicker: read theirs
		}
		if err != nil {
			return responders.Progress{}, fmt.Errorf("store the record of the isolation: %w", err)
		}
	}
	failpoint.Hit("isolate.recorded")
	if o.Job != v.job.ID {
		v.note("isolated before, or begun, by job %s; its record of the originals stays", o.Job)
	}
	v.job.Manifest.Before = asJSON(o)
	v.note("the groups of %d network interfaces are recorded", len(o.Interfaces))
	return responders.Progress{}, enter(v.job, phaseMark, isolation{Record: hash})
}
