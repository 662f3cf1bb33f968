package bot

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/findings/enrich"
	"github.com/securitybot/securitybot/findings/intake"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders/pagerduty"
)

// clockSync is how often the offset to the store's clock is looked at.
const clockSync = 10 * time.Second

// Run builds the bot that a configuration describes and runs it until ctx ends.
// Everything is built before anything is received; a part that cannot be built
// ends it with an error that says which.
//
// The parts and the connection to the store are made beside each other: the one
// computes, the other waits.
func Run(ctx context.Context, cfg *config.Config, log *slog.Logger, version string) error {
	parts := buildParts(ctx, cfg, log)
	s, err := store.Open(ctx, storeOptions(cfg))
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	defer s.Close()
	sayDurability(ctx, s, log)
	clockCtx, stopClock := context.WithCancel(context.WithoutCancel(ctx))
	clock, err := store.NewClock(clockCtx, s, clockSync)
	if err != nil {
		stopClock()
		return fmt.Errorf("read the store's clock: %w", err)
	}
	defer clock.Wait()
	defer stopClock()
	reg := newRegistry(version)
	d, err := parts()
	if err != nil {
		return err
	}
	d.Store, d.Clock, d.Log, d.Reg = s, clock, log, reg
	settings := SettingsOf(cfg)
	settings.AuditLog.Version = version
	b, err := New(settings, d)
	if err != nil {
		return err
	}
	return b.Run(ctx)
}

// buildParts starts Parts and returns the function that waits for it.
func buildParts(ctx context.Context, cfg *config.Config, log *slog.Logger) func() (Deps, error) {
	var d Deps
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		d, err = Parts(ctx, cfg, log)
	}()
	return func() (Deps, error) {
		<-done
		return d, err
	}
}

// Parts builds what a configuration describes, except for the store.
func Parts(ctx context.Context, cfg *config.Config, log *slog.Logger) (Deps, error) {
	p, err := loadPolicy(cfg.Policy)
	if err != nil {
		return Deps{}, err
	}
	people, err := enrich.New(cfg.Enrich)
	if err != nil {
		return Deps{}, fmt.Errorf("set up look-ups: %w", err)
	}
	pager, err := pagerduty.New(pagerduty.Config{EventsURL: cfg.PagerDuty.EventsURL, RoutingKey: cfg.PagerDuty.RoutingKey.Reveal(), FallbackKey: cfg.PagerDuty.FallbackRoutingKey.Reveal(), PerMinute: cfg.PagerDuty.EventsPerMinute})
	if err != nil {
		return Deps{}, fmt.Errorf("set up PagerDuty: %w", err)
	}
	onCall, err := onCallOf(cfg.PagerDuty)
	if err != nil {
		return Deps{}, err
	}
	hive, err := hiveOf(cfg.TheHive)
	if err != nil {
		return Deps{}, err
	}
	hub, err := hubOf(ctx, cfg)
	if err != nil {
		return Deps{}, err
	}
	queues, err := queuesOf(ctx, cfg)
	if err != nil {
		return Deps{}, err
	}
	proof, err := proofOf(cfg.MFA)
	if err != nil {
		return Deps{}, err
	}
	look := cfg.Lookup()
	return Deps{Proof: proof, Policy: p, People: people, Pager: pager, OnCall: onCall, Hive: hive, AWS: hub, LookUps: &look, Queues: queues, Chat: chatConfig(cfg)}, nil
}

// SettingsOf picks what the three lines need from a configuration.
func SettingsOf(cfg *config.Config) Settings {
	return Settings{
		SecurityChannel: cfg.Channels.Security, FallbackChannel: cfg.Channels.Fallback, NewsChannel: cfg.Channels.Announcements,
		OnCallMention: cfg.OnCallMention, FallbackAfter: cfg.PagerDuty.FallbackAfter, FallbackKey: cfg.PagerDuty.FallbackRoutingKey.Configured(),
		Access: cfg.Access, AWSIR: cfg.AWSIR, Incidents: cfg.Incidents, CaseTemplate: cfg.TheHive.CaseTemplate, UploadMiB: cfg.TheHive.UploadMiB, NLBMap: cfg.NLBMap, Sweep: cfg.Sweep, Regions: regionsOf(cfg),
		Proofs: Proofs{PerHour: cfg.MFA.PerHour, LocalPart: cfg.MFA.Username == "local_part", Listen: cfg.MFA.OIDC.Listen},
		Zone:   cfg.Inquiries.Zone, Timeouts: cfg.Inquiries.Timeouts,
		MaxOpen: cfg.Inquiries.MaxOpen, Command: cfg.Slack.Command, ArchiveDir: cfg.Archive.Dir, HTTPAddr: cfg.HTTP.Addr, AuditLog: auditSettings(cfg),
	}
}

func storeOptions(cfg *config.Config) store.Options {
	r := cfg.Redis
	var secure *tls.Config
	if r.TLS {
		secure = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return store.Options{Addrs: r.Addrs, MasterName: r.SentinelMaster, Username: r.Username, Password: r.Password.Reveal(), TLS: secure, DB: r.DB,
		Prefix: r.Prefix, Durability: r.Durability, Strict: r.Strict, Replicas: r.Replicas, DialTimeout: r.DialTimeout}
}

func chatConfig(cfg *config.Config) chat.Config {
	p := cfg.Slack.Posting
	return chat.Config{AppToken: cfg.Slack.AppToken.Reveal(), BotToken: cfg.Slack.BotToken.Reveal(), APIURL: cfg.Slack.APIURL, Connections: cfg.Slack.Connections,
		LinkHosts: linkHosts(cfg), Own: ownNames(cfg), ChannelInterval: p.ChannelInterval, ChannelBurst: p.ChannelBurst, PostsPerSecond: p.PerSecond, PostBurst: p.Burst}
}

// hubOf loads the bot's own AWS settings when it has something to do there.
func hubOf(ctx context.Context, cfg *config.Config) (aws.Config, error) {
	if len(readAccounts(cfg.AWSIR, cfg.NLBMap)) == 0 && !cfg.Sweep.Enabled() {
		return aws.Config{}, nil
	}
	c, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return aws.Config{}, fmt.Errorf("set up AWS: %w", err)
	}
	if c.Region == "" {
		c.Region = "us-east-1" // for STS; everything else names its region
	}
	return c, nil
}

func queuesOf(ctx context.Context, cfg *config.Config) ([]Queue, error) {
	var out []Queue
	for i, q := range cfg.SQS.Queues {
		settings, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(q.Region))
		if err != nil {
			return nil, fmt.Errorf("set up AWS for queue %d: %w", i, err)
		}
		in := intake.Config{QueueURL: q.URL, Region: q.Region, Workers: cfg.SQS.Workers, Visibility: cfg.SQS.Visibility,
			Wait: cfg.SQS.Wait, Accounts: q.Accounts, Regions: q.Regions, Topics: q.Topics, VerifySNS: q.VerifySNS}
		out = append(out, Queue{Client: in.NewClient(settings), Config: in})
	}
	return out, nil
}

func loadPolicy(path string) (*policy.Policy, error) {
	if path == "" {
		return policy.Default()
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	return config.CompilePolicy(path, src)
}

func newRegistry(version string) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "securitybot_build_info", Help: "Always 1; the version is the label."}, []string{"version"})
	info.WithLabelValues(version).Set(1)
	reg.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}

// sayDurability logs what a crash would lose with the store's settings.
func sayDurability(ctx context.Context, s *store.Store, log *slog.Logger) {
	r, err := s.Durability(ctx)
	if err != nil {
		log.Warn("the store's settings cannot be read", "error", err)
		return
	}
	log.Info("durability", "level", r.Level, "redis", r.Version, "appendonly", r.AOF, "appendfsync", r.Fsync, "replicas", r.Replicas,
		"a process crash", r.ProcessCrash, "a host crash", r.HostCrash, "a failover", r.Failover)
	for _, problem := range append(r.Problems, r.Unknown...) {
		log.Warn("durability is not what was asked for", "why", problem)
	}
}
