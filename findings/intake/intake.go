package intake

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/securitybot/securitybot/findings"
)

// SQS is what the intake needs of a queue; *sqs.Client has it.
type SQS interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
	ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
}

// Arrival is one message with what is usable in it.
type Arrival struct {
	MessageID    string
	Queue        string // URL
	ReceiveCount int    // 1 for the first delivery
	SentAt       time.Time
	// Items all have a Finding. There is at least one.
	Items []findings.Item
}

// Outcome is what became of an Arrival.
type Outcome int

// The outcomes. The zero value is none of them and counts as Later.
const (
	// Handled means that everything in the arrival is durable: the message
	// is deleted.
	Handled Outcome = iota + 1
	// Later leaves the message in the queue. It is offered again.
	Later
)

// Handler makes arrivals durable. The answer has one Outcome an arrival, in
// the same order. It is called concurrently, with up to ten arrivals, and may
// get any of them again: at-least-once delivery is all a queue promises. The
// context ends when the handler has taken Config.MaxHold, or when a shutdown
// cannot wait any longer.
type Handler interface {
	HandleArrivals(ctx context.Context, batch []Arrival) []Outcome
}

// Parked is a message, or a part of one, that cannot be used.
type Parked struct {
	Reason    string // for people; may quote outside text
	Kind      string // one of Kinds: for metrics, and for notices that come once an hour
	Body      []byte // the first 4 KiB of the message, or of its first unusable line
	Queue     string // URL
	MessageID string
	At        time.Time
}

// Parker keeps what cannot be used where people see it. After an error the
// same message is parked again when the queue delivers it again.
type Parker interface {
	Park(ctx context.Context, p Parked) error
}

// Poller receives from one queue. Make it with New, start it with Run.
type Poller struct {
	cfg     Config
	sqs     SQS
	handler Handler
	parker  Parker
	log     *slog.Logger
	metrics *metrics
	sns     *snsVerifier // nil when signatures are not asked for
	allowed allowed

	hand    *hand
	memory  *memory
	health  *health
	outage  *outage
	deletes *deleter
	loops   sync.WaitGroup
	extra   chan struct{} // one slot for each loop beyond the first
	batches sync.WaitGroup
}

// New checks the configuration and makes a Poller. A nil log discards, a nil
// reg leaves the metrics unregistered.
func New(cfg Config, client SQS, h Handler, pk Parker, log *slog.Logger, reg prometheus.Registerer) (*Poller, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if client == nil || h == nil || pk == nil {
		return nil, errors.New("intake needs a client, a handler and a parker")
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &Poller{
		cfg: cfg, sqs: client, handler: h, parker: pk, log: log.With("queue", cfg.QueueURL),
		allowed: newAllowed(cfg),
		hand:    newHand(cfg.MaxInHand, cfg.MaxBytesInHand),
		memory:  newMemory(memorySize),
		health:  newHealth(cfg),
		outage:  newOutage(),
		extra:   make(chan struct{}, cfg.Workers-1),
	}
	p.deletes = &deleter{p: p}
	if cfg.VerifySNS {
		p.sns = newSNSVerifier(cfg)
	}
	var err error
	p.metrics, err = newMetrics(reg, p.hand)
	return p, err
}

// Run receives until ctx ends, then drains: it receives nothing more, gives
// what is in hand Config.Drain to finish, hands back what has not, and returns
// nil. It can be called once.
func (p *Poller) Run(ctx context.Context) error {
	if !p.health.begin(time.Now()) {
		return errors.New("intake: Run was called before")
	}
	defer p.health.end()
	calls, endCalls := context.WithCancel(context.WithoutCancel(ctx))
	defer endCalls()
	work, endWork := context.WithCancelCause(calls)
	defer endWork(nil)
	p.log.Info("intake started", "workers", p.cfg.Workers)

	p.loops.Go(func() { p.loop(scope{run: ctx, calls: calls, work: work}, true) })
	<-ctx.Done()
	deadline := time.NewTimer(p.cfg.Drain)
	defer deadline.Stop()
	p.drain(calls, endWork, deadline.C)
	p.log.Info("intake stopped")
	return nil
}

// scope is how long things may go on after Run was told to end: calls to the
// queue until the drain is over, the handler's work for less.
type scope struct{ run, calls, work context.Context }

var errDraining = errors.New("intake is shutting down")

// drain ends in time whatever the handler does.
func (p *Poller) drain(calls context.Context, endWork context.CancelCauseFunc, deadline <-chan time.Time) {
	idle := make(chan struct{})
	go func() {
		defer close(idle)
		p.loops.Wait()
		p.batches.Wait()
	}()
	cut := time.NewTimer(p.cfg.Drain * 3 / 4)
	defer cut.Stop()
	select {
	case <-idle:
	case <-cut.C:
		endWork(errDraining)
		last := time.NewTimer(p.cfg.Drain / 20) // for handlers that heed their context
		defer last.Stop()
		select {
		case <-idle:
		case <-last.C:
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.handBack(calls)
		p.deletes.close(calls)
	}()
	select {
	case <-ended:
	case <-deadline:
		p.log.Warn("intake did not finish its calls in time; what is left comes back by itself")
	}
}

// handBack makes visible at once what nobody has settled.
func (p *Poller) handBack(calls context.Context) {
	left := p.hand.unsettled()
	if len(left) == 0 {
		return
	}
	p.log.Warn("messages handed back unfinished", "messages", len(left))
	p.leave(calls, left, func(*inflight) time.Duration { return 0 })
}

// Healthy returns nil, or why nothing is expected to get through.
func (p *Poller) Healthy() error { return p.health.check(time.Now(), p.outage, p.hand) }
