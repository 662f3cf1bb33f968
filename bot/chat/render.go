package chat

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"github.com/securitybot/securitybot/internal/message"
)

// Slack's limits (docs.slack.dev, "Blocks" and "Composition objects"), and
// where ours are lower, why. Slack refuses a message at about 13,200
// characters of block text although each block is within its limit
// (slackapi/bolt-js#2509), and chat.update refuses a text of more than 4,000
// bytes.
const (
	maxMessage       = 10_000
	maxMessageBlocks = 50
	maxViewBlocks    = 100
	maxFallback      = 3_500 // bytes
	maxSection       = 3_000
	maxField         = 2_000
	maxFieldsABlock  = 10
	maxHeader        = 150
	maxButtonLabel   = 75
	maxButtonValue   = 2_000
	maxButtonsABlock = 25
	maxID            = 255
	worthShowing     = 40 // a text cut to less than this is left out
)

// Render returns a message as Block Kit blocks and the text beside them, which
// notifications and screen readers use. It never fails: what is too long is
// cut and says so, what is not allowed is shown as text. Buttons are the last
// thing to go.
func Render(m message.Message, o RenderOptions) (blocks json.RawMessage, fallback string) {
	set, text := renderBlocks(m, o)
	return marshal(set), text
}

// RenderModal returns a dialog as a Block Kit view.
func RenderModal(m message.Modal, o RenderOptions) json.RawMessage {
	return marshal(renderModal(m, o))
}

// marshal encodes without the HTML escapes of encoding/json, which say the
// same in more bytes.
func marshal(v any) json.RawMessage {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return json.RawMessage("null") // not reachable: the blocks are plain data
	}
	return bytes.TrimSpace(buf.Bytes())
}

func renderBlocks(m message.Message, o RenderOptions) ([]slack.Block, string) {
	l := newLayout(m.Parts, maxMessageBlocks, o)
	for _, p := range m.Parts {
		l.part(p)
	}
	return l.finish(), fallbackText(m, o)
}

// layout collects blocks within the budget of a whole message.
type layout struct {
	blocks []slack.Block
	chars  int // left for texts; what buttons and inputs need is set aside
	slots  int // blocks left; likewise
	cut    bool
	look   RenderOptions
}

func newLayout(parts []message.Part, blocks int, o RenderOptions) *layout {
	l := &layout{chars: maxMessage - len(cutMark), slots: blocks - 1, look: o}
	for _, p := range parts {
		chars, slots := reserve(p)
		l.chars -= chars
		l.slots -= slots
	}
	return l
}

// reserve returns what a part needs that must not be cut.
func reserve(p message.Part) (chars, slots int) {
	switch p.Kind {
	case message.Actions:
		for _, b := range p.Buttons {
			chars += min(maxButtonLabel, width(b.Label)) + min(maxButtonLabel, width(b.Hint))
		}
		return chars, (len(p.Buttons) + maxButtonsABlock - 1) / maxButtonsABlock
	case message.Input:
		return 500, 1
	}
	return 0, 0
}

func (l *layout) part(p message.Part) {
	switch p.Kind {
	case message.Title:
		l.title(p.Text)
	case message.Fields:
		l.fields(p.Fields)
	case message.Note:
		if t := l.text(p.Text, maxSection); t != nil {
			l.add(&slack.ContextBlock{Type: slack.MBTContext, ContextElements: slack.ContextElements{Elements: []slack.MixedElement{t}}})
		}
	case message.Actions:
		l.actions(p.Buttons)
	case message.Divider:
		l.add(&slack.DividerBlock{Type: slack.MBTDivider})
	case message.Input:
		l.input(p.Input)
	default: // message.Para, and whatever we do not know
		if t := l.text(p.Text, maxSection); t != nil {
			l.add(&slack.SectionBlock{Type: slack.MBTSection, Text: t})
		}
	}
}

// add appends a block that is not set aside, if there is a slot.
func (l *layout) add(b slack.Block) {
	if l.slots <= 0 {
		l.cut = true
		return
	}
	l.slots--
	l.blocks = append(l.blocks, b)
}

// text renders a mrkdwn object within the budget, or nil when it would be
// empty.
func (l *layout) text(t message.Text, limit int) *slack.TextBlockObject {
	if l.slots <= 0 || l.chars < worthShowing {
		l.cut = l.cut || len(t) > 0
		return nil
	}
	s, cut := render(t, marked, min(limit, l.chars), l.look)
	l.cut = l.cut || cut && l.chars < limit
	if strings.TrimSpace(s) == "" {
		return nil
	}
	l.chars -= width(s)
	return mrkdwn(s)
}

// title is a header, which is plain text; with a reference or a time in it, it
// is a bold paragraph.
func (l *layout) title(t message.Text) {
	for _, s := range t {
		switch s.Kind {
		case message.Person, message.Channel, message.Instant, message.Link:
			if text := l.text(strong(t), maxHeader*4); text != nil {
				l.add(&slack.SectionBlock{Type: slack.MBTSection, Text: text})
			}
			return
		}
	}
	s, _ := render(t, plain, min(maxHeader, max(0, l.chars)), l.look)
	if strings.TrimSpace(s) == "" {
		l.cut = l.cut || len(t) > 0 && l.chars < worthShowing
		return
	}
	l.chars -= width(s)
	l.add(&slack.HeaderBlock{Type: slack.MBTHeader, Text: plainText(s)})
}

func strong(t message.Text) message.Text {
	out := make(message.Text, len(t))
	for i, s := range t {
		if s.Kind == message.Literal {
			s.Kind = message.Strong
		}
		out[i] = s
	}
	return out
}

func (l *layout) fields(fields []message.Field) {
	for len(fields) > 0 {
		n := min(len(fields), maxFieldsABlock)
		var set []*slack.TextBlockObject
		for _, f := range fields[:n] {
			if t := l.field(f); t != nil {
				set = append(set, t)
			}
		}
		if len(set) > 0 {
			l.add(&slack.SectionBlock{Type: slack.MBTSection, Fields: set})
		}
		fields = fields[n:]
	}
}

func (l *layout) field(f message.Field) *slack.TextBlockObject {
	value, _ := render(f.Text, marked, 100, l.look)
	t := message.Text{}.Strong(f.Label).L("\n")
	if strings.TrimSpace(value) == "" {
		return l.text(t.L("–"), maxField)
	}
	return l.text(append(t, f.Text...), maxField)
}

func (l *layout) actions(buttons []message.Button) {
	for len(buttons) > 0 && len(l.blocks) < maxMessageBlocks-1 {
		n := min(len(buttons), maxButtonsABlock)
		seen := map[string]int{}
		elements := make([]slack.BlockElement, 0, n)
		for _, b := range buttons[:n] {
			seen[b.Action]++
			elements = append(elements, button(b, seen[b.Action]))
		}
		l.blocks = append(l.blocks, &slack.ActionBlock{Type: slack.MBTAction, Elements: &slack.BlockElements{ElementSet: elements}})
		buttons = buttons[n:]
	}
	l.cut = l.cut || len(buttons) > 0
}

// button renders a button. Slack wants action ids unique within a block, so a
// repeated action gets a number that actionName takes off again.
func button(b message.Button, nth int) *slack.ButtonBlockElement {
	id := firstBytes(b.Action, maxID-4)
	if nth > 1 {
		id += actionSeparator + strconv.Itoa(nth)
	}
	e := &slack.ButtonBlockElement{
		Type: slack.METButton, ActionID: id, Value: firstBytes(b.Value, maxButtonValue),
		Text: plainText(label(b.Label, maxButtonLabel, "Open")), Style: slack.Style(b.Style),
		AccessibilityLabel: label(b.Hint, maxButtonLabel, ""),
	}
	if b.Style != message.Primary && b.Style != message.Danger {
		e.Style = ""
	}
	return e
}

// actionSeparator stands between an action and the number that makes it
// unique; it does not occur in actions.
const actionSeparator = "#"

func actionName(id string) string {
	name, _, _ := strings.Cut(id, actionSeparator)
	return name
}

// finish returns the blocks, with a mark when something was left out.
func (l *layout) finish() []slack.Block {
	if l.cut && len(l.blocks) > 0 && len(l.blocks) < maxViewBlocks {
		l.blocks = append(l.blocks, &slack.ContextBlock{Type: slack.MBTContext,
			ContextElements: slack.ContextElements{Elements: []slack.MixedElement{mrkdwn(cutMark)}}})
	}
	return l.blocks
}

func mrkdwn(s string) *slack.TextBlockObject {
	return &slack.TextBlockObject{Type: slack.MarkdownType, Text: s, Verbatim: true}
}

func plainText(s string) *slack.TextBlockObject {
	noEmoji := false
	return &slack.TextBlockObject{Type: slack.PlainTextType, Text: s, Emoji: &noEmoji}
}

// label renders a short text of ours, or otherwise when it would be empty.
func label(s string, limit int, otherwise string) string {
	out, _ := render(message.L(s), plain, limit, RenderOptions{})
	if out = strings.TrimSpace(out); out == "" {
		return otherwise
	}
	return out
}

// firstBytes bounds an id of ours. One that is cut is no longer known, which is
// the safe outcome.
func firstBytes(s string, n int) string { return s[:min(len(s), n)] }
