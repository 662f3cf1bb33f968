package rig

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/fakes/wire"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/awsir"
)

// Account and Region are where the company's machines are; Other is an account
// the bot may not act in, although its roles are there. Bucket is where
// evidence goes.
const (
	Account = account
	Region  = region
	Other   = "444455556666"
	Bucket  = "corp-example-evidence"

	hubAccount = "999900001111"
	externalID = "corp-example"
)

// cloud starts AWS: roles with the policies we ship and nothing more, our
// documents, and the bucket. Hosts speak to it by TLS.
func (r *Rig) cloud() error {
	r.AWS = awsfake.New(awsfake.WithNow(r.Clock.Now), awsfake.WithSigningClock(time.Now))
	var err error
	if r.front, err = tlsServer(r.AWS); err != nil {
		return err
	}
	for _, account := range []string{Account, Other} {
		for _, role := range responders.Roles {
			policy, err := responders.Policy(role, "aws")
			if err != nil {
				return fmt.Errorf("make the policy of %s: %w", role, err)
			}
			r.AWS.AddRole(awsfake.Role{Account: account, Name: "securitybot-" + string(role), Trusts: []string{hubAccount}, ExternalID: externalID,
				Identity: slices.Contains([]responders.Role{responders.RoleContain, responders.RoleRelease, responders.RoleRevoke}, role), Policy: string(policy)})
		}
		if err := r.documents(account); err != nil {
			return err
		}
	}
	r.AWS.AddBucket(awsfake.Bucket{Account: hubAccount, Region: Region, Name: Bucket, Lock: true})
	return nil
}

func (r *Rig) documents(account string) error {
	all, err := awsir.Documents()
	if err != nil {
		return fmt.Errorf("read the documents: %w", err)
	}
	for _, d := range all {
		r.AWS.AddDocument(account, Region, d.Name, d.VersionName, string(d.Content))
	}
	return nil
}

// ReadRole limits what the reading role in the company's account may do.
func (r *Rig) ReadRole(policy string) {
	r.AWS.AddRole(awsfake.Role{Account: Account, Name: "securitybot-read", Trusts: []string{hubAccount}, ExternalID: externalID, Policy: policy})
}

// hub is the bot's own access to AWS.
func (r *Rig) hub() aws.Config {
	k := r.AWS.User(hubAccount, "securitybot")
	return aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(r.front.URL), HTTPClient: r.front.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, k.SessionToken)}
}

// awsConfig are the lines of the configuration about AWS.
func (r *Rig) awsConfig() string {
	perHour := 40
	if r.options.NoEvidence {
		perHour = 0
	}
	return fmt.Sprintf("aws_ir: {collect_per_hour: %d, accounts: [%q], regions: [%s], external_id: %s, roles: {revoke: securitybot-revoke}, evidence: {bucket: %s, region: %s, lock_mode: GOVERNANCE, lock_days: 30}}", perHour, Account, Region, externalID, Bucket, Region)
}

// Machine adds the machine that Probe(n) and Miner(n) are about: two interfaces,
// two volumes, an agent. It returns the machine's id.
func (r *Rig) Machine(n int) string {
	id := fmt.Sprintf("i-0%016x", n)
	r.AWS.AddInstance(Account, Region, awsfake.Instance{ID: id, Tags: map[string]string{"team": "platform", "Name": fmt.Sprintf("worker-%d", n)}})
	r.AWS.AddVolume(Account, Region, awsfake.Volume{Instance: id, Device: "/dev/sdf", Size: 100, Encrypted: true})
	web := r.AWS.AddGroup(Account, Region, awsfake.Group{Name: fmt.Sprintf("web-%d", n), VPC: r.AWS.Instance(Account, Region, id).VPC, Rules: []awsfake.Rule{awsfake.Open()}})
	first := r.AWS.Interfaces(Account, Region, id)[0]
	r.AWS.AddInterface(Account, Region, awsfake.Interface{Instance: id, Index: 1, VPC: first.VPC, Subnet: first.Subnet, Groups: append([]string{web}, first.Groups...)})
	r.AWS.AddAgent(Account, Region, awsfake.Agent{Instance: id, Run: host{r.front.Client()}.run})
	return id
}

// Known puts the finding of an event into GuardDuty, where the bot looks before
// policy acts.
func (r *Rig) Known(e Event) Event {
	document, _ := e.bridge()["detail"].(object)
	r.AWS.AddFinding(Account, Region, detector, awsfake.Finding{ID: e.id(), Type: e.Type, Instance: e.Instance, Severity: e.Severity, Updated: e.at(), Document: document})
	return e
}

// tlsServer serves by TLS, with the delays of the doubles.
func tlsServer(h http.Handler) (*httptest.Server, error) {
	s := httptest.NewUnstartedServer(h)
	l, err := wire.Listen()
	if err != nil {
		return nil, err
	}
	s.Listener.Close()
	s.Listener = l
	s.StartTLS()
	return s, nil
}
