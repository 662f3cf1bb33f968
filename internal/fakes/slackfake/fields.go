package slackfake

import (
	"encoding/json"
	"strings"
)

// Field is an input of a dialog.
type Field struct {
	BlockID  string   `json:"block_id"`
	ActionID string   `json:"action_id"`
	Type     string   `json:"type"`
	Label    string   `json:"label"`
	Options  []string `json:"options,omitempty"` // values
	Initial  string   `json:"initial,omitempty"` // what it says at first, several values with commas between them
	Optional bool     `json:"optional,omitempty"`
}

// Fields lists the inputs of a view.
func (v View) Fields() []Field {
	var out []Field
	for _, b := range v.inputs() {
		f := Field{BlockID: b.Block, ActionID: b.el("action_id"), Type: b.el("type"), Label: b.Label.Text, Initial: b.initial(), Optional: b.Optional}
		options, _ := b.Element["options"].([]any)
		for _, o := range options {
			if option, ok := o.(map[string]any); ok {
				value, _ := option["value"].(string)
				f.Options = append(f.Options, value)
			}
		}
		out = append(out, f)
	}
	return out
}

type input struct {
	Type     string `json:"type"`
	Block    string `json:"block_id"`
	Optional bool   `json:"optional"`
	Label    struct {
		Text string `json:"text"`
	} `json:"label"`
	Element body `json:"element"`
}

func (b input) el(key string) string { s, _ := b.Element[key].(string); return s }

func (v View) inputs() []input {
	var view struct {
		Blocks []input `json:"blocks"`
	}
	_ = json.Unmarshal(v.Raw, &view) // was checked when it came
	var out []input
	for _, b := range view.Blocks {
		if b.Type == "input" {
			out = append(out, b)
		}
	}
	return out
}

// initial returns what the input says before anybody touches it.
func (b input) initial() string {
	if s := b.el("initial_value"); s != "" {
		return s
	}
	if s := b.el("initial_user"); s != "" {
		return s
	}
	if o, ok := b.Element["initial_option"].(map[string]any); ok {
		value, _ := o["value"].(string)
		return value
	}
	var out []string
	for _, key := range []string{"initial_users", "initial_options"} {
		list, _ := b.Element[key].([]any)
		for _, one := range list {
			if o, ok := one.(map[string]any); ok {
				one = o["value"]
			}
			if s, ok := one.(string); ok {
				out = append(out, s)
			}
		}
	}
	return strings.Join(out, ",")
}
