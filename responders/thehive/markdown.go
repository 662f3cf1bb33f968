package thehive

import (
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/securitybot/securitybot/internal/message"
)

// maxValue bounds one value inside a text, in bytes.
const maxValue = 2000

// title is a text as one plain line. Titles are not Markdown, but outside text
// is defanged in them too.
func title(t message.Text) string {
	var b strings.Builder
	for _, s := range t {
		switch s.Kind {
		case message.Value, message.Code:
			b.WriteString(defang(line(s.S, maxValue)))
		default:
			b.WriteString(plain(s))
		}
	}
	if s := line(b.String(), maxTitle); s != "" {
		return s
	}
	return "SecurityBot: no title"
}

// markdown is a message as Markdown, at most n bytes long. Buttons and inputs
// are left out: they belong to the chat.
func markdown(m message.Message, n int) string {
	var b strings.Builder
	for _, p := range m.Parts {
		part := paragraph(p)
		if part == "" {
			continue
		}
		if b.Len()+len(part)+64 > n {
			b.WriteString("*Shortened: the rest did not fit.*")
			break
		}
		b.WriteString(part)
		b.WriteString("\n\n")
	}
	return strings.TrimSpace(b.String())
}

func paragraph(p message.Part) string {
	switch p.Kind {
	case message.Title:
		if t := inline(p.Text); t != "" {
			return "#### " + t
		}
	case message.Para, message.Note:
		return inline(p.Text)
	case message.Divider:
		return "---"
	case message.Fields:
		lines := make([]string, 0, len(p.Fields))
		for _, f := range p.Fields {
			lines = append(lines, "- **"+escape(f.Label, 100)+":** "+inline(f.Text))
		}
		return strings.Join(lines, "\n")
	}
	return ""
}

func inline(t message.Text) string {
	var b strings.Builder
	for _, s := range t {
		switch s.Kind {
		case message.Strong:
			b.WriteString("**" + escape(s.S, maxValue) + "**")
		case message.Value:
			b.WriteString(escape(defang(line(s.S, maxValue)), 2*maxValue))
		case message.Code:
			b.WriteString(code(s.S))
		case message.Link:
			b.WriteString(link(s))
		case message.Literal:
			b.WriteString(paragraphs(s.S))
		default:
			b.WriteString(escape(plain(s), maxValue))
		}
	}
	return strings.TrimSpace(b.String())
}

// paragraphs keeps the line ends of our own words.
func paragraphs(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lead, tail := "", ""
		if strings.HasPrefix(l, " ") {
			lead = " "
		}
		if strings.HasSuffix(l, " ") && strings.TrimSpace(l) != "" {
			tail = " "
		}
		lines[i] = lead + escape(l, maxValue) + tail
	}
	return strings.Join(lines, "  \n")
}

// plain is a span without any mark-up.
func plain(s message.Span) string {
	switch s.Kind {
	case message.Instant:
		return s.At.UTC().Format(time.RFC3339)
	case message.Person:
		return "user " + s.S
	case message.Channel:
		return "channel " + s.S
	}
	return s.S
}

// code is outside text in code style. Back-ticks would end it.
func code(s string) string {
	if s = strings.ReplaceAll(defang(line(s, maxValue)), "`", "'"); s == "" {
		return ""
	}
	return "`" + s + "`"
}

// link is a link of ours; only https, and the label is our own words.
func link(s message.Span) string {
	label := escape(s.S, 200)
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return label
	}
	return "[" + label + "](<" + strings.NewReplacer("<", "%3C", ">", "%3E", "\\", "%5C").Replace(u.String()) + ">)"
}

// escape makes a text one line that Markdown shows as it is (CommonMark,
// "Backslash escapes" and "Entity references"): no emphasis, links, images,
// lists, headings, code or HTML.
func escape(s string, n int) string {
	s = line(s, n)
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i, r := range s {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case strings.ContainsRune("\\`*_[]#|~!$", r),
			i == 0 && strings.ContainsRune("-+=:", r),
			(r == '.' || r == ')') && i > 0 && digits(s[:i]):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func digits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// line makes a text one line of valid UTF-8 without control characters,
// invisible ones and those that change the direction of writing, at most n
// bytes long.
func line(s string, n int) string {
	if len(s) > 4*n {
		s = s[:4*n]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(s)
	if len(s) <= n {
		return s
	}
	const ellipsis = "…"
	if n <= len(ellipsis) {
		return ""
	}
	n -= len(ellipsis)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + ellipsis
}
