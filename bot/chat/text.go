package chat

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/securitybot/securitybot/internal/message"
)

// surface is where a text is shown; each has its own rules.
type surface int

const (
	marked   surface = iota // mrkdwn text object with verbatim set
	fallback                // the text beside the blocks: notifications, screen readers, plain retry
	plain                   // plain_text object: no mark-up, no references
)

// RenderOptions says what the renderer may show.
type RenderOptions struct {
	// LinkHosts are the hosts links may point to besides the AWS console.
	// "*.example.com" admits every subdomain of example.com.
	LinkHosts []string
	own       ownNames
}

// writer builds one text within a budget. It writes whole atoms or nothing, so
// that an entity or a reference is never cut in two.
type writer struct {
	b     strings.Builder
	where surface
	used  int
	max   int
	full  bool
	last  rune
	look  RenderOptions
}

// render returns the text, at most max long, cut with a mark when it is longer.
// Lengths count UTF-16 units, and bytes on the fallback surface, which is how
// the strictest of Slack's checks count them.
func render(t message.Text, where surface, max int, look RenderOptions) (text string, cut bool) {
	w := writer{where: where, max: max, look: look}
	if w.spans(t); !w.full {
		return strings.TrimRightFunc(w.b.String(), unicode.IsSpace), false
	}
	if max < 2*len(cutMark) {
		return "", true
	}
	w = writer{where: where, max: max - len(cutMark), look: look}
	w.spans(t)
	return w.b.String() + cutMark, true
}

func (w *writer) spans(t message.Text) {
	for _, s := range t {
		if w.full {
			return
		}
		w.span(s)
	}
}

func (w *writer) span(s message.Span) {
	switch s.Kind {
	case message.Literal:
		w.text(ownWords(s.S, w.where != plain))
	case message.Strong:
		w.wrapped("*", strings.ReplaceAll(ownWords(s.S, true), "\n", " "))
	case message.Code:
		value := neutral(s.S, w.where != fallback, w.look.own)
		if strings.TrimSpace(value) == "" {
			value = "(none)"
		}
		w.wrapped("`", value)
	case message.Person:
		w.reference("<@%s>", personID, s.S)
	case message.Channel:
		w.reference("<#%s>", channelID, s.S)
	case message.Instant:
		w.instant(s.At)
	case message.Link:
		w.link(s)
	default: // message.Value, and whatever we do not know
		w.text(neutral(s.S, false, w.look.own))
	}
}

// atom writes s whole or marks the writer full.
func (w *writer) atom(s string) {
	if w.full {
		return
	}
	n := len(s)
	if w.where != fallback {
		n = width(s)
	}
	glued := w.last == markEnd && clings(s)
	if glued {
		n++
	}
	if w.used+n > w.max {
		w.full = true
		return
	}
	if glued {
		w.b.WriteByte(' ')
	}
	w.used += n
	w.b.WriteString(s)
	w.last, _ = utf8.DecodeLastRuneInString(s)
}

// clings reports whether a mark followed by s would not be read as closing.
func clings(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return r > unicode.MaxASCII || unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_*~`<&", r)
}

func (w *writer) text(s string) {
	for _, r := range s {
		switch r {
		case '&':
			w.escaped("&amp;", "＆")
		case '<':
			w.escaped("&lt;", "‹")
		case '>':
			w.escaped("&gt;", "›")
		default:
			w.atom(string(r))
		}
		if w.full {
			return
		}
	}
}

// escaped writes the entity, or on the plain surface a look-alike: Slack does
// not say whether entities are read there.
func (w *writer) escaped(entity, lookAlike string) {
	if w.where == plain {
		entity = lookAlike
	}
	w.atom(entity)
}

// wrapped writes text between two marks. Slack reads the marks only at the
// edges of words, so a space is put where there is none; without it the
// content would be read as mark-up itself.
func (w *writer) wrapped(mark, s string) {
	core := strings.TrimSpace(s)
	if w.where != marked || core == "" {
		w.text(s)
		return
	}
	if strings.HasPrefix(s, " ") || w.last != 0 && !unicode.IsSpace(w.last) && !strings.ContainsRune("([{\"“", w.last) {
		w.atom(" ")
	}
	if w.used+4 > w.max {
		w.full = true
		return
	}
	w.atom(mark)
	w.max--
	w.text(core)
	cut := w.full
	w.full = false
	w.max++
	w.atom(mark)
	w.full, w.last = cut, markEnd
	if strings.HasSuffix(s, " ") {
		w.atom(" ")
	}
}

// markEnd in writer.last says that a closing mark was written last.
const markEnd = -2

var (
	personID  = regexp.MustCompile(`^[UW][A-Z0-9]{1,24}$`)
	channelID = regexp.MustCompile(`^[CDG][A-Z0-9]{1,24}$`)
)

// reference writes a mention of a person or channel whose id looks like one,
// and else shows the id as a value.
func (w *writer) reference(format string, valid *regexp.Regexp, id string) {
	if w.where == plain || !valid.MatchString(id) {
		w.text(neutral(id, false, w.look.own))
		return
	}
	w.atom(fmt.Sprintf(format, id))
}

// instant writes a time that Slack shows in the reader's zone and language.
// The fallback surface gets UTC: notifications do not know the reader's zone.
func (w *writer) instant(at time.Time) {
	if at.Unix() <= 0 || at.Year() > 9999 {
		w.text("(unknown time)")
		return
	}
	utc := at.UTC().Format("2006-01-02 15:04 UTC")
	if w.where != marked {
		w.text(utc)
		return
	}
	w.atom(fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", at.Unix(), utc))
}

// link writes a link to an allowed host, and else its label alone.
func (w *writer) link(s message.Span) {
	label := ownWords(s.S, false)
	address, ok := w.look.allowed(s.URL)
	if w.where != marked || !ok || strings.TrimSpace(label) == "" {
		w.text(label)
		return
	}
	label = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "¦").Replace(label)
	w.atom("<" + address + "|" + label + ">")
}

// allowed returns the address in a form that cannot break out of its mark-up,
// when it is https on an allowed host.
func (o RenderOptions) allowed(raw string) (string, bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Opaque != "" || u.Port() != "" || len(raw) > 2000 || !plainASCII(raw) {
		return "", false
	}
	host := strings.ToLower(u.Hostname())
	ok := hostMatches(host, "console.aws.amazon.com") || hostMatches(host, "*.console.aws.amazon.com")
	for _, pattern := range o.LinkHosts {
		ok = ok || hostMatches(host, strings.ToLower(pattern))
	}
	if !ok {
		return "", false
	}
	u.Host = host
	return strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C", "`", "%60", " ", "%20").Replace(u.String()), true
}

func hostMatches(host, pattern string) bool {
	if suffix, ok := strings.CutPrefix(pattern, "*."); ok {
		return suffix != "" && strings.HasSuffix(host, "."+suffix)
	}
	return host != "" && host == pattern
}

// width counts UTF-16 units.
func width(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}
