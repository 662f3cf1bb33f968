package blockkit

import (
	"strconv"
	"unicode/utf8"
)

// named is what every block has.
var named = shape{"block_id": opt(str("block_id"))}

// Which surfaces a block may stand on; a block that is not listed may stand on
// all.
var surfaces = map[string][]Surface{
	"alert":              {Modal},
	"input":              {Message, Modal, Home},
	"markdown":           {Message},
	"plan":               {Message},
	"task_card":          {Message},
	"container":          {Message},
	"context_actions":    {Message},
	"data_visualization": {Message},
	"file":               {Message},
	"table":              {Message, Home},
	"data_table":         {Message, Home},
	"carousel":           {Message, Home},
	"card":               {Message, Home},
}

var blocks = map[string]rule{
	"section": object(named.with(shape{
		"text": opt(text("section.text")), "fields": opt(list("section.fields", text("section.field"))),
		"accessory": opt(inSection), "expand": opt(boolean),
	}), func(c *checker, at string, o map[string]any) {
		if o["text"] == nil && o["fields"] == nil {
			c.fail(at, "must define either `text` or `fields`")
		}
	}),
	"header":  object(named.with(shape{"text": need(plain("header.text")), "level": opt(integer("header.level"))})),
	"divider": object(named),
	"context": object(named.with(shape{"elements": need(list("context.elements", inContext))})),
	"actions": object(named.with(shape{"elements": need(list("actions.elements", inActions))}), distinctActions),
	"image": object(named.with(shape{
		"image_url": opt(link("image_url")), "slack_file": opt(slackFile), "alt_text": need(str("alt_text")), "title": opt(plain("image.title")),
	}), exactlyOne("image_url", "slack_file")),
	"input": object(named.with(shape{
		"label": need(plain("input.label")), "element": need(inInput), "hint": opt(plain("input.hint")),
		"optional": opt(boolean), "dispatch_action": opt(boolean),
	}), func(c *checker, _ string, _ map[string]any) { c.inputs++ }),
	"rich_text": richBlock,
	"markdown": object(named.with(shape{"text": need(str("markdown.text"))}), func(c *checker, _ string, o map[string]any) {
		s, _ := o["text"].(string)
		c.markdown += utf8.RuneCountInString(s)
	}),
	"video": object(named.with(shape{
		"video_url": need(link("url")), "thumbnail_url": need(link("url")), "alt_text": need(str("video.alt_text")),
		"title": need(plain("video.title")), "title_url": opt(link("url")), "author_name": opt(str("video.author_name")),
		"provider_name": opt(str("video.provider_name")), "provider_icon_url": opt(link("url")), "description": opt(plain("video.description")),
	})),
	"file":            object(named.with(shape{"external_id": need(anyString), "source": need(enum("remote"))})),
	"alert":           object(named.with(shape{"text": need(text("alert.text")), "level": opt(enum("default", "info", "warning", "error", "success"))})),
	"context_actions": object(named.with(shape{"elements": need(list("context_actions.elements", inContextActions))}), distinctActions),
	"task_card":       taskCard,
	"plan":            object(named.with(shape{"title": need(str("plan.title")), "tasks": opt(each(taskCard))})),
	"card":            card,
	"carousel":        object(named.with(shape{"elements": need(list("carousel.elements", either(map[string]rule{"card": card})))})),
	"table": object(named.with(shape{
		"rows": need(list("table.rows", list("table.columns", cell))),
		"column_settings": opt(list("table.column_settings", object(shape{
			"align": opt(enum("left", "center", "right")), "is_wrapped": opt(boolean),
		}))),
	}), oneTable(TableText)),
	"data_table": object(named.with(shape{
		"rows": need(list("data_table.rows", list("data_table.columns", cell))), "caption": need(str("data_table.caption")),
		"page_size": opt(integer("data_table.page_size")), "row_header_column_index": opt(integer("data_table.row_header")),
	}), oneTable(DataTableText)),
	"data_visualization": object(named.with(shape{"title": need(str("data_visualization.title")), "chart": need(anything)})),
	"call":               object(named.with(shape{"call_id": need(anyString), "call": opt(anything), "api_decoration_available": opt(boolean)})),
}

var taskCard = object(named.with(shape{
	"task_id": need(str("task_card.task_id")), "title": need(str("task_card.title")),
	"status":  opt(enum("pending", "in_progress", "complete", "error")),
	"details": opt(richBlock), "output": opt(richBlock), "hide_title": opt(boolean),
	"sources": opt(each(object(shape{"url": need(link("url")), "text": need(anyString)}))),
}))

var card = object(named.with(shape{
	"hero_image": opt(image), "icon": opt(image), "slack_icon": opt(anything),
	"title": opt(text("card.title")), "subtitle": opt(text("card.subtitle")), "body": opt(text("card.body")), "subtext": opt(text("card.subtext")),
	"actions": opt(list("card.actions", either(map[string]rule{"button": button}))),
}))

var cell = either(map[string]rule{
	"raw_text":    object(shape{"text": need(literal)}),
	"raw_number":  object(shape{"value": need(number), "text": opt(literal)}),
	"rich_text":   richBlock,
	"action_cell": object(shape{"element": need(button), "fallback": opt(anything)}),
})

// container is apart because it contains blocks.
func container(c *checker, at string, v any) {
	inner := map[string]rule{}
	for _, kind := range []string{"actions", "context", "divider", "file", "header", "image", "input", "rich_text", "section", "table", "video"} {
		inner[kind] = blocks[kind]
	}
	object(named.with(shape{
		"title": opt(plain("container.title")), "rich_text_title": opt(richBlock), "subtitle": opt(text("container.title")), "icon": opt(image),
		"width": opt(enum("narrow", "standard", "wide", "full")), "is_collapsible": opt(boolean),
		"default_collapsed": opt(boolean), "has_header_divider": opt(boolean),
		"child_blocks": need(list("container.child_blocks", either(inner))),
	}))(c, at, v)
}

// distinctActions wants different action ids within a block.
func distinctActions(c *checker, at string, o map[string]any) {
	list, _ := o["elements"].([]any)
	seen := map[string]bool{}
	for i, e := range list {
		element, _ := e.(map[string]any)
		id, _ := element["action_id"].(string)
		if id != "" && seen[id] {
			c.fail(at+"/elements/"+strconv.Itoa(i)+"/action_id", "duplicate action_id: %s", id)
		}
		seen[id] = true
	}
}

// oneTable counts tables and bounds the text of one.
func oneTable(most int) func(c *checker, at string, o map[string]any) {
	return func(c *checker, at string, o map[string]any) {
		c.tables++
		c.rectangle(at+"/rows", o["rows"])
		if n := characters(o["rows"]); n > most {
			c.fail(at+"/rows", "must be less than %d characters in all cells", most+1)
		}
	}
}

// rectangle wants rows of one length.
func (c *checker) rectangle(at string, v any) {
	rows, _ := v.([]any)
	for i, r := range rows {
		first, _ := rows[0].([]any)
		if row, ok := r.([]any); ok && len(row) != len(first) {
			c.fail(at+"/"+strconv.Itoa(i), "must have as many cells as the first row")
		}
	}
}

// characters counts the text in the cells of a table.
func characters(v any) int {
	n := 0
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			n += characters(e)
		}
	case map[string]any:
		if s, ok := v["text"].(string); ok {
			n += utf8.RuneCountInString(s)
		}
		n += characters(v["elements"]) + characters(v["element"])
	}
	return n
}
