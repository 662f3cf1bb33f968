package bot

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/securitybot/securitybot/bot/config"
)

// CheckLevel says how good or bad something is.
type CheckLevel string

// The levels. What fails keeps the bot from doing its work; what warns does not,
// or not yet.
const (
	CheckOK   CheckLevel = "ok"
	CheckWarn CheckLevel = "warn"
	CheckFail CheckLevel = "fail"
)

// Check is one thing the doctor looked at.
type Check struct {
	Level CheckLevel `json:"level"`
	Part  string     `json:"part"` // slack, pagerduty, thehive, mfa, queue, redis, aws, guardduty, evidence, documents
	Of    string     `json:"of"`   // which one of them; may be empty
	Says  string     `json:"says"`
	Do    string     `json:"do"` // what to do about it; empty when nothing
}

// Bounds of an examination.
const (
	partTime  = 20 * time.Second // of a part that is one system
	awsTime   = 10 * time.Minute // of a part that is all accounts and regions
	awsAtOnce = 8                // places asked at the same time
)

// doctor looks at everything a configuration names, and changes nothing.
type doctor struct {
	cfg    *config.Config
	scopes []string // that the bot token should have
	log    *slog.Logger
	hub    aws.Config // the bot's own credentials
	hubErr error
}

// Examine contacts everything the configuration names and changes nothing:
// nothing is posted, paged, received or written. It needs secrets to have been
// fetched. scopes are those of the app's manifest. Each part's checks are
// given to tell when they and those before them are there.
func Examine(ctx context.Context, cfg *config.Config, scopes []string, log *slog.Logger, tell func([]Check)) {
	d := &doctor{cfg: cfg, scopes: scopes, log: log}
	d.hub, d.hubErr = hubOf(ctx, cfg)
	parts := []struct {
		look  func(context.Context) []Check
		limit time.Duration
	}{
		{d.slack, 3 * partTime}, {d.pagerduty, partTime}, {d.thehive, partTime}, {d.proofs, partTime}, {d.queues, partTime}, {d.redis, partTime},
		{d.roles, awsTime}, {d.guardduty, awsTime}, {d.documents, awsTime}, {d.evidence, partTime},
	}
	results := make([]chan []Check, len(parts))
	for i, p := range parts {
		results[i] = make(chan []Check, 1)
		go func() {
			one, cancel := context.WithTimeout(ctx, p.limit)
			defer cancel()
			results[i] <- p.look(one)
		}()
	}
	for _, r := range results {
		tell(<-r)
	}
}

func ok(part, of, says string, args ...any) Check {
	return Check{Level: CheckOK, Part: part, Of: of, Says: fmt.Sprintf(says, args...)}
}

func warn(part, of, says, do string) Check {
	return Check{Level: CheckWarn, Part: part, Of: of, Says: says, Do: do}
}

func fail(part, of, says, do string) Check {
	return Check{Level: CheckFail, Part: part, Of: of, Says: says, Do: do}
}

// each looks at many things side by side, a few at a time, and returns what
// they say in their order.
func each[T any](all []T, look func(T) []Check) []Check {
	out := make([][]Check, len(all))
	var wait sync.WaitGroup
	slots := make(chan struct{}, awsAtOnce)
	for i, one := range all {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			out[i] = look(one)
		})
	}
	wait.Wait()
	var flat []Check
	for _, o := range out {
		flat = append(flat, o...)
	}
	return flat
}

// summed puts one line in place of all that is well: with hundreds of accounts
// only the others are worth reading.
func summed(all []Check, part, says string, args ...any) []Check {
	var out []Check
	good := 0
	for _, c := range all {
		if c.Level == CheckOK {
			good++
			continue
		}
		out = append(out, c)
	}
	if good == 0 {
		return out
	}
	return append([]Check{ok(part, "", "%d of %d: "+says, append([]any{good, len(all)}, args...)...)}, out...)
}
