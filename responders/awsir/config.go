package awsir

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/responders"
)

// Tags we set and heed. An instance with ProtectedTag set to "true" is left
// alone whoever asks.
const (
	ProtectedTag = "securitybot:protected"
	jobTag       = "securitybot:job"
	caseTag      = "securitybot:case"
	recordTag    = "securitybot:record"    // on an isolated instance: hash of the record
	originalTag  = "securitybot:original"  // on an isolated interface: the groups it had
	isolationTag = "securitybot:isolation" // on the isolation group
)

// Config is how the actor behaves.
type Config struct {
	// Settle is how long an object AWS may have made is looked for before it
	// is made again: describe calls can lag behind. Zero is a minute.
	Settle time.Duration
	// StepTime bounds one step or plan; zero is fifteen seconds.
	StepTime time.Duration
	// Tools are programs that are brought to hosts; see Tools.
	Tools Tools
	// Lock is how snapshots are locked.
	Lock SnapshotLock
}

// Sessions gives configurations for clients in accounts.
type Sessions interface {
	Config(context.Context, awsrole.Request) (aws.Config, error)
}

// ErrExists means that there is a record under a key already.
var ErrExists = errors.New("there is a record already")

// Records keeps what must survive a crash and cannot be read from AWS: the
// state before an isolation, and announcements of calls that must not happen
// twice. Keys are made of letters, digits and the characters /-_ and name no
// secrets.
type Records interface {
	// Get returns a record; false means that there is none.
	Get(ctx context.Context, key string) ([]byte, bool, error)
	// Put stores a record durably and refuses to overwrite one: ErrExists.
	Put(ctx context.Context, key string, body []byte) error
	// Delete removes a record; it is no error when there is none.
	Delete(ctx context.Context, key string) error
}

// Deps are what the actor works with.
type Deps struct {
	Sessions Sessions
	Records  Records
	Evidence *Evidence        // nil leaves out what runs on hosts
	Now      func() time.Time // nil is time.Now
	Log      *slog.Logger     // nil discards
}

// Actor performs jobs. It keeps nothing between steps and is safe for
// concurrent use, of different jobs.
type Actor struct {
	config  Config
	deps    Deps
	actions map[responders.ID]performer
}

// New returns an actor.
func New(c Config, d Deps) (*Actor, error) {
	if d.Sessions == nil || d.Records == nil {
		return nil, errors.New("awsir: sessions and records are needed")
	}
	if err := c.Lock.Check(); err != nil {
		return nil, fmt.Errorf("awsir: lock of snapshots: %w", err)
	}
	if c.Settle == 0 {
		c.Settle = time.Minute
	}
	if c.StepTime == 0 {
		c.StepTime = 15 * time.Second
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	actions := performers()
	if d.Evidence != nil {
		maps.Copy(actions, hostPerformers(d.Evidence, c.Tools))
	}
	return &Actor{config: c, deps: d, actions: actions}, nil
}
