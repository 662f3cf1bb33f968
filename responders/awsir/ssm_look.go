package awsir

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/securitybot/securitybot/responders"
)

// minAgent is the first version of the SSM agent that hands parameters over in
// the environment (Systems Manager User Guide, "Troubleshooting parameter
// handling issues"). Older ones would write them into the script.
var minAgent = [4]int{3, 3, 2746, 0}

// maxSilence is how long an agent that counts as online may not have been
// heard of. Agents report every five minutes.
const maxSilence = 15 * time.Minute

// hostFacts are what is known about the host and the document on it.
type hostFacts struct {
	instance ec2types.Instance
	agent    types.InstanceInformation
	silence  time.Duration
	document Document
	version  string // number SSM gave the document's version
}

func (f hostFacts) facts() []responders.Fact {
	var out []responders.Fact
	put := func(label, value string) {
		if value != "" {
			out = append(out, responders.Fact{Label: label, Value: value})
		}
	}
	put("ssm agent", aws.ToString(f.agent.AgentVersion))
	if f.agent.InstanceId != nil {
		put("ssm ping", fmt.Sprintf("%s, %s ago", f.agent.PingStatus, f.silence.Round(time.Second)))
	}
	put("platform", strings.TrimSpace(aws.ToString(f.agent.PlatformName)+" "+aws.ToString(f.agent.PlatformVersion)))
	put("document", f.document.Name)
	put("document sha256", f.document.SHA256)
	put("document version", f.version)
	return out
}

// look checks everything that a command needs, and changes nothing. The facts
// are what was found until then.
func (h host) look(ctx context.Context, v *visit) (hostFacts, error) {
	var f hostFacts
	if h.kind.check != nil {
		if err := h.kind.check(v.job.Params); err != nil {
			return f, err
		}
	}
	c, err := v.read(ctx)
	if err != nil {
		return f, err
	}
	in, err := v.look(ctx)
	if err != nil {
		return f, err
	}
	f.instance = in
	if err := cmp.Or(untouchable(in), mustRun(in)); err != nil {
		return f, err
	}
	agents, err := ssm.NewFromConfig(c.config).DescribeInstanceInformation(ctx, &ssm.DescribeInstanceInformationInput{
		Filters: []types.InstanceInformationStringFilter{{Key: aws.String("InstanceIds"), Values: []string{v.job.Target.Instance}}}})
	if err != nil {
		return f, fmt.Errorf("look for the agent: %w", err)
	}
	for _, a := range agents.InstanceInformationList {
		if aws.ToString(a.InstanceId) == v.job.Target.Instance {
			f.agent, f.silence = a, max(0, v.now.Sub(aws.ToTime(a.LastPingDateTime)))
		}
	}
	if err := f.checkAgent(); err != nil {
		return f, err
	}
	return f, h.lookDocument(ctx, c, &f)
}

// mustRun refuses an instance that does not run.
func mustRun(in ec2types.Instance) error {
	state := "in an unknown state"
	if in.State != nil {
		state = string(in.State.Name)
	}
	if state != string(ec2types.InstanceStateNameRunning) {
		return responders.Refuse("The instance is %s; this needs it running. Snapshots of its volumes may still be possible.", state)
	}
	return nil
}

// checkAgent says why no command can be sent.
func (f hostFacts) checkAgent() error {
	a := f.agent
	switch {
	case a.InstanceId == nil:
		return responders.Refuse("No SSM agent has registered from this instance. It needs the agent, a role that allows SSM, and a way to its endpoints; without them only snapshots are possible.")
	case a.PlatformType != types.PlatformTypeLinux:
		return responders.Refuse("The host runs %s; this works on Linux only. Take snapshots instead.", a.PlatformType)
	case a.PingStatus != types.PingStatusOnline:
		return responders.Refuse("The SSM agent is not online (%s, last heard of %s ago). A command would wait unseen; try again when it is back.", a.PingStatus, f.silence.Round(time.Second))
	case f.silence > maxSilence:
		return responders.Refuse("The SSM agent was last heard of %s ago. A command would wait unseen; try again when it is back.", f.silence.Round(time.Second))
	case !newEnough(aws.ToString(a.AgentVersion)):
		return responders.Refuse("The SSM agent is too old (%s). From 3.3.2746.0 on it keeps values apart from the script; update it first (document AWS-UpdateSSMAgent).", aws.ToString(a.AgentVersion))
	}
	return nil
}

// newEnough compares an agent's version by number; what is not a version is
// too old.
func newEnough(version string) bool {
	parts := strings.Split(version, ".")
	if len(parts) != len(minAgent) {
		return false
	}
	var have [4]int
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 {
			return false
		}
		have[i] = n
	}
	for i, n := range have {
		if n != minAgent[i] {
			return n > minAgent[i]
		}
	}
	return true
}

// lookDocument finds the number of our version of the document.
func (h host) lookDocument(ctx context.Context, c *clients, f *hostFacts) error {
	d, err := documentOf(h.kind.action)
	if err != nil {
		return err
	}
	f.document = d
	f.version, err = documentThere(ctx, c.config, d)
	switch {
	case errors.Is(err, ErrDocumentMissing):
		return responders.Refuse("The document %s is not there in version %s. Deploy the documents of this release to the account and region.", d.Name, d.VersionName)
	case errors.Is(err, ErrDocumentChanged):
		return responders.Refuse("The document %s in the account is not ours: its hash is different. Find out who changed it; nothing was run.", d.Name)
	case err != nil:
		return err
	}
	return nil
}
