package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/goccy/go-yaml"

	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/awsir"
)

// settings are the configuration file. There is no secret in it.
type settings struct {
	Roles      map[string]string `yaml:"roles"`       // name of the role for read, acquire, contain, release
	ExternalID string            `yaml:"external_id"` // what the roles' trust asks for
	OwnAccount string            `yaml:"own_account"` // where no role is assumed
	Evidence   struct {
		Bucket   string `yaml:"bucket"`
		Region   string `yaml:"region"`
		KMSKey   string `yaml:"kms_key"`
		LockMode string `yaml:"lock_mode"`
		LockDays int    `yaml:"lock_days"`
	} `yaml:"evidence"`
	SnapshotLock struct {
		Mode string `yaml:"mode"` // governance or compliance; not locked when empty
		Days int    `yaml:"days"`
	} `yaml:"snapshot_lock"`
	Tools map[string]struct {
		Bucket string `yaml:"bucket"`
		Key    string `yaml:"key"`
		SHA256 string `yaml:"sha256"`
	} `yaml:"tools"` // by program and architecture, such as avml/x86_64
	Settle string `yaml:"settle"` // how long what AWS may have made is looked for; 1m
}

var (
	hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
	toolForm = regexp.MustCompile(`^(avml|osqueryi|tcpdump)/(x86_64|arm64)$`)
)

// readSettings reads the file. In a function the text itself may be in the
// environment.
func readSettings(file string) (settings, error) {
	var s settings
	text := []byte(os.Getenv("AWS_IR_CONFIG"))
	if file != "" {
		var err error
		if text, err = os.ReadFile(file); errors.Is(err, os.ErrNotExist) {
			return s, fmt.Errorf("there is no configuration file %s; write one (deploy/aws-ir/README.md has an example) or name it with --config", file)
		} else if err != nil {
			return s, fmt.Errorf("read the configuration: %w", err)
		}
	}
	if err := yaml.UnmarshalWithOptions(text, &s, yaml.Strict()); err != nil {
		return s, fmt.Errorf("the configuration: %w", err)
	}
	return s, s.check()
}

func (s settings) check() error {
	for _, role := range responders.Roles {
		if s.Roles[string(role)] == "" && role != responders.RoleRevoke {
			return fmt.Errorf("the configuration: roles.%s is missing: the name of the role that %s", role, roleDoes[role])
		}
	}
	for name, t := range s.Tools {
		if !toolForm.MatchString(name) || t.Bucket == "" || t.Key == "" || !hashForm.MatchString(t.SHA256) {
			return fmt.Errorf("the configuration: tools.%s: a name is avml, osqueryi or tcpdump with /x86_64 or /arm64, and has a bucket, a key and a sha256 of 64 hex digits", name)
		}
	}
	if err := awsir.SnapshotLock(s.SnapshotLock).Check(); err != nil {
		return fmt.Errorf("the configuration: snapshot_lock: %w", err)
	}
	_, err := s.settle()
	return err
}

var roleDoes = map[responders.Role]string{
	responders.RoleRead: "only looks", responders.RoleAcquire: "takes evidence", responders.RoleContain: "isolates", responders.RoleRelease: "undoes it",
}

func (s settings) settle() (time.Duration, error) {
	if s.Settle == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s.Settle)
	if err != nil || d < 0 || d > time.Hour {
		return 0, fmt.Errorf("the configuration: settle is a time such as 60s, not %q", s.Settle)
	}
	return d, nil
}

// system is everything a job needs.
type system struct {
	actor    actor
	evidence *awsir.Evidence
}

// build puts the actor together. Without records, the evidence bucket keeps
// them.
func (s settings) build(ctx context.Context, records awsir.Records, log *slog.Logger) (*system, error) {
	hub, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("find AWS credentials: %w", err)
	}
	return s.assemble(hub, records, log)
}

// assemble is build with the process's own credentials given.
func (s settings) assemble(hub aws.Config, records awsir.Records, log *slog.Logger) (*system, error) {
	if hub.Region == "" {
		hub.Region = s.Evidence.Region
	}
	sessions, err := awsrole.New(hub, awsrole.Config{Roles: s.Roles, ExternalID: s.ExternalID, Own: s.OwnAccount})
	if err != nil {
		return nil, err
	}
	store, err := s.store(hub)
	if err != nil {
		return nil, err
	}
	if records == nil {
		records = store.Records()
	}
	settle, err := s.settle()
	if err != nil {
		return nil, err
	}
	tools := awsir.Tools{}
	for name, t := range s.Tools {
		tools[name] = awsir.Tool{Bucket: t.Bucket, Key: t.Key, SHA256: t.SHA256}
	}
	a, err := awsir.New(awsir.Config{Settle: settle, Tools: tools, Lock: awsir.SnapshotLock(s.SnapshotLock)}, awsir.Deps{Sessions: sessions, Records: records, Evidence: store, Log: log})
	if err != nil {
		return nil, err
	}
	return &system{awsir.NewRecorder(a, store), store}, nil
}

func (s settings) store(hub aws.Config) (*awsir.Evidence, error) {
	e := s.Evidence
	return awsir.NewEvidence(awsir.EvidenceConfig{Bucket: e.Bucket, Region: e.Region, KMSKey: e.KMSKey, LockMode: e.LockMode, LockDays: e.LockDays}, hub, time.Now)
}
