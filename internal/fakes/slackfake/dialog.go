package slackfake

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Title returns the title of the view.
func (v View) Title() string {
	var t struct {
		Title struct {
			Text string `json:"text"`
		} `json:"title"`
	}
	_ = json.Unmarshal(v.Raw, &t) // was checked when it came
	return t.Title.Text
}

// top returns the modal the person sees, which must be the named one unless the
// id is "".
func (p Person) top(viewID string) (*View, error) {
	v := p.s.openModal(p.id)
	if v == nil || viewID != "" && v.ID != viewID {
		return nil, fmt.Errorf("%q: %w", viewID, errNoView)
	}
	return v, nil
}

// Submit fills in the open dialog and presses its submit button. Values are
// keyed by block id; an input that is not given keeps its initial value. One that
// is empty and not optional stops the client from submitting, which is an error
// here. The id may be "".
func (p Person) Submit(viewID string, values map[string]string) (*Gesture, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	v, err := p.top(viewID)
	if err != nil {
		return nil, err
	}
	state, err := v.fillIn(values)
	if err != nil {
		return nil, err
	}
	payload := p.payload("view_submission")
	payload["trigger_id"] = p.s.newTrigger(p.id)
	payload["view"] = p.s.wireView(v, state)
	payload["response_urls"] = []body{}
	id := v.ID
	return p.gesture("interactive", payload, func(d *delivery, raw json.RawMessage) error {
		return p.submitted(d, id, raw)
	}), nil
}

// fillIn makes the state of a submission.
func (v View) fillIn(values map[string]string) (body, error) {
	state, used := body{}, 0
	for _, b := range v.inputs() {
		value, given := values[b.Block]
		if given {
			used++
		} else {
			value = b.initial()
		}
		if value == "" && !b.Optional {
			return nil, fmt.Errorf("input %s must be filled in", b.Block)
		}
		entry, err := b.entry(value)
		if err != nil {
			return nil, err
		}
		state[b.Block] = body{b.el("action_id"): entry}
	}
	if used != len(values) {
		return nil, errors.New("a value is for an input the dialog does not have")
	}
	return state, nil
}

// entry is one value of the state.
func (b input) entry(value string) (body, error) {
	kind := b.el("type")
	switch kind {
	case "plain_text_input", "number_input", "email_text_input", "url_text_input":
		limit, _ := b.Element["max_length"].(float64)
		if limit > 0 && len([]rune(value)) > int(limit) {
			return nil, fmt.Errorf("input %s takes at most %v characters", b.Block, limit)
		}
		if value == "" {
			return body{"type": kind, "value": nil}, nil
		}
		return body{"type": kind, "value": value}, nil
	case "static_select", "radio_buttons":
		if value == "" {
			return body{"type": kind, "selected_option": nil}, nil
		}
		out, err := (element{b.Block, b.Element}).chosen(value)
		if err == nil {
			out["type"] = kind
		}
		return out, err
	case "users_select":
		if value == "" {
			return body{"type": kind, "selected_user": nil}, nil
		}
		return body{"type": kind, "selected_user": value}, nil
	case "multi_users_select":
		return body{"type": kind, "selected_users": orEmpty(splitList(value))}, nil
	case "multi_static_select":
		chosen := []any{}
		for _, v := range splitList(value) {
			one, err := (element{b.Block, b.Element}).chosen(v)
			if err != nil {
				return nil, err
			}
			chosen = append(chosen, one["selected_option"])
		}
		return body{"type": kind, "selected_options": chosen}, nil
	case "channels_select":
		return body{"type": kind, "selected_channel": value}, nil
	case "conversations_select":
		return body{"type": kind, "selected_conversation": value}, nil
	case "datepicker":
		return body{"type": kind, "selected_date": value}, nil
	}
	return nil, fmt.Errorf("input %s: this double cannot fill in a %s", b.Block, kind)
}

// submitted does what the ack of a submission says.
func (p Person) submitted(d *delivery, viewID string, raw json.RawMessage) error {
	var ack struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
		View   json.RawMessage   `json:"view"`
	}
	if len(raw) > 0 && json.Unmarshal(raw, &ack) != nil {
		return errors.New("payload of the ack is not an object")
	}
	v := p.s.openModal(p.id)
	if v == nil || v.ID != viewID {
		return nil // the person closed it meanwhile
	}
	switch ack.Action {
	case "":
		p.s.closeTop(p.id)
	case "clear":
		p.s.closeModals(p.id)
	case "errors":
		return d.showErrors(v, ack.Errors)
	case "update", "push":
		return p.nextView(v, ack.Action, ack.View)
	default:
		return fmt.Errorf("unknown response_action %q", ack.Action)
	}
	return nil
}

// showErrors keeps the errors for the person. Slack refuses keys that are not
// those of inputs.
func (d *delivery) showErrors(v *View, errs map[string]string) error {
	if len(errs) == 0 {
		return errors.New("response_action errors without errors")
	}
	known := map[string]bool{}
	for _, b := range v.inputs() {
		known[b.Block] = true
	}
	for block := range errs {
		if !known[block] {
			return fmt.Errorf("error for %q, which is not an input of the view", block)
		}
	}
	d.errors = errs
	return nil
}

func (p Person) nextView(top *View, action string, raw json.RawMessage) error {
	external := top.ExternalID
	if action == "update" {
		top.ExternalID = ""
	}
	v, err := p.s.checkView(raw, "modal")
	top.ExternalID = external
	if err != nil {
		return blockError(err)
	}
	if action == "update" {
		p.s.replaceView(top, v)
		return nil
	}
	if len(p.s.stacks[p.id]) >= maxStack {
		return errors.New("push_limit_reached")
	}
	p.s.pushView(v, p.id)
	return nil
}

// CloseView closes the open dialog with its cancel button or the cross. The app
// hears of it only when the view asked for notify_on_close; then the Gesture is
// not nil.
func (p Person) CloseView(viewID string) (*Gesture, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	v, err := p.top(viewID)
	if err != nil {
		return nil, err
	}
	wire := p.s.wireView(v, body{})
	p.s.closeTop(p.id)
	if wire["notify_on_close"] != true {
		return nil, nil
	}
	payload := p.payload("view_closed")
	payload["view"], payload["is_cleared"] = wire, false
	return p.gesture("interactive", payload, nil), nil
}

// ClickView presses a button in the open dialog or, when none is open, in the
// home tab.
func (p Person) ClickView(button string) (*Gesture, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	v := p.s.openModal(p.id)
	if v == nil {
		v = p.s.views[p.s.homes[p.id]]
	}
	if v == nil {
		return nil, errNoView
	}
	var view struct {
		Blocks json.RawMessage `json:"blocks"`
	}
	_ = json.Unmarshal(v.Raw, &view) // was checked when it came
	e, err := find(view.Blocks, button)
	if err != nil {
		return nil, err
	}
	payload := p.payload("block_actions")
	payload["container"] = body{"type": "view", "view_id": v.ID}
	payload["trigger_id"] = p.s.newTrigger(p.id)
	payload["view"] = p.s.wireView(v, body{})
	payload["actions"] = []body{p.action(e, nil)}
	return p.gesture("interactive", payload, nil), nil
}
