package lookup

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of outside text.
const (
	maxValue = 120 // characters of one value
	maxItems = 6   // of a list shown in one value
)

// clean bounds a value from outside and takes out what shows nothing. Escaping
// is the renderer's.
func clean(s string) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		switch {
		case r == utf8.RuneError || unicode.Is(unicode.Cf, r):
			continue
		case unicode.IsSpace(r) || unicode.IsControl(r):
			space = n > 0
			continue
		}
		if n >= maxValue {
			return b.String() + "…"
		}
		if space {
			b.WriteByte(' ')
			n, space = n+1, false
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// list joins items, the first few of them.
func list(items []string) string {
	var out []string
	for _, it := range items {
		if it = clean(it); it != "" {
			out = append(out, it)
		}
	}
	if extra := len(out) - maxItems; extra > 0 {
		return strings.Join(out[:maxItems], ", ") + fmt.Sprintf(" and %d more", extra)
	}
	return strings.Join(out, ", ")
}

// date reads the forms of time that sources use.
func date(s string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02-15-04-05", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// plural is "1 report", "2 reports".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
