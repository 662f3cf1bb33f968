package chat

import (
	"strings"

	"github.com/securitybot/securitybot/internal/message"
)

// fallbackText is the message's own fallback, or its title and first paragraph.
func fallbackText(m message.Message, o RenderOptions) string {
	t := m.Fallback
	if len(t) == 0 {
		t = summary(m.Parts)
	}
	s, _ := render(t, fallback, maxFallback, o)
	if strings.TrimSpace(s) == "" {
		return "SecurityBot"
	}
	return s
}

func summary(parts []message.Part) message.Text {
	var t message.Text
	var title, para bool
	for _, p := range parts {
		switch {
		case p.Kind == message.Title && !title && !para:
			t, title = append(t, p.Text...), true
		case p.Kind == message.Para && !para:
			if len(t) > 0 {
				t = t.L("\n")
			}
			t, para = append(t, p.Text...), true
		}
	}
	return t
}

// renderPlain returns the whole message as text, for when Slack refuses its
// layout. Buttons are lost; their labels are named so that nobody waits.
func renderPlain(m message.Message, o RenderOptions) string {
	var t message.Text
	line := func(add message.Text) {
		if len(t) > 0 {
			t = t.L("\n")
		}
		t = append(t, add...)
	}
	for _, p := range m.Parts {
		switch p.Kind {
		case message.Fields:
			for _, f := range p.Fields {
				line(append(message.L(f.Label).L(": "), f.Text...))
			}
		case message.Actions:
			for _, b := range p.Buttons {
				line(message.L("[" + b.Label + "] cannot be shown here"))
			}
		case message.Divider, message.Input:
		default:
			line(p.Text)
		}
	}
	if len(t) == 0 {
		return fallbackText(m, o)
	}
	s, _ := render(t, fallback, maxFallback, o)
	return s
}
