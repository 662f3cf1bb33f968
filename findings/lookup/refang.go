package lookup

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxInput is the most bytes of one indicator: a URL may be long, what we look
// for in it is not.
const maxInput = 4096

// quotes are taken off at both ends; chat clients turn straight ones into the
// others.
const quotes = "\"'`“”„‘’‚«»"

var (
	// bracketed is a separator inside brackets, with or without spaces:
	// [.] (dot) {.} [:] [://] [@] (at).
	bracketed = regexp.MustCompile(`(?i)[\[({<]\s*(://|::|//|[:/@.。．｡]|dot|at)\s*[\])}>]`)
	halfOpen  = regexp.MustCompile(`[\[({]\.|\.[\])}]`) // "[." and ".]"
	spacedDot = regexp.MustCompile(`(?i)\s+\.\s*|\s*\.\s+|\s+dot\s+`)
	// odd is a scheme as analysts write it, so that it is no link.
	odd = regexp.MustCompile(`(?i)^(h(?:tt|xx|tx|xt|\*\*|__)p|fxp|ftp|meow)(s?)(?:\s*:\s*(?://|/|\\\\|$)|//)`)
)

// refang undoes what was done to keep an indicator from becoming a link, and
// chat mark-up around it. Notes say what is worth knowing about it.
func refang(in string) (s string, notes []string, err error) {
	if len(in) > maxInput {
		return "", nil, refuse("That is too long for an address or a domain name; give one of them at a time.")
	}
	if !utf8.ValidString(in) {
		return "", nil, refuse("That is not valid UTF-8 text; type the address or name again.")
	}
	s = bare(html.UnescapeString(in))
	if s, notes, err = unlink(s); err != nil {
		return "", nil, err
	}
	if err := visible(s); err != nil {
		return "", nil, err
	}
	s = bracketed.ReplaceAllStringFunc(s, func(m string) string {
		switch core := strings.ToLower(strings.TrimSpace(m[1 : len(m)-1])); core {
		case "dot", "。", "．", "｡":
			return "."
		case "at":
			return "@"
		default:
			return core
		}
	})
	s = halfOpen.ReplaceAllString(s, ".")
	s = strings.ReplaceAll(s, `\.`, ".")
	s = strings.NewReplacer("。", ".", "．", ".", "｡", ".").Replace(s)
	s = spacedDot.ReplaceAllString(s, ".")
	if m := odd.FindStringSubmatch(s); m != nil {
		scheme := "http" + strings.ToLower(m[2])
		if c := m[1][0]; c == 'f' || c == 'F' {
			scheme = "ftp" + strings.ToLower(m[2])
		}
		s = scheme + "://" + strings.TrimLeft(s[len(m[0]):], `/\`)
	}
	return bare(s), notes, nil
}

// bare takes off white space, quotes and what else people and clients put
// around a word.
func bare(s string) string {
	for {
		t := strings.TrimFunc(s, func(r rune) bool {
			return unicode.IsSpace(r) || r == 0xfeff || r == 0x200b || strings.ContainsRune(quotes, r)
		})
		t = strings.TrimRight(t, ",;!?*~|")
		t = strings.TrimLeft(t, ",;!?~|")
		if len(t) > 1 && t[0] == '*' && t[1] != '.' {
			t = t[1:]
		}
		// The end of a sentence behind what closes.
		if u, ok := strings.CutSuffix(t, "."); ok && strings.ContainsRune(quotes+")}>*", last(u)) {
			t = u
		}
		for _, pair := range []string{"()", "{}"} {
			if len(t) > 2 && t[0] == pair[0] && t[len(t)-1] == pair[1] {
				t = t[1 : len(t)-1]
			}
		}
		if t == s {
			return s
		}
		s = t
	}
}

func last(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}

// unlink takes Slack's mark-up off (Slack, "Formatting text for app surfaces"):
// <http://x|label>, <mailto:a@x|label>, <x>.
func unlink(s string) (string, []string, error) {
	if len(s) < 2 || s[0] != '<' || s[len(s)-1] != '>' || strings.Count(s, "<") != 1 {
		return s, nil, nil
	}
	target, label, labelled := strings.Cut(s[1:len(s)-1], "|")
	if target == "" {
		return "", nil, refuse("That is an empty link; type the address or name.")
	}
	switch target[0] {
	case '@':
		return "", nil, refuse("That is a person in chat, not an address or a domain name.")
	case '#':
		return "", nil, refuse("That is a channel in chat, not an address or a domain name.")
	case '!':
		return "", nil, refuse("That is a mention in chat, not an address or a domain name.")
	}
	var notes []string
	if labelled && !sameTarget(target, label) {
		notes = append(notes, "The link shows something else than it leads to; where it leads to is looked up.")
	}
	return bare(target), notes, nil
}

// sameTarget says whether a link's label is its target, give or take what a
// chat client adds.
func sameTarget(target, label string) bool {
	plain := func(s string) string {
		s = strings.ToLower(bare(s))
		for _, p := range []string{"http://", "https://", "mailto:"} {
			s = strings.TrimPrefix(s, p)
		}
		return strings.TrimRight(s, "/.")
	}
	return plain(target) == plain(label)
}

// visible refuses characters that show nothing or change how the rest is shown:
// what is looked up has to be what is seen.
func visible(s string) error {
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == ' ':
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), r == 0x115f, r == 0x1160, r == 0x3164, r == 0xffa0, r == 0x034f, r == 0xfffd:
			return refuse(fmt.Sprintf("There is an invisible character in it (U+%04X); type the address or name by hand.", r))
		case r >= 0x2010 && r <= 0x2015, r == 0x2212:
			return refuse(fmt.Sprintf("There is a dash in it that is no hyphen (U+%04X); some clients make it of two hyphens. Type it again with hyphens.", r))
		}
	}
	return nil
}
