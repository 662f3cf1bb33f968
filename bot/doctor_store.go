package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/securitybot/securitybot/internal/store"
)

// Bounds above which a queue or the store is worth a word.
const (
	manyWaiting  = 1000
	fewReceives  = 10 // a dead-letter queue behind fewer catches findings during a short outage
	latePage     = 30 * time.Second
	lateMessage  = 10 * time.Minute
	clockTrouble = 5 * time.Second
)

// queues looks at each queue and its dead-letter queue.
func (d *doctor) queues(ctx context.Context) []Check {
	all, err := queuesOf(ctx, d.cfg)
	if err != nil {
		return []Check{fail("queue", "", err.Error(), "set up AWS credentials for the bot")}
	}
	var out []Check
	for _, q := range all {
		if c, ok := q.Client.(*sqs.Client); ok {
			out = append(out, d.queue(ctx, c, q.Config.QueueURL)...)
		}
	}
	return out
}

func (d *doctor) queue(ctx context.Context, c *sqs.Client, at string) []Check {
	name := at[strings.LastIndex(at, "/")+1:]
	a, err := attributes(ctx, c, at)
	if err != nil {
		return []Check{fail("queue", name, awsSays(err), "see that the queue exists and that the bot's role has the policy of deploy/terraform/queue")}
	}
	waiting, hidden := number(a, "ApproximateNumberOfMessages"), number(a, "ApproximateNumberOfMessagesNotVisible")
	first := ok("queue", name, "%d messages wait, %d are being handled", waiting, hidden)
	if waiting > manyWaiting {
		first = warn("queue", name, fmt.Sprintf("%d messages wait", waiting), "see that a bot is running, and what it logs")
	}
	var redrive struct {
		Target string      `json:"deadLetterTargetArn"`
		Max    json.Number `json:"maxReceiveCount"`
	}
	if json.Unmarshal([]byte(a["RedrivePolicy"]), &redrive) != nil || redrive.Target == "" {
		return []Check{first, fail("queue", name, "it has no dead-letter queue", "add one: what nobody can read would otherwise vanish when its retention ends")}
	}
	out := []Check{first}
	if n, err := redrive.Max.Int64(); err == nil && n < fewReceives {
		out = append(out, warn("queue", name, fmt.Sprintf("a message goes to the dead-letter queue after %d receives", n), "set maxReceiveCount to 20, so that an outage of the store does not send findings there"))
	}
	return append(out, d.deadLetters(ctx, c, at, redrive.Target))
}

// deadLetters looks at the queue of what nobody could read.
func (d *doctor) deadLetters(ctx context.Context, c *sqs.Client, at, arn string) Check {
	p := strings.Split(arn, ":")
	u, err := url.Parse(at)
	if err != nil || len(p) != 6 {
		return warn("queue", "dead letters", "its name is not one", "look at the redrive policy of the queue")
	}
	u.Path = "/" + p[4] + "/" + p[5]
	a, err := attributes(ctx, c, u.String())
	if err != nil {
		return warn("queue", p[5], awsSays(err), "let the bot's role read the attributes of the dead-letter queue, as deploy/terraform/queue does")
	}
	if n := number(a, "ApproximateNumberOfMessages"); n > 0 {
		return warn("queue", p[5], fmt.Sprintf("%d messages that nobody could read", n), "read why in the security channel or the log, and redrive them when that is put right")
	}
	return ok("queue", p[5], "no dead letters")
}

func attributes(ctx context.Context, c *sqs.Client, at string) (map[string]string, error) {
	out, err := c.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &at, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}

func number(a map[string]string, name string) int {
	n, _ := strconv.Atoi(a[name])
	return n
}

// redis looks at the store: what a crash would lose, what waits, its clock.
func (d *doctor) redis(ctx context.Context) []Check {
	x, err := store.Examine(ctx, storeOptions(d.cfg))
	if err != nil {
		return []Check{fail("redis", "", err.Error(), "start Redis, or correct the redis section of the configuration; findings stay in the queue meanwhile")}
	}
	used := "no bot has run on it yet"
	if x.Used {
		used = "a bot has run on it"
	}
	r := x.Durability
	out := []Check{ok("redis", "", "version %s, append-only file %s, fsync %s, %d replicas; %s", r.Version, r.AOF, r.Fsync, r.Replicas, used)}
	out = append(out, d.durability(r)...)
	if skew := time.Since(x.Now).Abs(); skew > clockTrouble {
		out = append(out, warn("redis", "clock", fmt.Sprintf("it differs from this machine's by %s", skew.Round(time.Second)), "run NTP on both; the bot goes by the clock of Redis, AWS refuses requests of a machine that is five minutes off"))
	}
	return append(out, lanes(x)...)
}

func (d *doctor) durability(r store.DurabilityReport) []Check {
	level := CheckWarn
	if d.cfg.Redis.Strict {
		level = CheckFail // the bot refuses to start
	}
	var out []Check
	for _, p := range r.Problems {
		out = append(out, Check{Level: level, Part: "redis", Of: "durability", Says: p, Do: "see docs/operations.md, Redis"})
	}
	for _, u := range r.Unknown {
		out = append(out, Check{Level: level, Part: "redis", Of: "durability", Says: "the server does not tell " + u, Do: "see in its console that it is set as docs/operations.md says"})
	}
	if len(out) == 0 {
		out = append(out, ok("redis", "durability", "%s holds. %s %s %s", r.Level, r.ProcessCrash, r.HostCrash, r.Failover))
	}
	return out
}

// lanes says what has been due for too long: a bot that looks alive and is not.
func lanes(x store.Examination) []Check {
	var out []Check
	for _, l := range store.Lanes {
		lane := x.Lanes[l]
		late := x.Now.Sub(lane.Oldest)
		switch {
		case lane.Oldest.IsZero():
		case l == store.LanePage && late > latePage:
			out = append(out, fail("redis", "waiting", fmt.Sprintf("a page has been waiting for %s", late.Round(time.Second)), "see that a bot is running, and what it logs about PagerDuty"))
		case late > lateMessage:
			out = append(out, warn("redis", "waiting", fmt.Sprintf("something in the lane %q has been waiting for %s", l, late.Round(time.Second)), "see that a bot is running, and what it logs"))
		}
	}
	return out
}
