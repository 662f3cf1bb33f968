// Package rig is a whole world for the bot: a chat workspace, a queue and a
// pager (the fakes), a store, and the unchanged bot between them. Scenario
// tests and the demo run on it.
//
// The company is always the same: Ana is an engineer, Priya leads the payments
// team, Omar is on call for security, Mei approves, Gus is a guest, and
// #security, #payments and #platform are channels the bot is in.
package rig

import (
	"cmp"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/securitybot/securitybot/bot"
	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/fakes/lookupfake"
	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/fakes/sqsfake"
	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
	"github.com/securitybot/securitybot/internal/fakes/wire"
	"github.com/securitybot/securitybot/internal/store"
)

// Queue is the name of the queue findings arrive in; its dead letters are in
// Dead.
const (
	Queue = "findings"
	Dead  = "findings-dead"
)

// RoutingKey and FallbackKey are the two PagerDuty services.
const (
	RoutingKey  = "0123456789abcdef0123456789abcdef"
	FallbackKey = "fedcba9876543210fedcba9876543210"
)

// OnCallToken is the key that may ask PagerDuty who is on call, and the escalation policy that
// counts: Omar is called first, Mei after him.
const (
	OnCallToken  = "u+example-read-only"
	onCallPolicy = "P0SECURITY"
)

// Options change the world. The zero value is what the demo runs on.
type Options struct {
	Redis      string    // address of a redis-server; empty runs one in this process
	Extra      string    // lines added to the configuration
	Access     string    // who may do what; empty is Omar responding and Mei approving
	Policy     string    // path of a policy; empty is the one built in
	Log        io.Writer // where the bot logs; nil for nowhere
	Slack      []slackfake.Option
	Queue      []sqsfake.Option
	Quiet      bool          // no second PagerDuty key
	Replica    int           // bots on the same world; 0 means 1
	Prepare    func(*Rig)    // fills the world before there are bots
	Patience   time.Duration // how long one source of look-ups is waited for; 0 is the usual time
	Records    bool          // cases are recorded in TheHive
	NoEvidence bool          // policy takes none by itself
	Hasty      bool          // for tests: see hurry
	Facts      time.Duration // how long a hasty bot waits for facts about a finding; 0 is as long as it takes
	Proofs     string        // who is asked for second proofs: duo, okta or oidc; empty for nobody
	NoBots     bool          // neither bot nor store: the caller runs processes of its own
}

// Rig is the world. Its fields may be used directly.
type Rig struct {
	Slack *slackfake.Server
	SQS   *sqsfake.Server
	Pager *pagerdutyfake.Server
	AWS   *awsfake.Cloud
	Hive  *thehivefake.Server // nil without Options.Records
	Proving
	// Lookups are the sources that are asked about addresses and domains.
	Lookups *lookupfake.Server
	Store   *store.Store
	Bots    []*bot.Bot
	Clock   *Clock

	Ana, Priya, Omar, Mei, Gus slackfake.User
	Security, Payments         slackfake.Channel
	Platform                   slackfake.Channel
	OnCall                     slackfake.Usergroup

	front   *httptest.Server // AWS by TLS
	options Options
	lag     atomic.Int64 // nanoseconds the workspace is behind the bots
	redis   *miniredis.Miniredis
	unrelay func() // ends what stands before redis
	stops   []func()
	done    chan error
}

// New builds the world without starting the bot.
func New(ctx context.Context, o Options) (*Rig, error) {
	if o.Hasty {
		o.Slack = append([]slackfake.Option{slackfake.WithAckDeadline(slow), slackfake.WithTriggerLife(slow)}, o.Slack...)
	}
	r := &Rig{options: o, Clock: &Clock{}, Slack: slackfake.New(o.Slack...), Lookups: lookupfake.New(), SQS: sqsfake.New(o.Queue...), Pager: pagerdutyfake.New(
		pagerdutyfake.WithService("Security on call", RoutingKey), pagerdutyfake.WithService("Security fallback", FallbackKey), pagerdutyfake.WithAPIToken(OnCallToken))}
	if err := r.cloud(); err != nil {
		return nil, err
	}
	r.records(o.Records)
	r.people()
	r.proofs(o.Proofs)
	if o.Prepare != nil {
		o.Prepare(r)
	}
	r.SQS.CreateQueue(Dead, sqsfake.QueueOptions{})
	r.SQS.CreateQueue(Queue, sqsfake.QueueOptions{DLQ: Dead, MaxReceive: 5})
	if o.NoBots {
		return r, nil
	}
	addr := o.Redis
	if addr == "" {
		m, err := miniredis.Run()
		if err != nil {
			return nil, fmt.Errorf("start the store: %w", err)
		}
		r.redis = m
		if addr, r.unrelay, err = wire.Relay(m.Addr()); err != nil {
			return nil, err
		}
	}
	s, err := store.Open(ctx, store.Options{Addrs: []string{addr}})
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	r.Store = s
	for range max(o.Replica, 1) {
		b, err := r.build(ctx)
		if err != nil {
			return nil, err
		}
		r.Bots = append(r.Bots, b)
	}
	return r, nil
}

// people fills the workspace.
func (r *Rig) people() {
	add := func(id, name, full string) slackfake.User {
		return r.Slack.AddUser(slackfake.User{ID: id, Name: name, RealName: full, Email: name + "@corp.example"})
	}
	r.Ana, r.Priya, r.Omar = add("U0ANA", "ana", "Ana Souza"), add("U0PRIYA", "priya", "Priya Nair"), add("U0OMAR", "omar", "Omar Haddad")
	r.Mei = add("U0MEI", "mei", "Mei Tanaka")
	r.Gus = r.Slack.AddUser(slackfake.User{ID: "U0GUS", Name: "gus", RealName: "Gus Guest", Email: "gus@partner.example", Guest: true})
	channel := func(id, name string, members ...string) slackfake.Channel {
		return r.Slack.AddChannel(slackfake.Channel{ID: id, Name: name, Members: append(members, r.Slack.BotUser)})
	}
	r.Security = channel("C0SECURITY", "security", r.Omar.ID, r.Mei.ID)
	r.Payments = channel("C0PAYMENTS", "payments", r.Priya.ID, r.Ana.ID, r.Gus.ID)
	r.Platform = channel("C0PLATFORM", "platform", r.Priya.ID, r.Ana.ID)
	r.OnCall = r.Slack.AddUsergroup(slackfake.Usergroup{ID: "S0ONCALL", Handle: "security-oncall", Name: "Security on call", Users: []string{r.Omar.ID}})
	shift := pagerdutyfake.Shift{Policy: onCallPolicy, PolicyName: "Security", Level: 1, UserID: "PDOMAR", Name: r.Omar.RealName, Email: r.Omar.Email}
	second := shift
	second.Level, second.UserID, second.Name, second.Email = 2, "PDMEI", r.Mei.RealName, r.Mei.Email
	r.Pager.SetRota(shift, second)
}

// build makes one bot on this world, from a configuration file like anybody's.
func (r *Rig) build(ctx context.Context) (*bot.Bot, error) {
	cfg, err := config.Loader{LookupEnv: func(name string) (string, bool) {
		v, ok := map[string]string{"APP": r.Slack.AppToken, "BOT": r.Slack.BotToken, "KEY": RoutingKey, "KEY2": FallbackKey, "ONCALL": OnCallToken, "HIVE": HiveKey, "PROOF": ProofSecret,
			"VIRUSTOTAL": lookupfake.VirusTotalKey, "ABUSEIPDB": lookupfake.AbuseIPDBKey}[name]
		return v, ok
	}}.Parse("securitybot.yaml", []byte(r.Config("127.0.0.1:6379")))
	if err != nil {
		return nil, fmt.Errorf("read the world's configuration: %w", err)
	}
	out := r.options.Log
	if out == nil {
		out = io.Discard
	}
	log := slog.New(slog.NewTextHandler(out, nil))
	d, err := bot.Parts(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	d.AWS = r.hub()
	d.Store, d.Clock, d.Log, d.Reg = r.Store, r.Clock, log, prometheus.NewRegistry()
	for i := range d.Queues {
		d.Queues[i].Client = r.client()
	}
	d.LookUps.SourceTimeout = r.options.Patience
	if r.options.Hasty {
		r.hurry(&d)
	}
	return bot.New(bot.SettingsOf(cfg), d)
}

// slow is how long a machine that is busy with other things may take.
const slow = time.Minute

// hurry takes real time out of a bot: Slack's pace is not kept to, since the
// double counts calls only when it is told to, and nothing is given up because
// the machine is slow.
func (r *Rig) hurry(d *bot.Deps) {
	d.Chat.Timing.MethodBurst, d.Chat.ChannelBurst, d.Chat.PostBurst = 1000, 1000, 1000
	d.Chat.Timing.Handle = slow / 2
	d.Patience, d.LookUps.First = cmp.Or(r.options.Facts, slow/2), slow/2
}

// client speaks to the queue without any environment.
func (r *Rig) client() *sqs.Client {
	return sqs.New(sqs.Options{Region: "eu-west-1", BaseEndpoint: aws.String(r.SQS.URL), Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "example", "")})
}

// Config is the configuration of this world, with a store at addr.
func (r *Rig) Config(addr string) string {
	lines := []string{
		"slack: {app_token: \"${env:APP}\", bot_token: \"${env:BOT}\", api_url: " + r.Slack.APIURL() + ", posting: {per_second: 20, burst: 20}}",
		"channels: {security: " + r.Security.ID + "}",
		"sqs: {queues: [{url: \"" + r.SQS.QueueURL(Queue) + "\", region: eu-west-1, accounts: [\"111122223333\"]}]}",
		"redis: {addrs: [\"" + addr + "\"]}",
		"on_call_mention: " + r.OnCall.ID,
		"access: " + cmp.Or(r.options.Access, "{responders: {groups: ["+r.OnCall.ID+"]}, approvers: {users: ["+r.Mei.ID+"]}}"),
		"http: {addr: \"\"}",
		r.awsConfig(),
		r.lookupConfig(),
	}
	lines = append(lines, r.hiveConfig(), r.proofConfig())
	key := "pagerduty: {routing_key: \"${env:KEY}\", events_url: " + r.Pager.URL + ", api_token: \"${env:ONCALL}\", escalation_policies: [" + onCallPolicy + "], api_url: " + r.Pager.URL
	if !r.options.Quiet {
		key += ", fallback_routing_key: \"${env:KEY2}\""
	}
	lines = append(lines, key+"}")
	if r.options.Policy != "" {
		lines = append(lines, "policy: "+r.options.Policy)
	}
	return strings.Join(lines, "\n") + "\n" + company + r.options.Extra
}

// company says who is who and who owns what.
const company = `enrich:
  domains: [corp.example]
  people:
    - {email: ana@corp.example, name: Ana}
    - {email: omar@corp.example, name: Omar, addresses: [omar.admin@corp.example]}
  teams:
    payments: {channel: C0PAYMENTS}
    platform: {channel: C0PLATFORM}
  accounts:
    "111122223333": {name: payments-prod, team: platform}
  catch_all: {channel: C0SECURITY}
`

// Start runs the bots until Close.
func (r *Rig) Start(ctx context.Context) {
	r.done = make(chan error, len(r.Bots))
	for _, b := range r.Bots {
		one, stop := context.WithCancel(ctx)
		r.stops = append(r.stops, stop)
		go func() { r.done <- b.Run(one) }()
	}
}

// Restart stops the bots and starts new ones on the same world, as a new
// process would.
func (r *Rig) Restart(ctx context.Context) error {
	if err := r.Stop(); err != nil {
		return err
	}
	for i := range r.Bots {
		b, err := r.build(ctx)
		if err != nil {
			return err
		}
		r.Bots[i] = b
	}
	r.Start(ctx)
	return nil
}

// BreakStore makes the store answer everything with an error until it is
// called with "". It works for the store in this process only.
func (r *Rig) BreakStore(answer string) { r.redis.SetError(answer) }

// Stop stops the bots in order and returns the first error.
func (r *Rig) Stop() error {
	var first error
	for _, stop := range r.stops {
		stop()
	}
	for range r.stops {
		if err := <-r.done; err != nil && first == nil {
			first = err
		}
	}
	r.stops = nil
	return first
}

// Close stops everything.
func (r *Rig) Close() error {
	err := r.Stop()
	if r.Store != nil {
		_ = r.Store.Close()
	}
	r.Slack.Close()
	r.SQS.Close()
	r.Pager.Close()
	r.Lookups.Close()
	r.front.Close()
	r.AWS.Close()
	r.closeRecords()
	r.closeProofs()
	if r.redis != nil {
		r.unrelay()
		r.redis.Close()
	}
	return err
}

// Send puts messages into the queue as SNS would.
func (r *Rig) Send(bodies ...string) {
	for _, b := range bodies {
		r.SQS.Send(Queue, b)
	}
}

// Age lets what is kept for a time in the store of this process end, as if that
// time had passed.
func (r *Rig) Age(d time.Duration) { r.redis.FastForward(d) }

// ByTLS lets a process speak to AWS by TLS, without which evidence is refused.
// Add what it returns to Setenv; bundle is a file to write the certificate to.
func (r *Rig) ByTLS(bundle string) ([]string, error) {
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.front.Certificate().Raw})
	if err := os.WriteFile(bundle, cert, 0o600); err != nil {
		return nil, fmt.Errorf("write the certificate: %w", err)
	}
	return []string{"AWS_ENDPOINT_URL=" + r.front.URL, "AWS_CA_BUNDLE=" + bundle}, nil
}

// Setenv gives a process the keys its configuration refers to.
func (r *Rig) Setenv() []string {
	k := r.AWS.User(hubAccount, "securitybot")
	return append(os.Environ(), "APP="+r.Slack.AppToken, "BOT="+r.Slack.BotToken, "KEY="+RoutingKey, "KEY2="+FallbackKey, "ONCALL="+OnCallToken, "HIVE="+HiveKey, "PROOF="+ProofSecret, "VIRUSTOTAL="+lookupfake.VirusTotalKey, "ABUSEIPDB="+lookupfake.AbuseIPDBKey, "AWS_ENDPOINT_URL_SQS="+r.SQS.URL,
		"AWS_ENDPOINT_URL="+r.AWS.URL, "AWS_ACCESS_KEY_ID="+k.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+k.SecretAccessKey, "AWS_EC2_METADATA_DISABLED=true", "AWS_REGION=eu-west-1")
}
