package main

import (
	"strings"
	"time"

	"github.com/securitybot/securitybot/findings/lookup"
	"github.com/securitybot/securitybot/internal/message"
)

// messageText renders a message for a terminal: outside text is defanged and
// cannot steer it.
func messageText(m message.Message) string {
	var b strings.Builder
	for _, p := range m.Parts {
		b.WriteString(spansText(p.Text))
		b.WriteString("\n")
		if p.Kind == message.Title {
			b.WriteString(strings.Repeat("=", 24) + "\n")
		}
	}
	return b.String()
}

func spansText(t message.Text) string {
	var b strings.Builder
	for _, s := range t {
		switch s.Kind {
		case message.Literal, message.Strong, message.Link:
			b.WriteString(s.S)
		case message.Instant:
			b.WriteString(s.At.Local().Format(time.DateTime))
		default:
			b.WriteString(printable(lookup.Defang(s.S)))
		}
	}
	return b.String()
}
