package trail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/securitybot/securitybot/findings/enrich"
)

// Sessions opens reading sessions in accounts.
type Sessions interface {
	Reader(ctx context.Context, account, region string) (aws.Config, error)
}

const (
	perSecond = 2   // calls, for each account and region
	burst     = 4   // what a pause allows at once; the service has some slack
	pageSize  = 50  // events
	maxPages  = 10  // "the first 500 events"
	maxNames  = 100 // names kept
	maxPlaces = 2000
)

// Lookup searches the event history. It is safe for concurrent use.
type Lookup struct {
	sessions Sessions
	mu       sync.Mutex
	limits   map[string]*pace
}

// New returns a look-up with sessions in the accounts.
func New(s Sessions) *Lookup { return &Lookup{sessions: s, limits: map[string]*pace{}} }

// Question says whose calls and from where. One of AccessKey and User is set;
// the key is used when both are.
type Question struct {
	Account, Region string
	AccessKey, User string
	Address         netip.Addr
	From, To        time.Time
}

// Calls is what was found.
type Calls struct {
	Total, Failed int
	Names         []Name // most calls first
	Agents        []string
	First, Last   time.Time
	// Complete says that every event of the credentials in that time was looked
	// at. If not, the numbers are lower bounds.
	Complete bool
	Examined int // events looked at
}

// Name counts the calls of one operation.
type Name struct {
	Name          string // iam:CreateUser
	Calls, Failed int
}

// ByAddress returns the calls from an address. Global services such as IAM write
// their events in one region of the partition, so that is searched as well. What
// was found until ctx ended is returned as incomplete; the error is for when
// there is nothing to say, and wraps enrich.ErrUnavailable.
func (l *Lookup) ByAddress(ctx context.Context, q Question) (Calls, error) {
	if q.Account == "" || q.Region == "" || !q.Address.IsValid() || q.AccessKey == "" && q.User == "" {
		return Calls{}, fmt.Errorf("API calls: %w: the finding names no address, or no access key and no user", enrich.ErrUnavailable)
	}
	regions := []string{q.Region}
	if g := global(q.Region); g != q.Region {
		regions = append(regions, g)
	}
	found := make([]tally, len(regions))
	errs := make([]error, len(regions))
	var group sync.WaitGroup
	for i, region := range regions {
		group.Go(func() { found[i], errs[i] = l.search(ctx, q, region) })
	}
	group.Wait()
	sum := tally{names: map[string]*Name{}, complete: true}
	for i := range regions {
		sum.add(found[i])
		sum.complete = sum.complete && errs[i] == nil
	}
	if err := errors.Join(errs...); err != nil && sum.examined == 0 {
		return Calls{}, fmt.Errorf("API calls: %w: %w", enrich.ErrUnavailable, err)
	}
	return sum.calls(), nil
}

// global is the region in which a partition's global services log (CloudTrail
// user guide, "Global service events").
func global(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "cn-north-1"
	case strings.HasPrefix(region, "us-gov-"):
		return "us-gov-west-1"
	}
	return "us-east-1"
}

// search reads the events of the credentials in one region, at the service's
// pace.
func (l *Lookup) search(ctx context.Context, q Question, region string) (tally, error) {
	t := tally{names: map[string]*Name{}}
	cfg, err := l.sessions.Reader(ctx, q.Account, region)
	if err != nil {
		return t, fmt.Errorf("open a session: %w", err)
	}
	client := cloudtrail.NewFromConfig(cfg, func(o *cloudtrail.Options) {
		o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) { s.MaxAttempts, s.MaxBackoff = 3, time.Second })
	})
	in := &cloudtrail.LookupEventsInput{MaxResults: aws.Int32(pageSize), StartTime: &q.From, EndTime: &q.To,
		LookupAttributes: []types.LookupAttribute{attribute(q)}}
	limit := l.limit(q.Account + "/" + region)
	for range maxPages {
		if err := limit.wait(ctx); err != nil {
			return t, fmt.Errorf("wait for a turn: %w", err)
		}
		page, err := client.LookupEvents(ctx, in)
		if err != nil {
			return t, fmt.Errorf("look up events: %w", err)
		}
		for _, e := range page.Events {
			t.event(q.Address, e)
		}
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			t.complete = true
			return t, nil
		}
	}
	return t, nil
}

func attribute(q Question) types.LookupAttribute {
	if q.AccessKey != "" {
		return types.LookupAttribute{AttributeKey: types.LookupAttributeKeyAccessKeyId, AttributeValue: &q.AccessKey}
	}
	return types.LookupAttribute{AttributeKey: types.LookupAttributeKeyUsername, AttributeValue: &q.User}
}

func (l *Lookup) limit(place string) *pace {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.limits) >= maxPlaces {
		clear(l.limits)
	}
	if l.limits[place] == nil {
		l.limits[place] = &pace{}
	}
	return l.limits[place]
}

// Top returns the names of the operations, at most n.
func (c Calls) Top(n int) []string {
	out := []string{}
	for _, x := range c.Names[:min(n, len(c.Names))] {
		out = append(out, x.Name)
	}
	return out
}

func byCalls(a, b Name) int {
	return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Name, b.Name))
}

func sortedNames(m map[string]*Name) []Name {
	out := make([]Name, 0, len(m))
	for _, n := range m {
		out = append(out, *n)
	}
	slices.SortFunc(out, byCalls)
	return out[:min(len(out), maxNames)]
}
