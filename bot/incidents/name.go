package incidents

import (
	"crypto/sha256"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/securitybot/securitybot/findings"
)

// Levels are the severities of an incident, most serious first.
var levels = [...]findings.Level{findings.Critical, findings.High, findings.Medium, findings.Low}

// Levels returns the severities of an incident, most serious first.
func Levels() []findings.Level { return levels[:] }

// ParseLevel reads a severity as responders type it: its name, or sev1 to sev4
// (also s1, p1, sev-1) with 1 the most serious. A bare digit is not one: titles
// begin with those.
func ParseLevel(word string) (findings.Level, bool) {
	w := strings.ToLower(strings.TrimSpace(word))
	for i, l := range levels {
		n := strconv.Itoa(i + 1)
		switch w {
		case string(l), "sev" + n, "sev-" + n, "s" + n, "p" + n:
			return l, true
		}
	}
	return "", false
}

// rank is 4 for critical down to 1 for low.
func rank(l findings.Level) int {
	for i, have := range levels {
		if have == l {
			return len(levels) - i
		}
	}
	return 0
}

// Slack takes channel names of at most 80 lower-case letters, digits, hyphens
// and underscores (Slack API reference, conversations.create). With day and
// letters these stay below that.
const (
	maxSlug   = 40
	maxPrefix = 20
)

// slug keeps what is safe of a title for use in a name: ASCII letters and
// digits, at most so many, with one hyphen for whatever is between them.
func slug(title string, most int) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(title) {
		if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9') {
			gap = b.Len() > 0
			continue
		}
		if gap {
			b.WriteByte('-')
			gap = false
		}
		b.WriteRune(r)
	}
	s := b.String()
	if len(s) > most {
		s = s[:most]
		if i := strings.LastIndexByte(s, '-'); i > most/2 {
			s = s[:i] // at a word's end
		}
	}
	s = strings.Trim(s, "-")
	if s == "" {
		return "incident"
	}
	return s
}

// nameOf is the channel name to try: the day, the title and four letters that
// nobody can have guessed. They are the first of the reference unless earlier
// names were taken.
func nameOf(prefix, id, title string, opened time.Time, tries int) string {
	letters := strings.ToLower(id)
	if tries > 0 {
		sum := sha256.Sum256([]byte(id + "/" + strconv.Itoa(tries)))
		letters = strings.ToLower(encoding.EncodeToString(sum[:5]))
	}
	if prefix == "" {
		prefix = "inc"
	}
	return slug(prefix, maxPrefix) + "-" + opened.UTC().Format("20060102") + "-" + slug(title, maxSlug) + "-" + letters[:min(len(letters), 4)]
}

// clean makes one harmless line of outside text: no control or invisible
// characters, no line breaks, single spaces.
func clean(s string) string {
	return strings.Join(strings.Fields(strings.Map(visible, strings.ToValidUTF8(s, "\uFFFD"))), " ")
}

// visible drops what cannot be seen or turns the direction of text around, and
// turns control characters into spaces.
func visible(r rune) rune {
	switch {
	case unicode.IsControl(r) || unicode.IsSpace(r) || unicode.In(r, unicode.Zl, unicode.Zp):
		return ' '
	case unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs):
		return -1
	}
	return r
}
