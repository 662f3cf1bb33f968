package bot

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/awsir"
	"github.com/securitybot/securitybot/responders/guardduty"
)

// newActing sets up what the bot may do in AWS; nothing without accounts. hub
// has the bot's own credentials.
func (b *Bot) newActing(c config.AWSIR, hub aws.Config) (Acting, error) {
	if !c.Enabled() {
		return Acting{}, nil
	}
	sessions, err := sessionsOf(c, hub, b.clock)
	if err != nil {
		return Acting{}, err
	}
	evidence, err := evidenceOf(c.Evidence, hub, b.clock)
	if err != nil {
		return Acting{}, err
	}
	actor, err := awsir.New(awsir.Config{Tools: toolsOf(c.Tools), Lock: awsir.SnapshotLock(c.SnapshotLock)}, awsir.Deps{Sessions: sessions, Records: records{b}, Evidence: evidence, Now: b.clock.Now, Log: b.log})
	if err != nil {
		return Acting{}, fmt.Errorf("set up aws-ir: %w", err)
	}
	out := Acting{Actor: actor, Confirm: guardduty.New(sessions), Accounts: c.Accounts, Regions: c.Regions, PerHour: c.CollectPerHour, Fresh: c.CollectAgainAfter}
	if evidence != nil {
		out.Actor, out.Evidence = awsir.NewRecorder(actor, evidence), evidence
	}
	return out, nil
}

func toolsOf(c map[string]config.Tool) awsir.Tools {
	out := awsir.Tools{}
	for name, t := range c {
		out[name] = awsir.Tool{Bucket: t.Bucket, Key: t.Key, SHA256: t.SHA256}
	}
	return out
}

// sessionsOf gives sessions in the accounts of the configuration.
func sessionsOf(c config.AWSIR, hub aws.Config, clock Clock) (*awsrole.Sessions, error) {
	roles := map[string]string{string(responders.RoleRead): c.Roles.Read, string(responders.RoleAcquire): c.Roles.Acquire,
		string(responders.RoleContain): c.Roles.Contain, string(responders.RoleRelease): c.Roles.Release}
	if c.Roles.Revoke != "" {
		roles[string(responders.RoleRevoke)] = c.Roles.Revoke
	}
	s, err := awsrole.New(hub, awsrole.Config{ExternalID: c.ExternalID, Own: c.OwnAccount, Now: clock.Now, Roles: roles})
	if err != nil {
		return nil, fmt.Errorf("set up roles in AWS: %w", err)
	}
	return s, nil
}

// evidenceOf is the store of evidence; nil without a bucket.
func evidenceOf(c config.Evidence, hub aws.Config, clock Clock) (*awsir.Evidence, error) {
	if c.Bucket == "" {
		return nil, nil
	}
	e, err := awsir.NewEvidence(awsir.EvidenceConfig{Bucket: c.Bucket, Region: c.Region, KMSKey: c.KMSKey, LockMode: c.LockMode, LockDays: c.LockDays}, hub, clock.Now)
	if err != nil {
		return nil, fmt.Errorf("set up the store of evidence: %w", err)
	}
	return e, nil
}

var _ awsir.Records = records{}
