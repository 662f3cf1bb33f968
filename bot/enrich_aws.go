package bot

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/inventory"
	"github.com/securitybot/securitybot/responders/portmap"
	"github.com/securitybot/securitybot/responders/trail"
)

// readers opens reading sessions, in the accounts of the configuration and in no
// others: a finding may name any account.
type readers struct {
	sessions *awsrole.Sessions
	accounts []string
}

// readSession is the session name that CloudTrail shows.
const readSession = "securitybot-look-up"

// Reader implements the interfaces of those who look things up.
func (r readers) Reader(ctx context.Context, account, region string) (aws.Config, error) {
	if !slices.Contains(r.accounts, account) {
		return aws.Config{}, fmt.Errorf("account %q is not one of those in the configuration", account)
	}
	return r.sessions.Config(ctx, awsrole.Request{Account: account, Region: region, Role: string(responders.RoleRead), Session: readSession})
}

// LookingWith builds what the configuration lets the bot ask AWS, with the
// credentials and endpoints of hub. Nothing is contacted.
func LookingWith(cfg *config.Config, hub aws.Config) (Looking, error) {
	accounts := readAccounts(cfg)
	if len(accounts) == 0 {
		return Looking{}, nil
	}
	sessions, err := awsrole.New(hub, awsrole.Config{Roles: map[string]string{string(responders.RoleRead): cfg.AWSIR.Roles.Read},
		ExternalID: cfg.AWSIR.ExternalID, Own: cfg.AWSIR.OwnAccount})
	if err != nil {
		return Looking{}, fmt.Errorf("set up look-ups in accounts: %w", err)
	}
	r := readers{sessions, accounts}
	var places []inventory.Place
	for _, a := range accounts {
		for _, region := range readRegions(cfg) {
			places = append(places, inventory.Place{Account: a, Region: region})
		}
	}
	l := Looking{Inventory: inventory.New(r, places, nil), Trail: trail.New(r)}
	if cfg.NLBMap.Enabled() {
		l.Ports = portMapOf(cfg.NLBMap, hub)
		if cfg.NLBMap.Every > 0 {
			l.PortJob, l.PortEvery = &portmap.Job{Places: portPlaces(mapAccounts(cfg), cfg.NLBMap.Regions), Sessions: r}, cfg.NLBMap.Every
		}
	}
	return l, nil
}

func portMapOf(m config.NLBMap, hub aws.Config) *portmap.Map {
	out := &portmap.Map{Rules: portmap.Rules{Fresh: m.Fresh, Listeners: m.ListenerPorts}}
	if m.Table != "" {
		hub = hub.Copy()
		hub.Region = m.TableRegion
		out.Shelf = portmap.NewTable(dynamodb.NewFromConfig(hub), m.Table, 2*m.Fresh)
	}
	return out
}

func portPlaces(accounts, regions []string) []portmap.Place {
	var out []portmap.Place
	for _, a := range accounts {
		for _, r := range regions {
			out = append(out, portmap.Place{Account: a, Region: r})
		}
	}
	return out
}

// mapAccounts are the accounts with a port map.
func mapAccounts(cfg *config.Config) []string {
	if len(cfg.NLBMap.Accounts) > 0 {
		return cfg.NLBMap.Accounts
	}
	return cfg.AWSIR.Accounts
}

// readAccounts are the accounts that may be read.
func readAccounts(cfg *config.Config) []string {
	all := slices.Clone(cfg.AWSIR.Accounts)
	if cfg.NLBMap.Enabled() {
		all = append(all, mapAccounts(cfg)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// readRegions are the regions the configuration names; those of the queues when
// it names none.
func readRegions(cfg *config.Config) []string {
	all := slices.Concat(cfg.AWSIR.Regions, cfg.NLBMap.Regions)
	for _, q := range cfg.SQS.Queues {
		if len(all) == 0 {
			all = append(all, q.Region)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
