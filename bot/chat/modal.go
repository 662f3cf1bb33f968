package chat

import (
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/securitybot/securitybot/internal/message"
)

// Limits of views (docs.slack.dev, "View object" and "Input block").
const (
	maxViewTitle   = 24
	maxPrivate     = 3_000
	maxInputText   = 3_000
	maxInputLabel  = 150 // Slack takes 2,000; nobody reads that
	maxInputHint   = 300 // likewise
	maxOptions     = 100
	maxOptionLabel = 75
	maxOptionValue = 150
)

// inputAction is the action id of every input; the block id names the field.
const inputAction = "value"

func renderModal(m message.Modal, o RenderOptions) slack.ModalViewRequest {
	l := newLayout(m.Parts, maxViewBlocks, o)
	for _, p := range m.Parts {
		l.part(p)
	}
	blocks := l.finish()
	if len(blocks) == 0 { // a view without blocks is refused
		blocks = []slack.Block{&slack.DividerBlock{Type: slack.MBTDivider}}
	}
	view := slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: firstBytes(m.Callback, maxID), PrivateMetadata: firstBytes(m.Private, maxPrivate),
		Title: plainText(label(m.Title, maxViewTitle, "SecurityBot")),
		Close: plainText("Close"), Blocks: slack.Blocks{BlockSet: blocks},
	}
	submit := m.Submit
	if submit == "" && hasInput(m.Parts) { // Slack refuses inputs without a submit button
		submit = "Send"
	}
	if submit != "" {
		view.Submit = plainText(label(submit, maxViewTitle, "Send"))
		view.Close = plainText("Cancel")
	}
	return view
}

func hasInput(parts []message.Part) bool {
	for _, p := range parts {
		if p.Kind == message.Input && p.Input != nil {
			return true
		}
	}
	return false
}

// viewOf shows a message as a dialog.
func viewOf(m message.Message) message.Modal {
	return message.Modal{Title: "SecurityBot", Parts: m.Parts}
}

// input renders a field of a dialog. Its slot is set aside.
func (l *layout) input(f *message.InputField) {
	if f == nil || len(l.blocks) >= maxViewBlocks-1 {
		return
	}
	block := &slack.InputBlock{
		Type: slack.MBTInput, BlockID: firstBytes(f.ID, maxID), Optional: f.Optional,
		Label: plainText(label(f.Label, maxInputLabel, "Answer")),
	}
	if hint := label(f.Hint, maxInputHint, ""); hint != "" {
		block.Hint = plainText(hint)
	}
	block.Element = element(f)
	l.blocks = append(l.blocks, block)
}

// element renders what is filled in. An initial value that does not fit the
// field is left out: Slack would refuse the whole dialog.
func element(f *message.InputField) slack.BlockElement {
	switch {
	case f.Users:
		return people(f)
	case len(f.Options) > 0:
		return choice(f)
	}
	text := &slack.PlainTextInputBlockElement{Type: slack.METPlainTextInput, ActionID: inputAction, Multiline: f.Multiline, MaxLength: maxInputText}
	if f.MaxLen > 0 {
		text.MaxLength = min(f.MaxLen, maxInputText)
	}
	text.InitialValue, _ = firstRunes(f.Initial, text.MaxLength)
	return text
}

func choice(f *message.InputField) slack.BlockElement {
	var options, chosen []*slack.OptionBlockObject
	for _, o := range f.Options[:min(len(f.Options), maxOptions)] {
		option := &slack.OptionBlockObject{
			Text: plainText(label(o.Label, maxOptionLabel, "–")), Value: firstBytes(o.Value, maxOptionValue)}
		options = append(options, option)
		if o.Value == f.Initial || f.Several && slices.Contains(splitIDs(f.Initial), o.Value) {
			chosen = append(chosen, option)
		}
	}
	if f.Several {
		return &slack.MultiSelectBlockElement{Type: slack.MultiOptTypeStatic, ActionID: inputAction, Options: options, InitialOptions: chosen}
	}
	e := &slack.SelectBlockElement{Type: slack.OptTypeStatic, ActionID: inputAction, Options: options}
	if len(chosen) > 0 {
		e.InitialOption = chosen[0]
	}
	return e
}

func people(f *message.InputField) slack.BlockElement {
	chosen := slices.DeleteFunc(splitIDs(f.Initial), func(id string) bool { return !personID.MatchString(id) })
	if f.Several {
		return &slack.MultiSelectBlockElement{Type: slack.MultiOptTypeUser, ActionID: inputAction, InitialUsers: chosen}
	}
	e := &slack.SelectBlockElement{Type: slack.OptTypeUser, ActionID: inputAction}
	if len(chosen) > 0 {
		e.InitialUser = chosen[0]
	}
	return e
}

// splitIDs reads the notation of several values in one.
func splitIDs(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
