package bot

import (
	"sync"
	"time"
)

// pauseAfter is how long a look-up that did not answer in time is not asked:
// else every finding of a storm would wait for it.
const pauseAfter = 10 * time.Second

// pauses remembers which look-ups did not answer. It counts real time, as what
// it measures does.
type pauses struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (p *pauses) pause(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until == nil {
		p.until = map[string]time.Time{}
	}
	p.until[name] = time.Now().Add(pauseAfter)
}

func (p *pauses) paused(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Before(p.until[name])
}
