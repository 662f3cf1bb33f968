package bot

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/commands"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/enrich"
	"github.com/securitybot/securitybot/findings/intake"
	"github.com/securitybot/securitybot/findings/lookup"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/inquiries"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders/pagerduty"
	"github.com/securitybot/securitybot/responders/thehive"
)

// Settings are what the three lines themselves need from the configuration.
type Settings struct {
	SecurityChannel string                           // where cases for the team go; a channel id
	FallbackChannel string                           // where an undelivered page is announced; a channel id
	NewsChannel     string                           // where GuardDuty's announcements go; a channel id
	OnCallMention   string                           // user or user group id mentioned with it
	FallbackAfter   time.Duration                    // how long PagerDuty may refuse before the fallback is used as well
	FallbackKey     bool                             // a second PagerDuty key is configured
	Access          config.Access                    // who may do what
	Zone            string                           // IANA zone of people whose own is not known
	Timeouts        map[findings.Level]time.Duration // waits for an answer that replace the built-in ones
	MaxOpen         int                              // questions one person may have open
	Command         string                           // the slash command
	ArchiveDir      string                           // where decided findings are written; empty for nowhere
	AWSIR           config.AWSIR                     // what may be done in AWS
	Incidents       config.Incidents                 // how incident channels are made
	NLBMap          config.NLBMap                    // ports behind network load balancers
	Sweep           config.Sweep                     // GuardDuty's own list is compared with the store
	Regions         []string                         // where things are looked up when no others are named
	HTTPAddr        string                           // health and metrics; empty for none
	AuditLog        AuditSettings                    // who did what
	CaseTemplate    string                           // of TheHive, for cases made from alerts
	UploadMiB       int                              // how large evidence may be to be uploaded there
	Proofs          Proofs                           // how a "yes" is proved
}

// Proofs says how people are asked to prove a "yes".
type Proofs struct {
	PerHour   int    // requests one person gets at most
	LocalPart bool   // people are known to the provider by what is before the @
	Listen    string // where browsers reach the sign-ins
}

// Clock tells the store's time.
type Clock interface{ Now() time.Time }

// Deps are the parts a bot is put together from. Chat is made by New, because
// the bot handles what happens there.
type Deps struct {
	Store   *store.Store
	Clock   Clock
	Policy  *policy.Policy
	People  *enrich.Directory
	Pager   *pagerduty.Client
	OnCall  *pagerduty.API     // who is on call; nil: PagerDuty is not asked
	Hive    *thehive.Client    // nil: no records are kept there
	LookUps *lookup.Config     // who is asked about addresses and domains; nil for nobody, and no commands
	Proof   inquiries.Verifier // asks for a second proof of a "yes"; nil: nobody does
	AWS     aws.Config         // the bot's own credentials and endpoints
	Chat    chat.Config
	Queues  []Queue
	// Patience is how long facts about a finding are waited for, if that is longer
	// than usual; for tests on slow machines.
	Patience time.Duration
	Log      *slog.Logger
	Reg      *prometheus.Registry
}

// Queue is one SQS queue to read.
type Queue struct {
	Config intake.Config
	Client intake.SQS
}

// Bot is the runtime.
type Bot struct {
	cfg      Settings
	routes   cases.Routes
	store    *store.Store
	clock    Clock
	policy   *policy.Policy
	people   *enrich.Directory
	pager    *pagerduty.Client
	onCall   *pagerduty.API
	hive     *thehive.Client
	acting   Acting
	looking  looking
	patience time.Duration // with what looking asks, at least
	pauses   pauses
	lookups  *lookup.Investigator // nil: there are no look-ups
	lookedUp lookUpLimit
	slack    *chat.Slack
	verifier inquiries.Verifier // nil: nobody can prove a "yes"
	commands *commands.Set
	buttons  map[string]door[chat.Action]
	dialogs  map[string]door[chat.Submission]
	pollers  []*intake.Poller
	log      *slog.Logger
	metrics  *metrics
	reg      *prometheus.Registry

	instance  string
	ops       atomic.Uint64
	workers   sync.WaitGroup
	wakes     wakes
	held      heldEffects
	channels  channelQueues
	groups    groupCache
	hiveGate  hiveGate
	uploads   chan struct{} // the piece of evidence that is in memory for TheHive
	notPosted notPosted
	notices   parkedNotices
	health    health
	auditLog  *auditLog
	sweeper   *sweeper // nil: there is no sweep
}

// New puts a bot together. Nothing is contacted.
func New(s Settings, d Deps) (*Bot, error) {
	b := &Bot{cfg: s, store: d.Store, clock: d.Clock, policy: d.Policy, people: d.People, pager: d.Pager, onCall: d.OnCall, hive: d.Hive, patience: d.Patience, verifier: d.Proof,
		log: d.Log, reg: d.Reg, metrics: newMetrics(d.Reg), instance: randomID()[:10] + "-", uploads: make(chan struct{}, 1),
		routes: cases.Routes{Security: s.SecurityChannel, Archive: s.ArchiveDir != "", Records: d.Hive != nil}}
	var err error
	if b.acting, err = b.newActing(s.AWSIR, d.AWS); err != nil {
		return nil, err
	}
	if b.lookups, err = b.newLookups(d.LookUps); err != nil {
		return nil, err
	}
	if b.looking, err = b.newLooking(d.AWS); err != nil {
		return nil, err
	}
	if b.sweeper, err = b.newSweeper(d.AWS, d.Queues); err != nil {
		return nil, err
	}
	b.commands, b.buttons, b.dialogs = commands.New(b, b.desks()), buttons(), dialogs()
	slack, err := chat.New(d.Chat, b, d.Log, d.Reg)
	if err != nil {
		return nil, fmt.Errorf("set up chat: %w", err)
	}
	b.slack = slack
	for i, q := range d.Queues {
		reg := prometheus.WrapRegistererWith(prometheus.Labels{"queue": fmt.Sprint(i)}, d.Reg)
		p, err := intake.New(q.Config, q.Client, b, b, d.Log, reg)
		if err != nil {
			return nil, fmt.Errorf("set up queue %d: %w", i, err)
		}
		b.pollers = append(b.pollers, p)
	}
	b.auditLog = newAuditLog(s.AuditLog, d.Reg)
	return b, nil
}

// desks are the parts of the bot that commands speak to. A part that is not
// configured is not there.
func (b *Bot) desks() commands.Desks {
	d := commands.Desks{Cases: b, Incidents: incidentDesk{b}}
	if b.acting.Actor != nil {
		d.Actions, d.Operations = b, b
	}
	if b.lookups != nil {
		d.LookUps = b
	}
	return d
}

// drainTime bounds an orderly stop (P18).
const drainTime = 25 * time.Second

// Run works until ctx ends, then stops in order: intake first, so that nothing
// new starts; then the clock, whose effects in flight finish; then chat, so
// that clicks are acknowledged to the last.
func (b *Bot) Run(ctx context.Context) error {
	if err := b.startHTTP(); err != nil {
		return err
	}
	defer b.stopHTTP()
	stopProofWeb, err := b.startProofWeb()
	if err != nil {
		return err
	}
	defer stopProofWeb()
	b.checkEpoch(ctx)

	chatCtx, stopChat := context.WithCancel(context.WithoutCancel(ctx))
	defer stopChat()
	var chatDone, loops, intakes sync.WaitGroup
	chatDone.Go(func() {
		if err := b.slack.Run(chatCtx); err != nil {
			b.log.Error("chat ended", "error", err)
		}
	})
	clockCtx, stopClock := context.WithCancel(context.WithoutCancel(ctx))
	defer stopClock()
	loops.Go(func() { b.runTimers(clockCtx) })
	loops.Go(func() { b.runAuditor(clockCtx) })
	loops.Go(func() { b.runHealth(clockCtx) })
	loops.Go(func() { b.runPortMap(clockCtx) })
	loops.Go(func() { b.runSweep(clockCtx) })
	for _, lane := range store.Lanes {
		loops.Go(func() { b.runLane(clockCtx, lane) })
	}
	leaseCtx, stopLeases := context.WithCancel(context.WithoutCancel(ctx))
	var leases sync.WaitGroup
	leases.Go(func() { b.runLeases(leaseCtx) })
	auditCtx, stopAudit := context.WithCancel(context.WithoutCancel(ctx))
	var auditDone sync.WaitGroup
	auditDone.Go(func() { b.runAuditLog(auditCtx) })
	for _, p := range b.pollers {
		intakes.Go(func() {
			if err := p.Run(ctx); err != nil {
				b.log.Error("intake ended", "error", err)
			}
		})
	}
	b.log.Info("running")
	<-ctx.Done()
	b.log.Info("stopping: taking no more findings, finishing what is under way")
	deadline := time.After(drainTime)
	stopProofWeb()
	clean := waitFor(&intakes, deadline)
	stopClock()
	clean = waitFor(&loops, deadline) && clean
	clean = waitFor(&b.workers, deadline) && clean
	stopLeases()
	stopChat()
	clean = waitFor(&chatDone, deadline) && clean
	stopAudit() // after chat: the last click is recorded too
	clean = waitFor(&auditDone, deadline) && clean
	leases.Wait()
	if !clean {
		return errors.New("not everything ended in time; what was left is taken over by the next start")
	}
	b.log.Info("stopped")
	return nil
}

// waitFor waits for a group; false when the deadline came first.
func waitFor(g *sync.WaitGroup, deadline <-chan time.Time) bool {
	done := make(chan struct{})
	go func() { g.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-deadline:
		return false
	}
}

// guard keeps a panic in one effect from ending the process.
func (b *Bot) guard(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			b.log.Error("an effect panicked", "panic", fmt.Sprint(p))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return fn()
}

// randomID is a name with 130 random bits, for whatever must not be guessed.
func randomID() string {
	var raw [20]byte
	rand.Read(raw[:]) // never fails, by its documentation
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw[:])
}
