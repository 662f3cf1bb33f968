package blockkit

import (
	"encoding/json"
	"slices"
	"strconv"
)

// Blocks checks the blocks of a message, modal or home tab. An empty list is
// acceptable: it removes the blocks of a message. Codes are those of
// chat.postMessage: invalid_blocks_format, invalid_blocks, msg_blocks_too_long.
func Blocks(surface Surface, raw json.RawMessage) Result {
	var list []any
	if json.Unmarshal(raw, &list) != nil || list == nil {
		return Result{Code: "invalid_blocks_format"}
	}
	c := &checker{surface: surface, ids: map[string]bool{}}
	c.blocks("/blocks", list)
	if len(c.problems) > 0 {
		return Result{Code: "invalid_blocks", Problems: c.problems}
	}
	if surface == Message && c.text > MessageText {
		return Result{Code: "msg_blocks_too_long", Problems: []Problem{{"/blocks", "must be less than " + strconv.Itoa(MessageText+1) + " characters in all"}}}
	}
	fill(list)
	return Result{Filled: marshal(list)}
}

// blocks checks a list of blocks and what concerns all of them.
func (c *checker) blocks(at string, list []any) {
	most := ViewBlocks
	if c.surface == Message {
		most = MessageBlocks
	}
	if len(list) > most {
		c.fail(at, "no more than %d items allowed", most)
	}
	for i, b := range list {
		c.block(at+"/"+strconv.Itoa(i), b)
	}
	if c.markdown > MarkdownText {
		c.fail(at, "must be less than %d characters in all markdown blocks", MarkdownText+1)
	}
	if c.tables > 1 {
		c.fail(at, "only_one_table_allowed")
	}
	if c.focused > 1 {
		c.fail(at, "only one element may have focus_on_load")
	}
}

var anyBlock = either(union(blocks, map[string]rule{"container": container}))

// block checks one block, its surface and its id.
func (c *checker) block(at string, v any) {
	anyBlock(c, at, v)
	o, _ := v.(map[string]any)
	kind, _ := o["type"].(string)
	if allowed, listed := surfaces[kind]; listed && !slices.Contains(allowed, c.surface) {
		c.fail(at+"/type", "unsupported type: %s", kind)
	}
	if id, _ := o["block_id"].(string); id != "" {
		if c.ids[id] {
			c.fail(at+"/block_id", "duplicate block_id: %s", id)
		}
		c.ids[id] = true
	}
}

var modalView = object(shape{
	"title": need(plain("view.title")), "submit": opt(plain("view.submit")), "close": opt(plain("view.close")),
	"blocks": need(anything), "callback_id": opt(str("view.callback_id")), "external_id": opt(str("view.external_id")),
	"private_metadata": opt(str("view.private_metadata")), "clear_on_close": opt(boolean), "notify_on_close": opt(boolean),
	"submit_disabled": opt(boolean),
})

var homeView = object(shape{
	"blocks": need(anything), "callback_id": opt(str("view.callback_id")), "external_id": opt(str("view.external_id")),
	"private_metadata": opt(str("view.private_metadata")),
})

// View checks a whole modal or home tab. Codes are those of views.open:
// invalid_arguments and view_too_large.
func View(raw json.RawMessage) Result {
	if len(raw) > ViewBytes {
		return Result{Code: "view_too_large"}
	}
	var view map[string]any
	if json.Unmarshal(raw, &view) != nil || view == nil {
		return Result{Code: "invalid_arguments", Problems: []Problem{{"/view", "must provide an object"}}}
	}
	kind, _ := view["type"].(string)
	c := &checker{surface: Surface(kind), ids: map[string]bool{}}
	either(map[string]rule{"modal": modalView, "home": homeView})(c, "/view", view)
	list, ok := view["blocks"].([]any)
	if !ok && view["blocks"] != nil {
		c.fail("/view/blocks", "must provide an array")
	}
	c.blocks("/view/blocks", list)
	if ok && len(list) < limit("view.blocks").Min {
		c.fail("/view/blocks", "no fewer than %d items allowed", limit("view.blocks").Min)
	}
	if c.inputs > 0 && kind == "modal" && view["submit"] == nil {
		c.fail("/view", "missing required field: submit")
	}
	if len(c.problems) > 0 {
		return Result{Code: "invalid_arguments", Problems: c.problems}
	}
	fill(list)
	return Result{Filled: marshal(view)}
}
