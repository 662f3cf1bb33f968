package slackfake

import "time"

// Rate is a token bucket: PerSecond calls a second on average, Burst at once.
// The zero Rate is no limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Names under which [Server.Limit] sets limits that are not those of one method.
const (
	PerChannel = "channel"   // chat.postMessage, for each channel
	Posting    = "workspace" // chat.postMessage, chat.postEphemeral and chat.update together
)

type bucket struct {
	left float64
	at   time.Time
}

type limiter struct {
	rates   map[string]Rate
	buckets map[string]*bucket
}

// Limit sets the rate of a method ("chat.postMessage"), of posts to one channel
// ([PerChannel]) or of all posts ([Posting]). The zero Rate lifts the limit.
// A refused call gets HTTP 429 with Retry-After in whole seconds and costs
// nothing.
func (s *Server) Limit(name string, r Rate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limits.rates == nil {
		s.limits.rates = map[string]Rate{}
	}
	s.limits.rates[name] = r
	for key := range s.limits.buckets {
		if key == name || name == PerChannel && len(key) > 8 && key[:8] == "channel/" {
			delete(s.limits.buckets, key)
		}
	}
}

// LimitLikeSlack switches on the documented limits: the tiers (1, 20, 50 and
// 100 calls a minute, with a burst of a tenth but at least 3), one post a
// second and channel, 300 posts a minute in all.
func (s *Server) LimitLikeSlack() {
	tiers := map[int]float64{1: 1, 2: 20, 3: 50, 4: 100}
	for name, m := range methods {
		if perMinute := tiers[m.tier]; perMinute > 0 {
			s.Limit(name, Rate{perMinute / 60, max(3, int(perMinute/10))})
		}
	}
	s.Limit(PerChannel, Rate{1, 3})
	s.Limit(Posting, Rate{5, 30})
}

// Unlimited lifts every rate limit.
func (s *Server) Unlimited() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits = limiter{buckets: map[string]*bucket{}}
}

// throttle takes one call from every bucket it falls in, or returns how long
// the fullest one needs until there is room, and takes nothing.
func (s *Server) throttle(req *request) time.Duration {
	keys := map[string]string{req.method: req.method}
	switch req.method {
	case "chat.postMessage":
		keys[PerChannel+"/"+req.args["channel"]] = PerChannel
		keys[Posting] = Posting
	case "chat.postEphemeral", "chat.update":
		keys[Posting] = Posting
	}
	var wait time.Duration
	var take []*bucket
	for key, name := range keys {
		rate := s.limits.rates[name]
		if rate.PerSecond <= 0 {
			continue
		}
		b := s.limits.bucket(key, rate, s.now())
		if b.left < 1 {
			wait = max(wait, time.Duration((1-b.left)/rate.PerSecond*float64(time.Second)))
		}
		take = append(take, b)
	}
	if wait == 0 {
		for _, b := range take {
			b.left--
		}
	}
	return wait
}

func (l *limiter) bucket(key string, rate Rate, now time.Time) *bucket {
	full := float64(max(rate.Burst, 1))
	b := l.buckets[key]
	if b == nil {
		b = &bucket{left: full, at: now}
		l.buckets[key] = b
	}
	if passed := now.Sub(b.at); passed > 0 {
		b.left = min(full, b.left+passed.Seconds()*rate.PerSecond)
		b.at = now
	}
	return b
}
