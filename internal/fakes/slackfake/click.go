package slackfake

import (
	"encoding/json"
	"fmt"
	"maps"
)

// Button is something to press in a message or view.
type Button struct {
	ActionID string `json:"action_id"`
	BlockID  string `json:"block_id"`
	Label    string `json:"label"`
	Value    string `json:"value,omitempty"`
	Style    string `json:"style,omitempty"`
	URL      string `json:"url,omitempty"`
}

// element is an interactive element with where it stands.
type element struct {
	block string
	raw   body
}

// elements lists the interactive elements of blocks in the order they show.
func elements(blocks json.RawMessage) []element {
	var list []body
	if json.Unmarshal(blocks, &list) != nil {
		return nil
	}
	var out []element
	for _, b := range list {
		id, _ := b["block_id"].(string)
		held := []any{b["accessory"], b["element"]}
		if more, ok := b["elements"].([]any); ok && b["type"] != "rich_text" {
			held = append(held, more...)
		}
		for _, h := range held {
			if e, ok := h.(map[string]any); ok && e["action_id"] != nil {
				out = append(out, element{id, e})
			}
		}
	}
	return out
}

func (e element) str(key string) string { s, _ := e.raw[key].(string); return s }

func (e element) label() string {
	t, _ := e.raw["text"].(map[string]any)
	s, _ := t["text"].(string)
	return s
}

// Buttons lists the buttons of a message in the order they show.
func (m Message) Buttons() []Button { return buttons(m.Blocks) }

func buttons(blocks json.RawMessage) []Button {
	var out []Button
	for _, e := range elements(blocks) {
		if e.str("type") == "button" {
			out = append(out, Button{e.str("action_id"), e.block, e.label(), e.str("value"), e.str("style"), e.str("url")})
		}
	}
	return out
}

// Click presses the button of a message the person can see. The button is named
// by its action id or, when no button has that id, by its label.
func (p Person) Click(channel, ts, button string) (*Gesture, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	m, c, err := p.seen(Ref{channel, ts})
	if err != nil {
		return nil, err
	}
	e, err := find(m.Blocks, button)
	if err != nil {
		return nil, err
	}
	return p.press(m, c, e, nil), nil
}

// Choose picks the option with a value in a select, radio or overflow element.
func (p Person) Choose(channel, ts, actionID, value string) (*Gesture, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	m, c, err := p.seen(Ref{channel, ts})
	if err != nil {
		return nil, err
	}
	e, err := find(m.Blocks, actionID)
	if err != nil {
		return nil, err
	}
	chosen, err := e.chosen(value)
	if err != nil {
		return nil, err
	}
	return p.press(m, c, e, chosen), nil
}

// ClickOld presses a button of what the message said before an edit, as a
// client does that has not caught up; version 0 is the oldest.
func (p Person) ClickOld(channel, ts string, version int, button string) (*Gesture, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	m, c, err := p.seen(Ref{channel, ts})
	if err != nil {
		return nil, err
	}
	if version < 0 || version >= len(m.Edits) {
		return nil, fmt.Errorf("the message has no version %d", version)
	}
	e, err := find(m.Edits[version].Blocks, button)
	if err != nil {
		return nil, err
	}
	return p.press(m, c, e, nil), nil
}

// seen finds a message that the person can see.
func (p Person) seen(ref Ref) (*Message, *Channel, error) {
	c, err := p.channel(ref.Channel)
	if err != nil {
		return nil, nil, err
	}
	m := p.s.byRef[Ref{c.ID, ref.TS}]
	if m == nil || m.Deleted || m.EphemeralTo != "" && m.EphemeralTo != p.id {
		return nil, nil, fmt.Errorf("%s in %s: %w", ref.TS, ref.Channel, errNoMessage)
	}
	return m, c, nil
}

// find names an element by action id or label; two of the same name are an
// error, because a test that meant the other one would pass.
func find(blocks json.RawMessage, name string) (element, error) {
	var byID, byLabel []element
	for _, e := range elements(blocks) {
		if e.str("action_id") == name {
			byID = append(byID, e)
		}
		if e.label() == name {
			byLabel = append(byLabel, e)
		}
	}
	for _, found := range [][]element{byID, byLabel} {
		switch len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return element{}, fmt.Errorf("%d elements are called %q", len(found), name)
		}
	}
	return element{}, fmt.Errorf("nothing called %q to press in %s", name, blocks)
}

// chosen returns the selected_option of a payload.
func (e element) chosen(value string) (body, error) {
	options, _ := e.raw["options"].([]any)
	for _, o := range options {
		if option, ok := o.(map[string]any); ok && option["value"] == value {
			return body{"selected_option": option}, nil
		}
	}
	return nil, fmt.Errorf("no option %q in %s", value, e.str("action_id"))
}

// action is the entry of a press in actions[].
func (p Person) action(e element, more body) body {
	out := body{"action_id": e.str("action_id"), "block_id": e.block, "type": e.str("type"), "action_ts": p.s.timestamp()}
	for _, k := range []string{"text", "value", "style", "url"} {
		if v, ok := e.raw[k]; ok {
			out[k] = v
		}
	}
	maps.Copy(out, more)
	return out
}

// press sends the block_actions payload of a message.
func (p Person) press(m *Message, c *Channel, e element, more body) *Gesture {
	s := p.s
	container := body{"type": "message", "message_ts": m.TS, "channel_id": c.ID, "is_ephemeral": m.EphemeralTo != ""}
	if m.ThreadTS != "" {
		container["thread_ts"] = m.ThreadTS
	}
	payload := p.payload("block_actions")
	payload["container"] = container
	payload["trigger_id"] = s.newTrigger(p.id)
	payload["channel"] = body{"id": c.ID, "name": c.payloadName()}
	payload["state"] = body{"values": body{}}
	payload["response_url"] = s.newHook("actions", c, p.id, m)
	payload["actions"] = []body{p.action(e, more)}
	if m.EphemeralTo == "" { // an ephemeral message is not sent along
		payload["message"] = s.wire(m, true)
	}
	return p.gesture("interactive", payload, nil)
}
