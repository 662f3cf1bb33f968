package inquiries

import (
	"slices"
	"time"
	_ "time/tzdata" // people's zones must be known on a host without zone files

	"github.com/securitybot/securitybot/findings"
)

// Default waiting times by level, and the longest a rule may ask for. For low
// and medium they count the person's own working or waking hours only.
const (
	lowWait    = 8 * time.Hour // one working day
	mediumWait = 4 * time.Hour
	highWait   = 30 * time.Minute
	maxWait    = 14 * 24 * time.Hour
)

// hours are the hours of a day that count, in minutes after midnight local
// time. Public holidays are not known.
type hours struct {
	from, to int
	weekdays bool // Monday to Friday only
	zone     *time.Location
}

func workingHours(zone *time.Location) hours { return hours{9 * 60, 17 * 60, true, zone} }
func wakingHours(zone *time.Location) hours  { return hours{8 * 60, 20 * 60, false, zone} }

// schedule is when a question is sent, repeated and given up.
type schedule struct {
	hold, deadline time.Time // hold is zero when the question is sent at once
	reminders      []time.Time
}

// scheduleFor computes the schedule of a question asked now. High and critical
// ignore quiet hours. A zone that is not known holds nothing back.
func scheduleFor(l findings.Level, wait time.Duration, tz string, now time.Time) schedule {
	zone, known := zoneOf(tz)
	if wait > maxWait {
		wait = maxWait
	}
	use := func(def time.Duration) time.Duration {
		if wait > 0 {
			return wait
		}
		return def
	}
	var s schedule
	switch l {
	case findings.Low:
		h, d := workingHours(zone), use(lowWait)
		if start := h.add(now, 0); known && start.After(now) {
			s.hold = start
		}
		s.deadline, s.reminders = h.add(now, d), []time.Time{h.add(now, d/2)}
	case findings.Medium:
		h, d := wakingHours(zone), use(mediumWait)
		s.deadline, s.reminders = h.add(now, d), []time.Time{h.add(now, d/2), h.add(now, max(0, d-15*time.Minute))}
	case findings.Critical:
		s.deadline = now.Add(use(highWait))
	default:
		d := use(highWait)
		s.deadline, s.reminders = now.Add(d), []time.Time{now.Add(min(10*time.Minute, d/3))}
	}
	s.deadline = instant(s.deadline)
	s.reminders = sensible(s.reminders, later(now, s.hold), s.deadline)
	return s
}

// sensible orders reminders and drops those that would come right after the
// question, right after another or right before the end.
func sensible(reminders []time.Time, sent, deadline time.Time) []time.Time {
	const apart = time.Minute
	slices.SortFunc(reminders, time.Time.Compare)
	var out []time.Time
	last := sent
	for _, r := range reminders {
		if r.Sub(last) >= apart && deadline.Sub(r) >= apart {
			out = append(out, instant(r))
			last = r
		}
	}
	return out
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// zoneOf finds a zone by its IANA name.
func zoneOf(name string) (*time.Location, bool) {
	if name == "" || name == "Local" {
		return time.UTC, false
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC, false
	}
	return zone, true
}

// add returns the first instant at which d of the hours that count have passed
// since t. With d zero it is the first instant, from t on, that counts.
func (h hours) add(t time.Time, d time.Duration) time.Time {
	y, m, day := t.In(h.zone).Date()
	const enough = 400 // days; maxWait takes 59 at most
	for i := range enough {
		date := time.Date(y, m, day+i, 12, 0, 0, 0, time.UTC)
		if h.weekdays && (date.Weekday() == time.Saturday || date.Weekday() == time.Sunday) {
			continue
		}
		start, end := later(t, localTime(date, h.from, h.zone)), localTime(date, h.to, h.zone)
		if !start.Before(end) {
			continue
		}
		if left := end.Sub(start); d > left {
			d -= left
			continue
		}
		return start.Add(d).UTC()
	}
	return t.Add(d).UTC()
}

// localTime returns the instant at which clocks in zone show the minute of the
// date. When they skip it, because they are put forward, it is the instant of
// the change.
func localTime(date time.Time, minute int, zone *time.Location) time.Time {
	y, m, d := date.Date()
	t := time.Date(y, m, d, 0, minute, 0, 0, zone)
	want := time.Date(y, m, d, 0, minute, 0, 0, time.UTC)
	ty, tm, td := t.Date()
	got := time.Date(ty, tm, td, t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
	if got.Equal(want) {
		return t
	}
	from, to := t.ZoneBounds()
	if got.After(want) {
		return from
	}
	return to
}
