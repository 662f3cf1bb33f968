package findings

import (
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// instant is a point in time in any of the notations met on the wire.
type instant struct{ time.Time }

func (i *instant) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var t text
	if err := t.UnmarshalJSONFrom(d); err != nil {
		return err
	}
	i.Time = parseTime(string(t))
	return nil
}

var timeLayouts = [...]string{
	time.RFC3339,
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05Z0700",
	"2006-01-02 15:04:05",
	"2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05 -0700 MST",
}

// parseTime reads RFC 3339 and its relatives (no zone means UTC, a space for
// the T, any number of fraction digits) and epoch numbers in seconds, milli-,
// micro- or nanoseconds. What is no time, or lies outside the years 2000 to
// 2199, gives the zero time: a wrong time would reorder updates.
func parseTime(s string) time.Time {
	if s == "" || len(s) > 64 {
		return time.Time{}
	}
	var t time.Time
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		t = epoch(f)
	} else {
		for _, layout := range timeLayouts {
			if t, err = time.Parse(layout, s); err == nil {
				break
			}
		}
		if err != nil {
			return time.Time{}
		}
	}
	t = t.UTC()
	if t.Year() < 2000 || t.Year() > 2199 {
		return time.Time{}
	}
	return t
}

// epoch tells the unit of an epoch number by its size.
func epoch(f float64) time.Time {
	switch {
	case math.IsNaN(f) || f <= 0 || f >= 1e19:
		return time.Time{}
	case f < 1e11:
		return time.UnixMilli(int64(math.Round(f * 1e3)))
	case f < 1e14:
		return time.UnixMilli(int64(f))
	case f < 1e17:
		return time.UnixMicro(int64(f))
	}
	return time.Unix(0, int64(math.Min(f, math.MaxInt64/2)))
}
