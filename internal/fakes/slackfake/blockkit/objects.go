package blockkit

import (
	"reflect"
	"unicode/utf8"
)

// plain wants a plain_text object, either kind with mrkdwn too.
func plain(name string) rule  { return textObject(name, false, true) }
func mrkdwn(name string) rule { return textObject(name, true, false) }
func text(name string) rule   { return textObject(name, true, true) }

func textObject(name string, mrkdwnOK, plainOK bool) rule {
	content := func(c *checker, at string, v any) {
		if s, ok := v.(string); ok {
			c.text += utf8.RuneCountInString(s)
		}
		str(name)(c, at, v)
	}
	kinds := map[string]rule{}
	if plainOK {
		kinds["plain_text"] = object(shape{"text": need(content), "emoji": opt(boolean)})
	}
	if mrkdwnOK {
		kinds["mrkdwn"] = object(shape{"text": need(content), "verbatim": opt(boolean)})
	}
	return either(kinds)
}

var style = enum("primary", "danger")

var confirm = object(shape{
	"title": opt(plain("confirm.title")), "text": need(text("confirm.text")),
	"confirm": opt(plain("confirm.confirm")), "deny": opt(plain("confirm.deny")), "style": opt(style),
})

// option is an option of a menu; those of checkboxes and radio buttons may use
// mrkdwn, those of overflow menus may have a URL.
func option(label func(string) rule, more shape) rule {
	return object(shape{
		"text": need(label("option.text")), "value": opt(str("option.value")),
		"description": opt(label("option.description")),
	}.with(more))
}

var (
	menuOption     = option(plain, shape{"value": need(str("option.value"))})
	richOption     = option(text, shape{"value": need(str("option.value"))})
	overflowOption = option(plain, shape{"url": opt(link("url"))})
	optionGroup    = object(shape{"label": need(plain("option_group.label")), "options": need(list("select.options", menuOption))})
)

// choice checks what elements with options have in common: exactly one of
// options and option_groups, and what is chosen is one of them.
func choice(c *checker, at string, o map[string]any) {
	_, flat := o["options"]
	_, grouped := o["option_groups"]
	if flat == grouped {
		c.fail(at, "must define either `options` or `option_groups`")
		return
	}
	offered := allOptions(o)
	chosen, _ := o["initial_options"].([]any)
	if one, ok := o["initial_option"]; ok {
		chosen = append(chosen, one)
	}
	for _, pick := range chosen {
		if !contains(offered, pick) {
			c.fail(at, "initial option must be one of the options")
		}
	}
}

func allOptions(o map[string]any) []any {
	out, _ := o["options"].([]any)
	groups, _ := o["option_groups"].([]any)
	for _, g := range groups {
		if group, ok := g.(map[string]any); ok {
			more, _ := group["options"].([]any)
			out = append(out, more...)
		}
	}
	return out
}

func contains(list []any, v any) bool {
	for _, e := range list {
		if reflect.DeepEqual(e, v) {
			return true
		}
	}
	return false
}

var slackFile = object(shape{"url": opt(link("url")), "id": opt(anyString)}, exactlyOne("url", "id"))

// exactlyOne wants one of two properties.
func exactlyOne(a, b string) func(c *checker, at string, o map[string]any) {
	return func(c *checker, at string, o map[string]any) {
		_, hasA := o[a]
		_, hasB := o[b]
		if hasA == hasB {
			c.fail(at, "must define either `%s` or `%s`", a, b)
		}
	}
}

var filter = object(shape{
	"include":                          opt(each(enum("im", "mpim", "private", "public"))),
	"exclude_external_shared_channels": opt(boolean), "exclude_bot_users": opt(boolean),
})

var dispatchConfig = object(shape{
	"trigger_actions_on": opt(each(enum("on_enter_pressed", "on_character_entered"))),
})

// focus counts elements that want the focus; a view has one.
func focus(c *checker, at string, v any) {
	boolean(c, at, v)
	if v == true {
		c.focused++
	}
}
