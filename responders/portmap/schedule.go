package portmap

import (
	"context"
	"time"
)

// DefaultEvery is how often the map is read anew.
const DefaultEvery = 15 * time.Minute

// claimName is what replicas compete for.
const claimName = "scan"

// Loop runs the job every so often until ctx ends. Of many replicas with one
// shelf, one runs it; when that one dies, another does so in the next round.
func (j *Job) Loop(ctx context.Context, every time.Duration) {
	if every <= 0 {
		every = DefaultEvery
	}
	// Looking more often than running finds out soon that a claim has run out.
	look := time.NewTicker(max(every/10, time.Second))
	defer look.Stop()
	for {
		j.turn(ctx, every)
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// turn runs the job when nobody has done so recently.
func (j *Job) turn(ctx context.Context, every time.Duration) {
	mine, err := j.Shelf.Claim(ctx, claimName, j.now(), every)
	if err != nil {
		j.Log.Warn("the port map's schedule cannot be read", "error", err)
		return
	}
	if !mine {
		return
	}
	began := j.now()
	report, err := j.Run(ctx)
	j.Log.Info("port map scanned", "complete", report.Complete, "failed", len(report.Failed), "entries", report.Entries, "took", j.now().Sub(began).Round(time.Second), "ok", err == nil)
}
