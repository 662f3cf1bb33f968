package intake_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/securitybot/securitybot/findings/intake"
	"github.com/securitybot/securitybot/internal/fakes/sqsfake"
)

const queue = "findings"

// event is an EventBridge event with a finding in it.
func event(id string) string {
	return fmt.Sprintf(`{"version":"0","id":"11111111-2222-4333-8444-555555555555","detail-type":"GuardDuty Finding","source":"aws.guardduty",`+
		`"account":"111122223333","time":"2026-03-01T12:00:00Z","region":"eu-west-1","resources":[],"detail":{"schemaVersion":"2.0",`+
		`"accountId":"111122223333","region":"eu-west-1","partition":"aws","id":%q,"arn":"arn:aws:guardduty:eu-west-1:111122223333:detector/d0/finding/%s",`+
		`"type":"Recon:EC2/PortProbeUnprotectedPort","severity":2,"createdAt":"2026-03-01T11:58:00.000Z","updatedAt":"2026-03-01T11:59:00.000Z",`+
		`"title":"Unprotected port is being probed.","description":"A port is being probed.",`+
		`"resource":{"resourceType":"Instance","instanceDetails":{"instanceId":"i-0123456789abcdef0"}},"service":{"count":1,"detectorId":"d0"}}}`, id, id)
}

// handler answers with a function and remembers what it was given.
type handler struct {
	mu    sync.Mutex
	calls [][]intake.Arrival
	do    func(ctx context.Context, batch []intake.Arrival) []intake.Outcome
}

func (h *handler) HandleArrivals(ctx context.Context, batch []intake.Arrival) []intake.Outcome {
	h.mu.Lock()
	h.calls = append(h.calls, slices.Clone(batch))
	do := h.do
	h.mu.Unlock()
	if do == nil {
		return all(batch, intake.Handled)
	}
	return do(ctx, batch)
}

func (h *handler) answer(do func(ctx context.Context, batch []intake.Arrival) []intake.Outcome) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.do = do
}

// seen returns the arrivals, in the order in which they were offered.
func (h *handler) seen() (out []intake.Arrival) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.calls {
		out = append(out, c...)
	}
	return out
}

func (h *handler) ids() (out []string) {
	for _, a := range h.seen() {
		out = append(out, a.Items[0].Finding.ID)
	}
	return out
}

func all(batch []intake.Arrival, o intake.Outcome) []intake.Outcome {
	out := make([]intake.Outcome, len(batch))
	for i := range out {
		out[i] = o
	}
	return out
}

func always(o intake.Outcome) func(context.Context, []intake.Arrival) []intake.Outcome {
	return func(_ context.Context, batch []intake.Arrival) []intake.Outcome { return all(batch, o) }
}

// parker keeps what is parked; it can be told to fail.
type parker struct {
	mu   sync.Mutex
	got  []intake.Parked
	fail error
}

func (p *parker) Park(_ context.Context, x intake.Parked) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return p.fail
	}
	p.got = append(p.got, x)
	return nil
}

func (p *parker) parked() []intake.Parked {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

func (p *parker) set(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = err
}

type doer struct{ http.RoundTripper }

func (d doer) Do(r *http.Request) (*http.Response, error) { return d.RoundTrip(r) }

// rig is an intake at an SQS fake, in a bubble where time is free.
type rig struct {
	t       *testing.T
	sqs     *sqsfake.Server
	handler *handler
	parker  *parker
	reg     *prometheus.Registry
	poller  *intake.Poller
	log     *strings.Builder
	stop    context.CancelFunc
	done    chan error
}

// bubble runs f in a synctest bubble with an intake that f starts.
func bubble(t *testing.T, o sqsfake.QueueOptions, change func(*intake.Config), f func(t *testing.T, r *rig)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, sqs: sqsfake.NewLocal(), handler: &handler{}, parker: &parker{}, reg: prometheus.NewRegistry(), log: &strings.Builder{}}
		r.sqs.CreateQueue(queue, o)
		r.poller = r.make(r.handler, r.parker, r.reg, change)
		defer func() {
			if r.stop != nil {
				r.stop()
				<-r.done
			}
			r.sqs.Close()
			synctest.Wait()
		}()
		f(t, r)
	})
}

// make returns one more intake at the same queue.
func (r *rig) make(h intake.Handler, p intake.Parker, reg prometheus.Registerer, change func(*intake.Config)) *intake.Poller {
	r.t.Helper()
	cfg := intake.Config{QueueURL: r.sqs.QueueURL(queue)}
	if change != nil {
		change(&cfg)
	}
	log := slog.New(slog.NewTextHandler(&locked{w: r.log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	poller, err := intake.New(cfg, r.client(), h, p, log, reg)
	if err != nil {
		r.t.Fatal(err)
	}
	return poller
}

type locked struct {
	mu sync.Mutex
	w  *strings.Builder
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// start runs the intake; the returned function ends it and returns how long
// that took.
func (r *rig) start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.stop, r.done = cancel, make(chan error, 1)
	go func() { r.done <- r.poller.Run(ctx) }()
}

// end stops the intake and returns how long that took.
func (r *rig) end() time.Duration {
	r.t.Helper()
	begin := time.Now()
	r.stop()
	if err := <-r.done; err != nil {
		r.t.Errorf("Run returned %v", err)
	}
	r.stop = nil
	return time.Since(begin)
}

// after lets time pass.
func (r *rig) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (r *rig) send(n int) (ids []string) {
	for i := range n {
		id := fmt.Sprintf("finding-%04d", i)
		ids = append(ids, id)
		r.sqs.Send(queue, event(id))
	}
	return ids
}

func (r *rig) deleted() int { return len(r.sqs.Deleted(queue)) }

// metric returns the value of a counter or gauge, the first label value in
// braces after its name.
func (r *rig) metric(name string) float64 {
	r.t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			full := strings.TrimPrefix(f.GetName(), "securitybot_intake_")
			if l := m.GetLabel(); len(l) > 0 {
				full += "{" + l[0].GetValue() + "}"
			}
			if full == name {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	r.t.Fatalf("no metric %q", name)
	return 0
}

func (r *rig) wantMetric(name string, want float64) {
	r.t.Helper()
	if got := r.metric(name); got != want {
		r.t.Errorf("%s is %v, want %v", name, got, want)
	}
}

// crash receives what is visible and is not heard of again.
func (r *rig) crash() {
	r.t.Helper()
	r.receive()
	r.after(31 * time.Second)
}

func (r *rig) receive() {
	r.t.Helper()
	url := r.sqs.QueueURL(queue)
	out, err := r.client().ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
	if err != nil || len(out.Messages) == 0 {
		r.t.Fatalf("received %v, %v", out, err)
	}
}

func (r *rig) client() *sqs.Client {
	return sqs.New(sqs.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(r.sqs.URL), HTTPClient: doer{r.sqs.Transport()},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
	})
}
