package rig

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
)

// Account and Region are where the company's machines are; Other is an account
// the bot may not act in.
const (
	Account = account
	Region  = region
	Other   = "444455556666"

	hubAccount = "999900001111"
	externalID = "corp-example"
)

// roles adds the bot's roles to the company's accounts.
func (r *Rig) roles() {
	for _, account := range []string{Account, Other} {
		for _, name := range []string{"securitybot-read", "securitybot-acquire", "securitybot-contain", "securitybot-release"} {
			r.AWS.AddRole(awsfake.Role{Account: account, Name: name, Trusts: []string{hubAccount}, ExternalID: externalID, Identity: name != "securitybot-read"})
		}
	}
}

// ReadRole limits what the reading role in the company's account may do.
func (r *Rig) ReadRole(policy string) {
	r.AWS.AddRole(awsfake.Role{Account: Account, Name: "securitybot-read", Trusts: []string{hubAccount}, ExternalID: externalID, Policy: policy})
}

// hub is the bot's own access to AWS.
func (r *Rig) hub() aws.Config {
	k := r.AWS.User(hubAccount, "securitybot")
	return aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(r.AWS.URL),
		Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, k.SessionToken)}
}

// awsConfig are the lines of the configuration about AWS.
func (r *Rig) awsConfig() string {
	return fmt.Sprintf("aws_ir: {accounts: [%q], external_id: %s}", Account, externalID)
}

// Machine adds the machine that Probe(n) and Miner(n) are about, with two
// interfaces and two volumes, and returns its id.
func (r *Rig) Machine(n int) string {
	id := fmt.Sprintf("i-0%016x", n)
	r.AWS.AddInstance(Account, Region, awsfake.Instance{ID: id, Tags: map[string]string{"team": "platform", "Name": fmt.Sprintf("worker-%d", n)}})
	r.AWS.AddVolume(Account, Region, awsfake.Volume{Instance: id, Device: "/dev/sdf", Size: 100, Encrypted: true})
	web := r.AWS.AddGroup(Account, Region, awsfake.Group{Name: fmt.Sprintf("web-%d", n), VPC: r.AWS.Instance(Account, Region, id).VPC, Rules: []awsfake.Rule{awsfake.Open()}})
	first := r.AWS.Interfaces(Account, Region, id)[0]
	r.AWS.AddInterface(Account, Region, awsfake.Interface{Instance: id, Index: 1, VPC: first.VPC, Subnet: first.Subnet, Groups: append([]string{web}, first.Groups...)})
	return id
}
