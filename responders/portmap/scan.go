package portmap

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

// Sessions opens reading sessions in the accounts that are scanned.
type Sessions interface {
	Reader(ctx context.Context, account, region string) (aws.Config, error)
}

// ErrOlder says that a later scan of the place has been published already.
var ErrOlder = errors.New("a later scan is there already")

// Shelf keeps what scans found, and says who scans.
type Shelf interface {
	// Publish makes a scan the current one of its place, all of it or nothing.
	// A scan with a Failure leaves the entries of the last complete one in
	// place. The error is ErrOlder when a scan that began later is there.
	Publish(ctx context.Context, s Scan) error
	// Look returns how the last scan of a place went, whether there was any, and
	// the entries of one instance.
	Look(ctx context.Context, p Place, instance string) (cov Coverage, known bool, entries []Entry, err error)
	// Claim takes a name for a time, and is false while somebody has it.
	Claim(ctx context.Context, name string, now time.Time, hold time.Duration) (bool, error)
}

// Job scans places.
type Job struct {
	Places   []Place
	Sessions Sessions
	Shelf    Shelf
	Log      *slog.Logger
	Now      func() time.Time // nil is time.Now
	Parallel int              // places at a time; zero is 4
	Timeout  time.Duration    // for one place; zero is 10 minutes
	// Retryer replaces the patient one that a scan has, which slows down when the
	// service throttles.
	Retryer func() aws.Retryer
}

const (
	parallelPlaces = 4
	placeTimeout   = 10 * time.Minute
	publishTimeout = time.Minute
	scanAttempts   = 8
)

// Report says how a run went.
type Report struct {
	Complete int      `json:"complete"` // places scanned completely
	Failed   []string `json:"failed"`   // place: why
	Entries  int      `json:"entries"`
}

// Run scans every place once and publishes what it finds. A place that fails is
// published as failed, so that nobody trusts its older map; the others go on.
// The error says that something is incomplete.
func (j *Job) Run(ctx context.Context) (Report, error) {
	var mu sync.Mutex
	var report Report
	var errs []error
	var group sync.WaitGroup
	slots := make(chan struct{}, max(j.Parallel, 0)+parallelPlaces*isZero(j.Parallel))
	for _, p := range j.Places {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			s, err := j.one(ctx, p)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				report.Failed = append(report.Failed, p.String()+": "+err.Error())
				errs = append(errs, fmt.Errorf("%s: %w", p, err))
				return
			}
			report.Complete++
			report.Entries += len(s.Entries)
		})
	}
	group.Wait()
	return report, errors.Join(errs...)
}

func isZero(n int) int {
	if n <= 0 {
		return 1
	}
	return 0
}

// one scans and publishes one place.
func (j *Job) one(ctx context.Context, p Place) (Scan, error) {
	s, cause := j.scan(ctx, p)
	s.Finished = j.now()
	if cause != nil && errors.Is(ctx.Err(), context.Canceled) {
		return s, cause // the process is stopping, which says nothing about the last map
	}
	publish, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTimeout)
	defer cancel()
	if err := j.Shelf.Publish(publish, s); err != nil && !errors.Is(err, ErrOlder) {
		return s, errors.Join(cause, fmt.Errorf("publish the map: %w", err))
	}
	if cause != nil {
		j.Log.Warn("a scan of the port map is not complete", "account", p.Account, "region", p.Region, "error", cause)
	}
	return s, cause
}

func (j *Job) scan(ctx context.Context, p Place) (Scan, error) {
	s := Scan{Coverage: Coverage{Place: p, Run: rand.Text(), Started: j.now()}}
	timeout := j.Timeout
	if timeout <= 0 {
		timeout = placeTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	v, err := j.read(ctx, p)
	if err != nil {
		s.Failure = reason(err)
		return s, err
	}
	s.Entries = Build(v)
	s.Coverage.Entries = len(s.Entries)
	return s, nil
}

func (j *Job) read(ctx context.Context, p Place) (View, error) {
	cfg, err := j.Sessions.Reader(ctx, p.Account, p.Region)
	if err != nil {
		return View{}, fmt.Errorf("open a session: %w", err)
	}
	cfg = cfg.Copy()
	cfg.Retryer = j.Retryer
	if cfg.Retryer == nil {
		cfg.Retryer = patient
	}
	return read(ctx, cfg)
}

// patient tries again for a while and slows down when it is throttled.
// DescribeTargetHealth, once for each target group, is where that happens.
func patient() aws.Retryer {
	return retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) {
		o.StandardOptions = append(o.StandardOptions, func(s *retry.StandardOptions) { s.MaxAttempts, s.MaxBackoff = scanAttempts, 20*time.Second })
	})
}

// reason is the part of an error that is shown: what was tried, and the
// service's code.
func reason(err error) string {
	var e smithy.APIError
	switch {
	case errors.As(err, &e):
		return "AWS answered " + e.ErrorCode()
	case errors.Is(err, context.DeadlineExceeded):
		return "it took too long"
	}
	return "AWS cannot be reached"
}

func (j *Job) now() time.Time {
	if j.Now != nil {
		return j.Now()
	}
	return time.Now()
}
