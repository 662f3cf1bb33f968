package slackfake

import (
	"encoding/json"
	"strings"
)

// AllText returns what the message says, for tests that look for words: the
// texts of its blocks in the order they show, one a line, or its text when it
// has no blocks.
func (m Message) AllText() string {
	if isEmptyList(m.Blocks) {
		return m.Text
	}
	return blocksText(m.Blocks)
}

// AllText returns the texts of the view, one a line.
func (v View) AllText() string {
	var view struct {
		Blocks json.RawMessage `json:"blocks"`
	}
	_ = json.Unmarshal(v.Raw, &view) // was checked when it came
	return blocksText(view.Blocks)
}

// Saying matches messages that contain all the words, wherever they stand.
func Saying(words ...string) func(Message) bool {
	return func(m Message) bool {
		text := m.AllText() + "\n" + m.Text
		for _, w := range words {
			if !strings.Contains(text, w) {
				return false
			}
		}
		return true
	}
}

func blocksText(raw json.RawMessage) string {
	var blocks []any
	if json.Unmarshal(raw, &blocks) != nil {
		return ""
	}
	var lines []string
	for _, b := range blocks {
		if line := strings.TrimRight(texts(b), "\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// order is how the parts of a block follow each other on the screen.
var order = []string{"title", "label", "text", "fields", "elements", "accessory", "element", "options", "hint", "rows"}

// texts collects the text of a block or a part of one.
func texts(v any) string {
	switch v := v.(type) {
	case []any:
		var b strings.Builder
		for _, e := range v {
			b.WriteString(texts(e))
		}
		return b.String()
	case map[string]any:
		return partText(v)
	}
	return ""
}

func partText(v map[string]any) string {
	str := func(key string) string { s, _ := v[key].(string); return s }
	switch v["type"] {
	case "plain_text", "mrkdwn", "markdown":
		return str("text") + "\n"
	case "user":
		return "<@" + str("user_id") + ">"
	case "channel":
		return "<#" + str("channel_id") + ">"
	case "usergroup":
		return "<!subteam^" + str("usergroup_id") + ">"
	case "broadcast":
		return "<!" + str("range") + ">"
	case "emoji":
		return ":" + str("name") + ":"
	case "date":
		return str("fallback")
	case "link":
		if str("text") == "" {
			return str("url")
		}
		return str("text")
	case "text":
		return str("text")
	}
	var b strings.Builder
	for _, key := range order {
		b.WriteString(texts(v[key]))
	}
	switch v["type"] {
	case "rich_text_section", "rich_text_preformatted", "rich_text_quote":
		b.WriteString("\n")
	}
	return b.String()
}
