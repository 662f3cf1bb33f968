package inquiries

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
)

// zones covers every kind of clock change between 2010 and 2035: at midnight,
// by half an hour and by two, twice a year around Ramadan, a day left out, a
// zone moved for good, and none at all.
var zones = []string{"UTC", "Africa/Cairo", "Africa/Casablanca", "Africa/Johannesburg", "Africa/Juba", "Africa/Lagos", "Africa/Nairobi", "Africa/Tripoli",
	"America/Argentina/San_Luis", "America/Asuncion", "America/Bogota", "America/Caracas", "America/Chicago", "America/Denver", "America/Godthab", "America/Havana",
	"America/Los_Angeles", "America/Mexico_City", "America/Miquelon", "America/New_York", "America/Phoenix", "America/Port-au-Prince", "America/Santiago",
	"America/Sao_Paulo", "America/Scoresbysund", "America/St_Johns", "Antarctica/Casey", "Antarctica/Macquarie", "Antarctica/Troll", "Asia/Amman", "Asia/Almaty",
	"Asia/Beirut", "Asia/Damascus", "Asia/Dhaka", "Asia/Gaza", "Asia/Hovd", "Asia/Jerusalem", "Asia/Kathmandu", "Asia/Kolkata", "Asia/Pyongyang", "Asia/Shanghai",
	"Asia/Tehran", "Asia/Tokyo", "Atlantic/Azores", "Australia/Adelaide", "Australia/Lord_Howe", "Australia/Sydney", "Europe/Berlin", "Europe/Dublin",
	"Europe/Istanbul", "Europe/Lisbon", "Europe/London", "Europe/Moscow", "Europe/Volgograd", "Pacific/Apia", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Easter",
	"Pacific/Fakaofo", "Pacific/Fiji", "Pacific/Honolulu", "Pacific/Kiritimati", "Pacific/Marquesas", "Pacific/Norfolk", "Pacific/Tongatapu"}

func load(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, known := zoneOf(name)
	if !known {
		t.Fatalf("zone %s is not known", name)
	}
	return zone
}

// counts says whether an instant counts, by looking at the clock on the wall.
func counts(h hours, at time.Time) bool {
	l := at.In(h.zone)
	if h.weekdays && (l.Weekday() == time.Saturday || l.Weekday() == time.Sunday) {
		return false
	}
	minute := l.Hour()*60 + l.Minute()
	return minute >= h.from && minute < h.to
}

// checkAdd compares add with counting minute by minute.
func checkAdd(t *testing.T, h hours, start time.Time, wait time.Duration) {
	t.Helper()
	got := h.add(start, wait)
	if got.Before(start) || got.Sub(start) < wait {
		t.Fatalf("%s: %v after %v is %v: too early", h.zone, wait, start.In(h.zone), got.In(h.zone))
	}
	passed, last := time.Duration(0), start
	for at := start; at.Before(got); at = at.Add(time.Minute) {
		if counts(h, at) {
			passed += time.Minute
			last = at
		}
	}
	if passed != wait {
		t.Fatalf("%s: %v after %v is %v, but %v count", h.zone, wait, start.In(h.zone), got.In(h.zone), passed)
	}
	if wait > 0 && !last.Add(time.Minute).Equal(got) {
		t.Fatalf("%s: %v after %v is %v: outside the hours that count", h.zone, wait, start.In(h.zone), got.In(h.zone))
	}
	if wait == 0 && !counts(h, got) {
		t.Fatalf("%s: the first instant that counts after %v is %v: it does not", h.zone, start.In(h.zone), got.In(h.zone))
	}
}

// Around each change of the clocks, and at random instants, in all zones from
// 2010 to 2035.
func TestHoursAcrossClockChanges(t *testing.T) {
	t.Parallel()
	waits := []time.Duration{0, time.Minute, 15 * time.Minute, 4 * time.Hour, 8 * time.Hour, 13 * time.Hour, 30 * time.Hour}
	for i, name := range zones {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zone := load(t, name)
			rng := rand.New(rand.NewPCG(uint64(i), 1))
			var starts []time.Time
			from, to := time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)
			for at := from; at.Before(to); {
				_, end := at.In(zone).ZoneBounds()
				if end.IsZero() || end.After(to) {
					break
				}
				for range 3 {
					starts = append(starts, end.Add(time.Duration(rng.IntN(4*24*60)-3*24*60)*time.Minute))
				}
				at = end
			}
			for range 20 {
				starts = append(starts, from.Add(time.Duration(rng.Int64N(int64(to.Sub(from)/time.Minute)))*time.Minute))
			}
			for _, start := range starts {
				wait := waits[rng.IntN(len(waits))]
				checkAdd(t, workingHours(zone), start, wait)
				checkAdd(t, wakingHours(zone), start, wait)
			}
		})
	}
}

// A local time that is skipped becomes the instant of the change; a local day
// that does not exist has no hours.
func TestSkippedLocalTimes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		zone       string
		y, m, d    int
		minute     int
		want, name string
	}{
		{"America/New_York", 2026, 3, 8, 150, "2026-03-08T07:00:00Z", "02:30 in spring"},
		{"America/New_York", 2026, 3, 8, 60, "2026-03-08T06:00:00Z", "01:00 is there"},
		{"Europe/Lisbon", 2026, 3, 29, 90, "2026-03-29T01:00:00Z", "01:30 in spring"},
		{"America/Sao_Paulo", 2018, 11, 4, 0, "2018-11-04T03:00:00Z", "midnight left out"},
		{"Australia/Lord_Howe", 2026, 10, 4, 135, "2026-10-03T15:30:00Z", "half an hour"},
		{"Pacific/Apia", 2011, 12, 30, 540, "2011-12-30T10:00:00Z", "a day left out"},
	} {
		date := time.Date(tc.y, time.Month(tc.m), tc.d, 12, 0, 0, 0, time.UTC)
		if got := localTime(date, tc.minute, load(t, tc.zone)).UTC().Format(time.RFC3339); got != tc.want {
			t.Errorf("%s, %s: %s, want %s", tc.zone, tc.name, got, tc.want)
		}
	}
	// Friday the 30th did not happen in Apia: after Thursday evening comes Monday.
	h := workingHours(load(t, "Pacific/Apia"))
	start := time.Date(2011, 12, 29, 18, 0, 0, 0, h.zone)
	if got := h.add(start, 0).In(h.zone).Format("Mon 2 Jan 15:04"); got != "Mon 2 Jan 09:00" {
		t.Errorf("after the 29th at 18:00: %s", got)
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	local := func(zone, s string) time.Time {
		at, err := time.ParseInLocation("2006-01-02 15:04", s, load(t, zone))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, tc := range []struct {
		level            findings.Level
		zone, asked      string
		wait             time.Duration
		hold, want, name string
	}{
		{findings.Low, "America/New_York", "2026-01-13 11:00", 0, "", "2026-01-14 11:00", "next day"},
		{findings.Low, "America/New_York", "2026-01-16 16:00", 0, "", "2026-01-19 16:00", "over the weekend"},
		{findings.Low, "America/New_York", "2026-01-13 06:00", 0, "2026-01-13 09:00", "2026-01-13 17:00", "before work"},
		{findings.Low, "America/New_York", "2026-01-17 12:00", 0, "2026-01-19 09:00", "2026-01-19 17:00", "on a Saturday"},
		{findings.Low, "America/New_York", "2026-01-13 16:30", time.Hour, "", "2026-01-14 09:30", "one hour"},
		{findings.Low, "America/New_York", "2026-03-06 16:00", 2 * time.Hour, "", "2026-03-09 10:00", "over a clock change"},
		{findings.Medium, "Asia/Kolkata", "2026-01-13 11:00", 0, "", "2026-01-13 15:00", "in the day"},
		{findings.Medium, "Asia/Kolkata", "2026-01-13 18:00", 0, "", "2026-01-14 10:00", "over night"},
		{findings.Medium, "Asia/Kolkata", "2026-01-13 23:00", 0, "", "2026-01-14 12:00", "at night"},
		{findings.Medium, "Asia/Kolkata", "2026-01-17 11:00", 0, "", "2026-01-17 15:00", "on a Saturday"},
		{findings.High, "Asia/Tokyo", "2026-01-17 03:00", 0, "", "2026-01-17 03:30", "at night"},
		{findings.High, "Asia/Tokyo", "2026-01-17 03:00", time.Hour, "", "2026-01-17 04:00", "with a rule's own time"},
		{findings.Critical, "Asia/Tokyo", "2026-01-17 03:00", 0, "", "2026-01-17 03:30", "critical"},
		{findings.High, "UTC", "2026-01-01 00:00", 1000 * time.Hour, "", "2026-01-15 00:00", "never longer than two weeks"},
	} {
		now := local(tc.zone, tc.asked)
		s := scheduleFor(tc.level, tc.wait, tc.zone, now)
		if want := local(tc.zone, tc.want); !s.deadline.Equal(want) {
			t.Errorf("%s %s: deadline %v, want %v", tc.level, tc.name, s.deadline.In(want.Location()), want)
		}
		if (tc.hold == "") != s.hold.IsZero() || (tc.hold != "" && !s.hold.Equal(local(tc.zone, tc.hold))) {
			t.Errorf("%s %s: held until %v, want %q", tc.level, tc.name, s.hold, tc.hold)
		}
	}
}

func TestOddZones(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "Local", "Nowhere/Land", "../../etc/passwd", "/etc/passwd", "Europe/Lisbon\x00", "EST5EDT,M3.2.0"} {
		if zone, known := zoneOf(name); known || zone != time.UTC {
			t.Errorf("%q gives %v", name, zone)
		}
	}
}

func FuzzHours(f *testing.F) {
	f.Add(uint8(20), int64(1_400_000_000), int64(480))
	f.Add(uint8(54), int64(1_325_152_800), int64(480))
	f.Fuzz(func(t *testing.T, z uint8, unix, minutes int64) {
		const from, to = 1_262_304_000, 2_082_758_400 // 2010 to 2036
		if unix < from || unix > to || minutes < 0 || minutes > 3*24*60 {
			return
		}
		zone := load(t, zones[int(z)%len(zones)])
		start := time.Unix(unix/60*60, 0)
		checkAdd(t, workingHours(zone), start, time.Duration(minutes)*time.Minute)
		checkAdd(t, wakingHours(zone), start, time.Duration(minutes)*time.Minute)
	})
}
