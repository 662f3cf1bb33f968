package inquiries

import (
	"strings"
	"time"
	"unicode"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/message"
)

// Lengths in bytes of what is kept of outside text.
const (
	maxID    = 64
	maxValue = 200
	maxLink  = 1024
	maxText  = 400
	maxSpans = 8
	maxBytes = 4 << 10 // of all details together
)

// clean makes outside text safe to keep: valid UTF-8, one line, no control
// characters, at most n bytes. Escaping is the renderer's business.
func clean(s string, n int) string {
	if len(s) > 4*n {
		s = s[:4*n]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(s)
	if len(s) <= n {
		return s
	}
	const ellipsis = "…"
	s = s[:n-len(ellipsis)]
	for !utf8Boundary(s) {
		s = s[:len(s)-1]
	}
	return s + ellipsis
}

// utf8Boundary says whether s does not end inside a character.
func utf8Boundary(s string) bool { return strings.ToValidUTF8(s, "") == s }

// instant is the stored form of a time: UTC and without the process's own
// monotonic reading. What JSON cannot hold becomes zero.
func instant(t time.Time) time.Time {
	t = t.UTC().Round(0)
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

// level takes an unknown level as high: an error raises attention.
func level(l findings.Level) findings.Level {
	switch l {
	case findings.Low, findings.Medium, findings.High, findings.Critical:
		return l
	}
	return findings.High
}

func rank(l findings.Level) int {
	switch l {
	case findings.Low:
		return 0
	case findings.Medium:
		return 1
	case findings.Critical:
		return 3
	}
	return 2
}

func serious(l findings.Level) bool { return rank(l) >= rank(findings.High) }

func boundPerson(p Person) Person {
	return Person{Email: clean(p.Email, maxValue), ChatID: clean(p.ChatID, maxID), Name: clean(p.Name, 80),
		Why: clean(p.Why, maxText), TZ: clean(p.TZ, maxID)}
}

func boundAbout(a About) About {
	a.Sentence, a.Account, a.Region = clean(a.Sentence, maxText), clean(a.Account, maxValue), clean(a.Region, maxID)
	a.Place, a.Resource, a.Service = clean(a.Place, maxValue), clean(a.Resource, maxValue), clean(a.Service, maxValue)
	a.At = instant(a.At)
	var details []message.Field
	left := maxBytes
	for _, f := range a.Details[:min(len(a.Details), maxDetails)] {
		f = message.Field{Label: clean(f.Label, 80), Text: boundText(f.Text)}
		if left -= sizeOf(f); left < 0 {
			break
		}
		details = append(details, f)
	}
	a.Details = details
	return a
}

func sizeOf(f message.Field) int {
	n := len(f.Label)
	for _, s := range f.Text {
		n += len(s.S) + len(s.URL) + 40
	}
	return n
}

func boundText(t message.Text) message.Text {
	var out message.Text
	for _, s := range t[:min(len(t), maxSpans)] {
		at := time.Time{}
		if !s.At.IsZero() {
			at = instant(s.At)
		}
		// Spaces at the ends of a span separate it from its neighbours.
		kept := clean(s.S, maxValue)
		if kept != "" && strings.HasPrefix(s.S, " ") {
			kept = " " + kept
		}
		if kept != "" && strings.HasSuffix(s.S, " ") {
			kept += " "
		}
		out = append(out, message.Span{Kind: s.Kind, S: kept, At: at, URL: clean(s.URL, maxText)})
	}
	return out
}
