package chat

import (
	"strings"

	"github.com/securitybot/securitybot/internal/message"
)

// maxCanvas bounds the markdown of a canvas in bytes. Slack takes about a
// megabyte; a document longer than this is no longer read, and every edit
// sends it whole.
const maxCanvas = 100_000

// RenderCanvas returns a message as the markdown of a canvas. Outside text is
// made harmless as everywhere and then escaped for markdown, whose rules are
// others than those of messages. Buttons and inputs are left out: a canvas has
// none. What is too long is cut after a whole part and says so.
func RenderCanvas(m message.Message, o RenderOptions) string {
	var b strings.Builder
	for _, p := range m.Parts {
		block := canvasBlock(p, o)
		if block == "" {
			continue
		}
		if b.Len()+len(block) > maxCanvas {
			b.WriteString(cutMark + "\n")
			break
		}
		b.WriteString(block + "\n\n")
	}
	if b.Len() == 0 {
		return "–\n" // an empty document is refused
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func canvasBlock(p message.Part, o RenderOptions) string {
	switch p.Kind {
	case message.Title:
		if t := canvasText(p.Text, o); t != "" {
			return "## " + oneLineOf(t)
		}
		return ""
	case message.Fields:
		var lines []string
		for _, f := range p.Fields {
			value := canvasText(f.Text, o)
			if value == "" {
				value = "–"
			}
			lines = append(lines, "- "+canvasText(message.Text{}.Strong(f.Label), o)+": "+oneLineOf(value))
		}
		return strings.Join(lines, "\n")
	case message.Note:
		if t := canvasText(p.Text, o); t != "" {
			return "> " + strings.ReplaceAll(t, "\n", "\n> ")
		}
		return ""
	case message.Divider:
		return "---"
	case message.Actions, message.Input:
		return ""
	}
	return canvasText(p.Text, o)
}

func oneLineOf(t string) string { return strings.ReplaceAll(t, "  \n", " ") }

// canvasText renders a paragraph.
func canvasText(t message.Text, o RenderOptions) string {
	var b strings.Builder
	for _, s := range t {
		atStart := b.Len() == 0 || strings.HasSuffix(b.String(), "\n")
		b.WriteString(canvasSpan(s, atStart, o))
	}
	return strings.TrimSpace(b.String())
}

func canvasSpan(s message.Span, atStart bool, o RenderOptions) string {
	switch s.Kind {
	case message.Literal:
		return strings.ReplaceAll(literalLines(ownWords(s.S, true), atStart), "\n", "  \n")
	case message.Strong:
		return wrapMarkdown("**", markdownEscape(strings.ReplaceAll(ownWords(s.S, true), "\n", " "), false), s.S)
	case message.Code:
		value := strings.TrimSpace(neutral(s.S, true, o.own))
		if value == "" {
			value = "(none)"
		}
		return "`" + value + "`"
	case message.Person:
		if personID.MatchString(s.S) {
			return "![](@" + s.S + ")"
		}
	case message.Channel:
		if channelID.MatchString(s.S) {
			return "![](#" + s.S + ")"
		}
	case message.Instant:
		if s.At.Unix() <= 0 || s.At.Year() > 9999 {
			return "(unknown time)"
		}
		return s.At.UTC().Format("2006-01-02 15:04 UTC")
	case message.Link:
		text := markdownEscape(ownWords(s.S, false), false)
		if address, ok := o.allowed(s.URL); ok && strings.TrimSpace(text) != "" {
			return "[" + text + "](" + markdownAddress(address) + ")"
		}
		return text
	}
	return markdownEscape(neutral(s.S, false, o.own), atStart)
}

// literalLines escapes our own words line by line. A line that starts with
// "• " stays as it is: only ASCII marks make lists.
func literalLines(s string, atStart bool) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = markdownEscape(l, atStart || i > 0)
	}
	return strings.Join(lines, "\n")
}

// wrapMarkdown puts marks around text, with the spaces of the original outside,
// where they must stand to be read as marks.
func wrapMarkdown(mark, escaped, original string) string {
	core := strings.TrimSpace(escaped)
	if core == "" {
		return escaped
	}
	before, after := "", ""
	if strings.HasPrefix(original, " ") {
		before = " "
	}
	if strings.HasSuffix(original, " ") {
		after = " "
	}
	return before + mark + core + mark + after
}

// markdownAddress undoes the escape for messages and shuts the two characters
// that would end an address.
func markdownAddress(a string) string {
	return strings.NewReplacer("&amp;", "&", "(", "%28", ")", "%29").Replace(a)
}

// markdownEscape puts a backslash before what CommonMark (section 2.4) may read
// as mark-up inside a line and, at the start of one, as a list, a heading or a
// quotation.
func markdownEscape(s string, atStart bool) string {
	var b strings.Builder
	digits := atStart
	for i := 0; i < len(s); i++ {
		c := s[i]
		lineMark := atStart && i == 0 && strings.IndexByte("-+=", c) >= 0
		number := digits && i > 0 && (c == '.' || c == ')')
		if strings.IndexByte("\\`*_[]<>#!|~&", c) >= 0 || lineMark || number {
			b.WriteByte('\\')
		}
		digits = digits && c >= '0' && c <= '9'
		b.WriteByte(c)
	}
	return b.String()
}
