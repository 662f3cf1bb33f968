// Command floor is the baseline of the benchmark: the least a program can do
// that receives findings from SQS, decodes them, matches them against twenty
// rules, drops what it has seen (Redis), posts to Slack and PagerDuty, and
// deletes in batches. Nothing in it is durable: it loses what a far end
// refuses. The benchmark states the bot's figures as ratios to it.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-json-experiment/json"
	"github.com/redis/go-redis/v9"
)

const (
	receiveLoops = 4
	batchesHeld  = 32
)

type event struct {
	Type   string `json:"type"`
	Detail struct {
		ID        string  `json:"id"`
		Type      string  `json:"type"`
		AccountID string  `json:"accountId"`
		Region    string  `json:"region"`
		Severity  float64 `json:"severity"`
		Title     string  `json:"title"`
		UpdatedAt string  `json:"updatedAt"`
	} `json:"detail"`
}

type envelope struct {
	Type    string `json:"Type"`
	Message string `json:"Message"`
}

type floor struct {
	sqs   *sqs.Client
	queue string
	redis *redis.Client
	http  *http.Client
	slack string
	pager string
	rules []string
}

// seen counts an update and says whether a finding is new.
var seen = redis.NewScript(`if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', 7776000) then return 1 end return 0`)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	cfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	f := &floor{sqs: sqs.NewFromConfig(cfg), queue: os.Getenv("FLOOR_QUEUE"), slack: os.Getenv("FLOOR_SLACK"), pager: os.Getenv("FLOOR_PAGER"),
		redis: redis.NewClient(&redis.Options{Addr: os.Getenv("FLOOR_REDIS"), MaxRetries: -1}),
		http:  &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	for i := range 19 {
		f.rules = append(f.rules, fmt.Sprintf("NoSuch%d:*", i))
	}
	f.rules = append(f.rules, "*")
	if err := seen.Load(ctx, f.redis).Err(); err != nil {
		return err
	}
	held := make(chan struct{}, batchesHeld)
	var loops sync.WaitGroup
	for range receiveLoops {
		loops.Go(func() {
			for {
				held <- struct{}{}
				out, err := f.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &f.queue, MaxNumberOfMessages: 10, WaitTimeSeconds: 20})
				if err != nil || len(out.Messages) == 0 {
					<-held
					continue
				}
				go func() { defer func() { <-held }(); f.batch(ctx, out.Messages) }()
			}
		})
	}
	loops.Wait()
	return nil
}

func (f *floor) batch(ctx context.Context, messages []types.Message) {
	events := make([]event, len(messages))
	pipe := f.redis.Pipeline()
	answers := make([]*redis.Cmd, len(messages))
	for i, m := range messages {
		var env envelope
		body := []byte(aws.ToString(m.Body))
		if json.Unmarshal(body, &env) == nil && env.Message != "" {
			body = []byte(env.Message)
		}
		if err := json.Unmarshal(body, &events[i]); err != nil {
			continue
		}
		answers[i] = pipe.EvalSha(ctx, seen.Hash(), []string{"floor:" + events[i].Detail.ID}, 1)
	}
	_, _ = pipe.Exec(ctx)
	var posts sync.WaitGroup
	for i := range events {
		if answers[i] == nil {
			continue
		}
		if n, _ := answers[i].Int(); n == 1 && f.match(events[i].Detail.Type) {
			posts.Go(func() { f.post(ctx, &events[i]) })
		}
	}
	posts.Wait()
	entries := make([]types.DeleteMessageBatchRequestEntry, len(messages))
	for i, m := range messages {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle}
	}
	_, _ = f.sqs.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &f.queue, Entries: entries})
}

func (f *floor) match(typ string) bool {
	for _, r := range f.rules {
		if ok, _ := path.Match(r, strings.ReplaceAll(typ, "/", ".")); ok {
			return true
		}
	}
	return false
}

func (f *floor) post(ctx context.Context, e *event) {
	text := fmt.Sprintf(`{"channel":"C0SECURITY","text":%q}`, e.Detail.Type+" in "+e.Detail.AccountID)
	f.send(ctx, f.slack+"chat.postMessage", text)
	if e.Detail.Severity >= 7 {
		f.send(ctx, f.pager+"/v2/enqueue", fmt.Sprintf(`{"routing_key":"0123456789abcdef0123456789abcdef","event_action":"trigger","dedup_key":%q,"payload":{"summary":%q,"source":"floor","severity":"critical"}}`, e.Detail.ID, e.Detail.Type))
	}
}

func (f *floor) send(ctx context.Context, url, body string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Authorization", "Bearer xoxb-floor")
	resp, err := f.http.Do(req)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}
