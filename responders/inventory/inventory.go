package inventory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"

	"github.com/securitybot/securitybot/findings/enrich"
)

// Sessions opens reading sessions in accounts.
type Sessions interface {
	Reader(ctx context.Context, account, region string) (aws.Config, error)
}

// Place is one account and region.
type Place struct{ Account, Region string }

// keepStates is how long the state of an instance is remembered: findings come
// in bursts, and a state that is half a minute old is as good as a new one.
const (
	keepStates = 30 * time.Second
	maxStates  = 10_000
)

// Terminated is the state of an instance that is gone, or that EC2 no longer
// knows.
const Terminated = "terminated"

// Inventory answers. It is safe for concurrent use.
type Inventory struct {
	sessions Sessions
	places   []Place
	now      func() time.Time

	mu     sync.Mutex
	states map[string]known
}

type known struct {
	state string
	at    time.Time
}

// New returns an inventory of places. now is nil for time.Now.
func New(s Sessions, places []Place, now func() time.Time) *Inventory {
	if now == nil {
		now = time.Now
	}
	return &Inventory{sessions: s, places: places, now: now, states: map[string]known{}}
}

// State returns the state of an instance as EC2 calls it: pending, running,
// stopping, stopped, shutting-down or terminated. An instance that does not exist
// in the account is terminated: EC2 forgets instances about an hour after their
// end. The error wraps enrich.ErrUnavailable.
func (i *Inventory) State(ctx context.Context, account, region, id string) (string, error) {
	if account == "" || region == "" || id == "" {
		return "", fmt.Errorf("instance: %w: the finding names no instance", enrich.ErrUnavailable)
	}
	key := account + "/" + region + "/" + id
	i.mu.Lock()
	k, ok := i.states[key]
	i.mu.Unlock()
	if ok && i.now().Sub(k.at) < keepStates {
		return k.state, nil
	}
	state, err := i.ask(ctx, account, region, id)
	if err != nil {
		return "", fmt.Errorf("instance: %w: %w", enrich.ErrUnavailable, err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.states) >= maxStates {
		clear(i.states)
	}
	i.states[key] = known{state, i.now()}
	return state, nil
}

func (i *Inventory) ask(ctx context.Context, account, region, id string) (string, error) {
	cfg, err := i.sessions.Reader(ctx, account, region)
	if err != nil {
		return "", fmt.Errorf("open a session: %w", err)
	}
	out, err := ec2.NewFromConfig(cfg).DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	var e smithy.APIError
	if errors.As(err, &e) && e.ErrorCode() == "InvalidInstanceID.NotFound" {
		return Terminated, nil
	}
	if err != nil {
		return "", fmt.Errorf("describe instances: %w", err)
	}
	for _, r := range out.Reservations {
		for _, x := range r.Instances {
			if aws.ToString(x.InstanceId) == id && x.State != nil && x.State.Name != "" {
				return string(x.State.Name), nil
			}
		}
	}
	return "", errors.New("describe instances: the answer does not have the instance")
}

// Permissions lists the IAM actions that an inventory needs in each account, on
// all resources.
func Permissions() []string {
	return []string{"ec2:DescribeAddresses", "ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces"}
}
