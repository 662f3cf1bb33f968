package chat

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	cutMark  = "… (cut)"
	maxValue = 500  // runes shown of one value
	maxRaw   = 4000 // bytes looked at of one value
)

// neutral makes outside text harmless before it is escaped: nothing invisible,
// nothing that links, nothing that is mark-up, and not too long. In code style
// only the back-tick is mark-up.
func neutral(s string, code bool, own ownNames) string {
	raw := len(s) > maxRaw
	if raw {
		s = s[:maxRaw]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		if len(s) > 0 && s[len(s)-1] >= utf8.RuneSelf { // the first byte of the rune that was cut
			s = s[:len(s)-1]
		}
	}
	s = own.defang(visible(s, false))
	if code {
		s = strings.ReplaceAll(s, "`", "ˋ")
	} else {
		s = unmarked(s)
	}
	short, cut := firstRunes(s, maxValue)
	if cut || raw {
		return short + cutMark
	}
	return short
}

// ownWords makes our own words safe: somebody may one day build them from a
// value all the same. Line breaks stay when they may.
func ownWords(s string, breaks bool) string {
	return unmarked(visible(s, breaks))
}

func firstRunes(s string, n int) (string, bool) {
	for i := range s {
		if n == 0 {
			return s[:i], true
		}
		n--
	}
	return s, false
}

// visible shows what cannot be seen: control, format (bidirectional and
// zero-width) and unassigned characters appear as \u202E, invalid UTF-8 as
// \xFF, every kind of space as a space. Line breaks stay when breaks is set.
func visible(s string, breaks bool) string {
	if plainASCII(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	marks := 0
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				fmt.Fprintf(&b, `\x%02X`, s[i])
				continue
			}
		}
		if unicode.Is(unicode.M, r) {
			marks++
		} else {
			marks = 0
		}
		switch {
		case r == '\n' && breaks:
			b.WriteByte('\n')
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t' || unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		case r == '\uFE0F' || r == '\uFE0E': // how an emoji is drawn; says nothing
		case !unicode.IsGraphic(r) || blank(r) || marks > 3:
			if r > 0xFFFF {
				fmt.Fprintf(&b, `\U%08X`, r)
			} else {
				fmt.Fprintf(&b, `\u%04X`, r)
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// blank reports the characters that Unicode calls graphic although nothing is
// drawn for them.
func blank(r rune) bool {
	switch r {
	case 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0:
		return true
	}
	return r >= 0xFE00 && r <= 0xFE0F || r >= 0xE0100 && r <= 0xE01EF
}

// unmarked replaces by look-alikes what Slack's mrkdwn would read as
// formatting: * _ ~ at the edge of a word, back-ticks, a leading > and
// :emoji:. Inside a word the three have no meaning and stay, so that role
// names can be copied; so does the colon of a finding type or a time.
func unmarked(s string) string {
	if !strings.ContainsAny(s, "*_~`:>") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 8)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '`':
			b.WriteString("ˋ")
		case (c == '*' || c == '_' || c == '~') && !insideWord(s, i):
			b.WriteString(lookAlike(c))
		case c == '>' && (i == 0 || s[i-1] == '\n'):
			b.WriteString("›")
		case c == ':' && opensEmoji(s[i+1:]):
			b.WriteString("∶")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func lookAlike(c byte) string {
	switch c {
	case '*':
		return "∗"
	case '_':
		return "ˍ"
	}
	return "∼"
}

func insideWord(s string, i int) bool {
	return i > 0 && i+1 < len(s) && wordByte(s[i-1]) && wordByte(s[i+1])
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// opensEmoji reports whether what follows a colon makes it an emoji. Names have
// no capitals; of those that are numbers only two exist, and times are common.
func opensEmoji(after string) bool {
	letters := false
	for i, r := range after {
		switch {
		case r == ':':
			return letters || after[:i] == "100" || after[:i] == "1234"
		case unicode.IsDigit(r):
		case unicode.IsLetter(r) && !unicode.IsUpper(r), strings.ContainsRune("_+-'", r):
			letters = true
		default:
			return false
		}
	}
	return false
}
