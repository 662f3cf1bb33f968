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

// newLooking sets up what the bot may ask AWS. hub has the bot's own
// credentials. Nothing is contacted.
func (b *Bot) newLooking(hub aws.Config) (looking, error) {
	m := b.cfg.NLBMap
	accounts := readAccounts(b.cfg.AWSIR, m)
	if len(accounts) == 0 {
		return looking{}, nil
	}
	sessions, err := sessionsOf(b.cfg.AWSIR, hub, b.clock)
	if err != nil {
		return looking{}, err
	}
	r := readers{sessions, accounts}
	l := looking{inventory: inventory.New(r, inventoryPlaces(accounts, b.cfg.Regions), b.clock.Now), trail: trail.New(r)}
	if !m.Enabled() {
		return l, nil
	}
	l.ports = &portmap.Map{Shelf: shelfOf(m, b.store, hub), Rules: portmap.Rules{Fresh: m.Fresh, Listeners: m.ListenerPorts}, Now: b.clock.Now}
	l.portEvery = m.Every
	l.portJob = &portmap.Job{Places: portPlaces(b.cfg.AWSIR, m), Sessions: r, Shelf: l.ports.Shelf, Log: b.log, Now: b.clock.Now}
	return l, nil
}

// shelfOf is where the port map is kept: a table when one is named, else the
// bot's own store.
func shelfOf(m config.NLBMap, s portmap.Store, hub aws.Config) portmap.Shelf {
	if m.Table == "" {
		return portmap.NewDocuments(s, 2*m.Fresh)
	}
	hub = hub.Copy()
	hub.Region = m.TableRegion
	return portmap.NewTable(dynamodb.NewFromConfig(hub), m.Table, 2*m.Fresh)
}

func portPlaces(a config.AWSIR, m config.NLBMap) []portmap.Place {
	var out []portmap.Place
	for _, account := range mapAccounts(a, m) {
		for _, region := range m.Regions {
			out = append(out, portmap.Place{Account: account, Region: region})
		}
	}
	return out
}

func inventoryPlaces(accounts, regions []string) []inventory.Place {
	var out []inventory.Place
	for _, account := range accounts {
		for _, region := range regions {
			out = append(out, inventory.Place{Account: account, Region: region})
		}
	}
	return out
}

// mapAccounts are the accounts with a port map.
func mapAccounts(a config.AWSIR, m config.NLBMap) []string {
	if len(m.Accounts) > 0 {
		return m.Accounts
	}
	return a.Accounts
}

// readAccounts are the accounts that may be read.
func readAccounts(a config.AWSIR, m config.NLBMap) []string {
	all := slices.Clone(a.Accounts)
	if m.Enabled() {
		all = append(all, mapAccounts(a, m)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// regionsOf are the regions a configuration names: those of AWS, else those of
// the queues.
func regionsOf(cfg *config.Config) []string {
	all := slices.Concat(cfg.AWSIR.Regions, cfg.NLBMap.Regions)
	if len(all) == 0 {
		for _, q := range cfg.SQS.Queues {
			all = append(all, q.Region)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
