package blockkit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func section(more m) m { return with(m{"type": "section", "text": pt("s")}, more) }

func rich(inline ...any) m {
	return m{"type": "rich_text", "elements": []any{m{"type": "rich_text_section", "elements": inline}}}
}

// TestRefused names, for each way of being wrong, where and how Slack would say
// so.
func TestRefused(t *testing.T) {
	t.Parallel()
	opt := m{"text": pt("a"), "value": "a"}
	for name, c := range map[string]struct {
		surface Surface
		block   any
		want    string
	}{
		"no object":              {Message, "section", "must provide an object [json-pointer:/blocks/0]"},
		"no type":                {Message, m{"text": "x"}, "missing required field: type [json-pointer:/blocks/0]"},
		"unknown type":           {Message, m{"type": "marquee"}, "unsupported type: marquee [json-pointer:/blocks/0/type]"},
		"unknown property":       {Message, section(m{"colour": "red"}), "invalid additional property: colour [json-pointer:/blocks/0]"},
		"text is a string":       {Message, section(m{"text": "x"}), "must provide an object [json-pointer:/blocks/0/text]"},
		"text is a number":       {Message, section(m{"text": m{"type": "mrkdwn", "text": 1}}), "must provide a string [json-pointer:/blocks/0/text/text]"},
		"text missing":           {Message, section(m{"text": m{"type": "mrkdwn"}}), "missing required field: text [json-pointer:/blocks/0/text]"},
		"section of nothing":     {Message, m{"type": "section"}, "must define either `text` or `fields` [json-pointer:/blocks/0]"},
		"emoji in mrkdwn":        {Message, section(m{"text": m{"type": "mrkdwn", "text": "x", "emoji": true}}), "invalid additional property: emoji"},
		"verbatim in plain":      {Message, section(m{"text": m{"type": "plain_text", "text": "x", "verbatim": true}}), "invalid additional property: verbatim"},
		"header in mrkdwn":       {Message, m{"type": "header", "text": mk("x")}, "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]"},
		"button in mrkdwn":       {Message, actions(btn(m{"text": mk("x")})), "unsupported type: mrkdwn"},
		"button style":           {Message, actions(btn(m{"style": "warning"})), "must be a valid enum value [json-pointer:/blocks/0/elements/0/style]"},
		"button without text":    {Message, actions(m{"type": "button"}), "missing required field: text [json-pointer:/blocks/0/elements/0]"},
		"button in context":      {Message, m{"type": "context", "elements": []any{btn(nil)}}, "unsupported type: button"},
		"image in actions":       {Message, actions(img(nil)), "unsupported type: image"},
		"text input in section":  {Message, section(m{"accessory": m{"type": "plain_text_input"}}), "unsupported type: plain_text_input"},
		"button in input":        {Modal, in("button", m{"text": pt("x")}), "unsupported type: button"},
		"elements no array":      {Message, m{"type": "actions", "elements": m{}}, "must provide an array"},
		"bad url":                {Message, actions(btn(m{"url": "javascript:alert(1)"})), "invalid url [json-pointer:/blocks/0/elements/0/url]"},
		"url without host":       {Message, actions(btn(m{"url": "https://"})), "invalid url"},
		"two action ids":         {Message, actions(btn(m{"action_id": "a"}), btn(m{"action_id": "a"})), "duplicate action_id: a [json-pointer:/blocks/0/elements/1/action_id]"},
		"image twice":            {Message, img(m{"slack_file": m{"id": "F1"}}), "must define either `image_url` or `slack_file`"},
		"options and groups":     {Modal, in("static_select", m{"options": opts(1), "option_groups": []any{}}), "must define either `options` or `option_groups`"},
		"chosen not offered":     {Modal, in("static_select", m{"options": opts(1), "initial_option": opt}), "initial option must be one of the options"},
		"option without value":   {Modal, in("static_select", m{"options": []any{m{"text": pt("a")}}}), "missing required field: value"},
		"inverted range":         {Modal, in("plain_text_input", m{"min_length": 9, "max_length": 3}), "must be less than max_length"},
		"half a character":       {Modal, in("plain_text_input", m{"max_length": 1.5}), "must provide an integer"},
		"not a boolean":          {Modal, with(in("plain_text_input", nil), m{"optional": "true"}), "must provide a boolean [json-pointer:/blocks/0/optional]"},
		"alert in a message":     {Message, m{"type": "alert", "text": pt("x")}, "unsupported type: alert"},
		"markdown in a modal":    {Modal, m{"type": "markdown", "text": "x"}, "unsupported type: markdown"},
		"plan at home":           {Home, m{"type": "plan", "title": "x"}, "unsupported type: plan"},
		"rich text empty":        {Message, rich(m{"type": "text", "text": ""}), "must be more than 0 characters [json-pointer:/blocks/0/elements/0/elements/0/text]"},
		"rich text style":        {Message, rich(m{"type": "text", "text": "x", "style": m{"blink": true}}), "invalid additional property: blink"},
		"rich text element":      {Message, rich(m{"type": "marquee"}), "unsupported type: marquee"},
		"rich link without url":  {Message, rich(m{"type": "link", "text": "x"}), "missing required field: url"},
		"user in preformatted":   {Message, m{"type": "rich_text", "elements": []any{m{"type": "rich_text_preformatted", "elements": []any{m{"type": "user", "user_id": "U1"}}}}}, "unsupported type: user"},
		"date without format":    {Message, rich(m{"type": "date", "timestamp": 1}), "missing required field: format"},
		"broadcast to all":       {Message, rich(m{"type": "broadcast", "range": "all"}), "must be a valid enum value"},
		"ragged table":           {Message, m{"type": "table", "rows": []any{rawRows(1, 1)[0], rawRows(1, 2)[0]}}, "must have as many cells as the first row [json-pointer:/blocks/0/rows/1]"},
		"container in container": {Message, container1(m{"child_blocks": []any{container1(nil)}}), "unsupported type: container"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Blocks(c.surface, raw(t, []any{c.block}))
			if r.Code != "invalid_blocks" || !slices.ContainsFunc(r.Messages(), func(s string) bool { return strings.Contains(s, c.want) }) {
				t.Errorf("%q: %q", r.Code, r.Messages())
			}
		})
	}
}

// TestWhole checks what concerns all blocks of a message together.
func TestWhole(t *testing.T) {
	t.Parallel()
	long := func(total, size int) []any {
		return times(total/size, func(int) any { return section(m{"text": pt(chars(size))}) })
	}
	divider := func(int) any { return m{"type": "divider"} }
	for name, c := range map[string]struct {
		surface    Surface
		blocks     []any
		code, want string
	}{
		"50 in a message":       {Message, times(50, divider), "", ""},
		"51 in a message":       {Message, times(51, divider), "invalid_blocks", "no more than 50 items allowed [json-pointer:/blocks]"},
		"100 in a modal":        {Modal, times(100, divider), "", ""},
		"101 in a modal":        {Modal, times(101, divider), "invalid_blocks", "no more than 100 items allowed"},
		"none":                  {Message, []any{}, "", ""},
		"all text that fits":    {Message, long(13_200, 1320), "", ""},
		"more text in all":      {Message, append(long(13_200, 1320), rich(m{"type": "text", "text": "x"})), "msg_blocks_too_long", "13201"},
		"more text in a modal":  {Modal, long(26_400, 1320), "", ""},
		"markdown in all":       {Message, []any{m{"type": "markdown", "text": chars(7000)}, m{"type": "markdown", "text": chars(5001)}}, "invalid_blocks", "in all markdown blocks"},
		"same block id":         {Message, []any{m{"type": "divider", "block_id": "a"}, m{"type": "divider", "block_id": "a"}}, "invalid_blocks", "duplicate block_id: a [json-pointer:/blocks/1/block_id]"},
		"same action, 2 blocks": {Message, []any{actions(btn(m{"action_id": "a"})), actions(btn(m{"action_id": "a"}))}, "", ""},
		"two tables":            {Message, []any{m{"type": "table", "rows": rawRows(1, 1)}, dataTable(nil)}, "invalid_blocks", "only_one_table_allowed"},
		"focus twice":           {Modal, []any{in("plain_text_input", m{"focus_on_load": true}), in("plain_text_input", m{"focus_on_load": true})}, "invalid_blocks", "focus_on_load"},
		"text of a table":       {Message, []any{m{"type": "table", "rows": []any{[]any{m{"type": "raw_text", "text": chars(10_001)}}}}}, "invalid_blocks", "in all cells"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Blocks(c.surface, raw(t, c.blocks))
			if r.Code != c.code || !strings.Contains(fmt.Sprint(r.Messages()), c.want) {
				t.Errorf("%q: %q", r.Code, r.Messages())
			}
		})
	}
	for _, junk := range []string{``, `null`, `{}`, `"x"`, `[{]`} {
		if r := Blocks(Message, json.RawMessage(junk)); r.Code != "invalid_blocks_format" {
			t.Errorf("%q: %q", junk, r.Code)
		}
	}
}

func TestView(t *testing.T) {
	t.Parallel()
	home := m{"type": "home", "blocks": []any{m{"type": "divider"}}}
	for name, c := range map[string]struct {
		view       any
		code, want string
	}{
		"modal":                {modal(nil), "", ""},
		"home":                 {home, "", ""},
		"no title":             {m{"type": "modal", "blocks": []any{m{"type": "divider"}}}, "invalid_arguments", "missing required field: title [json-pointer:/view]"},
		"home with title":      {with(home, m{"title": pt("x")}), "invalid_arguments", "invalid additional property: title"},
		"no blocks":            {m{"type": "modal", "title": pt("x")}, "invalid_arguments", "missing required field: blocks"},
		"blocks no list":       {modal(m{"blocks": "x"}), "invalid_arguments", "must provide an array"},
		"other type":           {modal(m{"type": "popup"}), "invalid_arguments", "unsupported type: popup"},
		"input without submit": {modal(m{"blocks": []any{in("plain_text_input", nil)}}), "invalid_arguments", "missing required field: submit"},
		"bad block":            {modal(m{"blocks": []any{m{"type": "header"}}}), "invalid_arguments", "missing required field: text [json-pointer:/view/blocks/0]"},
		"too large":            {modal(m{"private_metadata": chars(125_001)}), "view_too_large", ""},
		"no object":            {"x", "invalid_arguments", "must provide an object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := View(raw(t, c.view))
			if r.Code != c.code || !strings.Contains(fmt.Sprint(r.Messages()), c.want) {
				t.Errorf("%q: %q", r.Code, r.Messages())
			}
		})
	}
}

// TestFilled checks that missing ids are made up, given ones kept, and that
// nothing else changes.
func TestFilled(t *testing.T) {
	t.Parallel()
	in := raw(t, []any{
		with(actions(btn(nil), btn(m{"action_id": "mine"})), m{"block_id": "kept"}),
		section(m{"accessory": btn(nil)}),
		rich(m{"type": "text", "text": "x"}),
	})
	first, again := Blocks(Message, in), Blocks(Message, in)
	if string(first.Filled) != string(again.Filled) {
		t.Error("ids differ from time to time")
	}
	var out []struct {
		BlockID   string `json:"block_id"`
		Accessory m      `json:"accessory"`
		Elements  []m    `json:"elements"`
	}
	if err := json.Unmarshal(first.Filled, &out); err != nil {
		t.Fatal(err)
	}
	if out[0].BlockID != "kept" || out[1].BlockID == "" || out[1].BlockID == out[2].BlockID {
		t.Errorf("block ids: %s", first.Filled)
	}
	if out[0].Elements[1]["action_id"] != "mine" || out[0].Elements[0]["action_id"] == nil || out[1].Accessory["action_id"] == nil {
		t.Errorf("action ids: %s", first.Filled)
	}
	if _, ok := out[2].Elements[0]["action_id"]; ok {
		t.Error("rich text has got an action id")
	}
}
