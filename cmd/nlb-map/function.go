package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/responders/portmap"
)

// The environment of the function.
const (
	envTable    = "NLB_MAP_TABLE"       // required
	envRole     = "NLB_MAP_ROLE"        // name of the role in each account; securitybot-read when empty
	envExternal = "NLB_MAP_EXTERNAL_ID" // that the role's trust policy asks for
	envOwn      = "NLB_MAP_OWN_ACCOUNT" // account whose role is not assumed
	envAccounts = "NLB_MAP_ACCOUNTS"    // required: the accounts that may be read, with commas
	envFresh    = "NLB_MAP_FRESH"       // nlb_map.fresh of the bot; 45m when empty
)

// publishing is what is kept of the function's time to say that a scan took too
// long.
const publishing = 30 * time.Second

// function scans one place for each event.
type function struct {
	job      portmap.Job
	accounts []string
}

// event names what to read.
type event struct {
	Account string `json:"account"`
	Region  string `json:"region"`
}

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
)

// newFunction reads the environment.
func newFunction(lookup func(string) (string, bool), cfg aws.Config, log *slog.Logger) (*function, error) {
	get := func(name, otherwise string) string {
		if v, ok := lookup(name); ok && v != "" {
			return v
		}
		return otherwise
	}
	table := get(envTable, "")
	if table == "" {
		return nil, fmt.Errorf("%s is not set: it is the name of the table", envTable)
	}
	fresh, err := time.ParseDuration(get(envFresh, portmap.DefaultFresh.String()))
	if err != nil || fresh <= 0 {
		return nil, fmt.Errorf("%s is a time such as 45m", envFresh)
	}
	accounts := strings.Split(strings.ReplaceAll(get(envAccounts, ""), " ", ""), ",")
	for _, a := range accounts {
		if !accountForm.MatchString(a) {
			return nil, fmt.Errorf("%s is a list of accounts of 12 digits, with commas", envAccounts)
		}
	}
	sessions, err := awsrole.New(cfg, awsrole.Config{Roles: map[string]string{"read": get(envRole, "securitybot-read")},
		ExternalID: get(envExternal, ""), Own: get(envOwn, "")})
	if err != nil {
		return nil, err
	}
	shelf := portmap.NewTable(dynamodb.NewFromConfig(cfg), table, 2*fresh)
	return &function{accounts: accounts, job: portmap.Job{Sessions: reader{sessions}, Shelf: shelf, Log: log}}, nil
}

// reader opens reading sessions.
type reader struct{ sessions *awsrole.Sessions }

// Reader implements portmap.Sessions.
func (r reader) Reader(ctx context.Context, account, region string) (aws.Config, error) {
	return r.sessions.Config(ctx, awsrole.Request{Account: account, Region: region, Role: "read", Session: "nlb-map"})
}

// handle scans one place. An error means that its map is not complete, which the
// table says as well: nobody believes the older one.
func (f *function) handle(ctx context.Context, e event) (portmap.Report, error) {
	if !accountForm.MatchString(e.Account) || !regionForm.MatchString(e.Region) {
		return portmap.Report{}, errors.New(`the event is not like {"account": "111122223333", "region": "eu-west-1"}`)
	}
	if !slices.Contains(f.accounts, e.Account) {
		return portmap.Report{}, fmt.Errorf("account %s is not in %s", e.Account, envAccounts)
	}
	job := f.job
	job.Places = []portmap.Place{{Account: e.Account, Region: e.Region}}
	if deadline, ok := ctx.Deadline(); ok {
		job.Timeout = max(time.Until(deadline)-publishing, time.Second)
	}
	return job.Run(ctx)
}
