package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/awsir"
	"github.com/securitybot/securitybot/responders/guardduty"
)

// doctorSession is the session name that CloudTrail shows, and who asked.
const doctorSession = "securitybot-doctor"

// nothing is a session policy that allows nothing: sessions of roles that can
// change something are opened to see that they open.
const nothing = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`

// awsSays is a reason in AWS's words, without the request.
func awsSays(err error) string {
	var role *awsrole.Error
	if errors.As(err, &role) && role.Denied {
		return "the role " + role.Role + " cannot be assumed"
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		return "AWS says " + api.ErrorCode()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "AWS did not answer in time"
	}
	return "AWS cannot be asked: " + err.Error()
}

// sessions opens what the other checks need.
func (d *doctor) sessions() (*awsrole.Sessions, error) {
	if d.hubErr != nil {
		return nil, d.hubErr
	}
	return sessionsOf(d.cfg.AWSIR, d.hub, systemClock{})
}

// readPlaces are all accounts and regions that are looked at.
func (d *doctor) readPlaces(accounts []string) []guardduty.Place {
	var out []guardduty.Place
	for _, a := range accounts {
		for _, r := range regionsOf(d.cfg) {
			out = append(out, guardduty.Place{Account: a, Region: r})
		}
	}
	return out
}

// accounts are all that are read, for whatever purpose.
func (d *doctor) accounts() []string {
	all := readAccounts(d.cfg.AWSIR, d.cfg.NLBMap)
	for _, p := range sweepPlaces(d.cfg.AWSIR, d.cfg.Sweep) {
		all = append(all, p.Account)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

type roleIn struct {
	account string
	role    responders.Role
}

// roles opens a session of every role in every account.
func (d *doctor) roles(ctx context.Context) []Check {
	accounts := d.accounts()
	if len(accounts) == 0 {
		return nil
	}
	s, err := d.sessions()
	if err != nil {
		return []Check{fail("aws", "", err.Error(), "set up AWS credentials for the bot")}
	}
	var all []roleIn
	for _, a := range accounts {
		for _, r := range responders.Roles {
			if r == responders.RoleRevoke && d.cfg.AWSIR.Roles.Revoke == "" {
				continue // left out
			}
			if r == responders.RoleRead || slices.Contains(d.cfg.AWSIR.Accounts, a) {
				all = append(all, roleIn{a, r})
			}
		}
	}
	checks := each(all, func(x roleIn) []Check { return []Check{d.role(ctx, s, x)} })
	return summed(checks, "aws", "roles can be assumed")
}

func (d *doctor) role(ctx context.Context, s *awsrole.Sessions, x roleIn) Check {
	of := x.account + " " + string(x.role)
	ask := awsrole.Request{Account: x.account, Region: d.region(), Role: string(x.role), Session: doctorSession, Identity: doctorSession}
	if x.role != responders.RoleRead {
		ask.Policy = nothing
	}
	cfg, err := s.Config(ctx, ask)
	if err != nil {
		return fail("aws", of, awsSays(err), "apply deploy/aws-ir to the account; the role's trust policy has to name the bot's role and aws_ir.external_id")
	}
	if x.account == d.cfg.AWSIR.OwnAccount && x.role != responders.RoleRead {
		return ok("aws", of, "the bot's own role") // looked at once is enough
	}
	me, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	switch {
	case err != nil:
		return fail("aws", of, awsSays(err), "look at the bot's credentials and its network to STS")
	case aws.ToString(me.Account) != x.account:
		return fail("aws", of, "the session is in account "+aws.ToString(me.Account), "correct aws_ir.own_account")
	}
	return ok("aws", of, "%s", aws.ToString(me.Arn))
}

// region is one that every account has on.
func (d *doctor) region() string {
	if all := regionsOf(d.cfg); len(all) > 0 {
		return all[0]
	}
	return d.hub.Region
}

// guardduty sees that GuardDuty is on, in every account and region.
func (d *doctor) guardduty(ctx context.Context) []Check {
	places := d.readPlaces(readAccounts(d.cfg.AWSIR, d.cfg.NLBMap))
	for _, p := range sweepPlaces(d.cfg.AWSIR, d.cfg.Sweep) {
		if !slices.Contains(places, p) {
			places = append(places, p)
		}
	}
	s, err := d.sessions()
	if len(places) == 0 || err != nil {
		return nil // said by roles
	}
	r := guardduty.NewReader(s)
	checks := each(places, func(p guardduty.Place) []Check {
		_, err := r.Detector(ctx, p)
		switch {
		case errors.Is(err, guardduty.ErrNoDetector), errors.Is(err, guardduty.ErrSuspended):
			return []Check{fail("guardduty", p.String(), err.Error(), "switch it on there, or leave the region out of the configuration: nothing that happens there is found")}
		case err != nil:
			return []Check{fail("guardduty", p.String(), awsSays(err), "the read role needs guardduty:ListDetectors and guardduty:GetDetector (securitybot iam-policy --role read)")}
		}
		return []Check{ok("guardduty", p.String(), "on")}
	})
	return summed(checks, "guardduty", "GuardDuty is on in these accounts and regions")
}

// documents compares the hashes of our SSM documents, in every account and
// region.
func (d *doctor) documents(ctx context.Context) []Check {
	places := d.readPlaces(d.cfg.AWSIR.Accounts)
	s, err := d.sessions()
	if len(places) == 0 || d.cfg.AWSIR.Evidence.Bucket == "" || err != nil {
		return nil // without a place for what they find, documents are not run
	}
	docs, err := awsir.Documents()
	if err != nil {
		return []Check{fail("documents", "", err.Error(), "report this: the program itself is not whole")}
	}
	checks := each(places, func(p guardduty.Place) []Check {
		cfg, err := s.Config(ctx, awsrole.Request{Account: p.Account, Region: p.Region, Role: string(responders.RoleRead), Session: doctorSession, Identity: doctorSession})
		if err != nil {
			return nil // said by roles
		}
		var out []Check
		for _, doc := range docs {
			out = append(out, document(ctx, cfg, p, doc))
		}
		return out
	})
	return summed(checks, "documents", "SSM documents are ours, by hash")
}

func document(ctx context.Context, cfg aws.Config, p guardduty.Place, doc awsir.Document) Check {
	of := fmt.Sprintf("%s %s", p, doc.Name)
	err := awsir.CheckDocument(ctx, cfg, doc)
	switch {
	case errors.Is(err, awsir.ErrDocumentMissing):
		return warn("documents", of, err.Error(), "deploy the documents of this release (deploy/aws-ir/documents); until then nothing is run on hosts there")
	case errors.Is(err, awsir.ErrDocumentChanged):
		return fail("documents", of, err.Error(), "find out who changed it: whoever may change it can run commands as root")
	case err != nil:
		return fail("documents", of, awsSays(err), "the read role needs ssm:DescribeDocument (securitybot iam-policy --role read)")
	}
	return ok("documents", of, "version %s", doc.VersionName)
}

// evidence looks at how the bucket keeps evidence.
func (d *doctor) evidence(ctx context.Context) []Check {
	c := d.cfg.AWSIR.Evidence
	if !d.cfg.AWSIR.Enabled() || c.Bucket == "" || d.hubErr != nil {
		return nil
	}
	e, err := evidenceOf(c, d.hub, systemClock{})
	if err != nil {
		return []Check{fail("evidence", c.Bucket, err.Error(), "correct aws_ir.evidence")}
	}
	v, err := e.Vault(ctx)
	switch {
	case err != nil:
		return []Check{fail("evidence", c.Bucket, awsSays(err), "see that the bucket is there, and that the bot's role has deploy/aws-ir/evidence-policy.json")}
	case !v.Versions:
		return []Check{fail("evidence", c.Bucket, "it keeps no versions: evidence can be overwritten", "switch versioning on")}
	case !v.Lock && c.LockMode != "":
		return []Check{fail("evidence", c.Bucket, "Object Lock is off, and aws_ir.evidence.lock_mode wants it: uploads will be refused", "make a bucket with Object Lock, or leave lock_mode out")}
	case c.LockMode == "":
		return []Check{ok("evidence", c.Bucket, "keeps versions"), warn("evidence", c.Bucket, "evidence is not locked", "set aws_ir.evidence.lock_mode, so that nobody can delete it")}
	}
	return []Check{ok("evidence", c.Bucket, "keeps versions and can lock")}
}
