package blockkit

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

type m = map[string]any

func chars(n int) string { return strings.Repeat("é", n) } // 2 bytes, 1 character

func address(n int) string {
	const start = "https://example.com/"
	return start + strings.Repeat("a", max(0, n-len(start)))
}

func pt(s string) m { return m{"type": "plain_text", "text": s} }
func mk(s string) m { return m{"type": "mrkdwn", "text": s} }

// times makes n items, different where they have to be.
func times(n int, f func(i int) any) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = f(i)
	}
	return out
}

func btn(more m) m {
	out := m{"type": "button", "text": pt("ok")}
	maps.Copy(out, more)
	return out
}

func in(kind string, more m) m { // an input block
	e := m{"type": kind}
	maps.Copy(e, more)
	return m{"type": "input", "label": pt("label"), "element": e}
}

func actions(e ...any) m { return m{"type": "actions", "elements": e} }
func opts(n int) []any {
	return times(n, func(i int) any { return m{"text": pt("o"), "value": fmt.Sprint(i)} })
}
func with(block, more m) m { out := maps.Clone(block); maps.Copy(out, more); return out }
func img(more m) m         { return with(m{"type": "image", "alt_text": "a", "image_url": address(30)}, more) }
func confirmBox(more m) m  { return actions(btn(m{"confirm": with(m{"text": pt("sure?")}, more)})) }
func video(more m) m {
	return with(m{"type": "video", "video_url": address(30), "thumbnail_url": address(30), "alt_text": "a", "title": pt("t")}, more)
}
func cardOf(more m) m { return with(m{"type": "card", "title": mk("t")}, more) }
func rawRows(r, c int) []any {
	return times(r, func(int) any { return times(c, func(int) any { return m{"type": "raw_text", "text": "x"} }) })
}
func dataTable(more m) m {
	return with(m{"type": "data_table", "caption": "c", "rows": rawRows(2, 2)}, more)
}
func richList(more m) m {
	return m{"type": "rich_text", "elements": []any{with(m{"type": "rich_text_list", "style": "bullet", "elements": []any{}}, more)}}
}
func container1(more m) m {
	return with(m{"type": "container", "title": pt("t"), "child_blocks": []any{m{"type": "divider"}}}, more)
}

// samples makes, for every limit, a block whose bounded part is n long; those
// of views are below.
var samples = map[string]func(n int) m{
	"block_id":    func(n int) m { return m{"type": "divider", "block_id": chars(n)} },
	"action_id":   func(n int) m { return actions(btn(m{"action_id": chars(n)})) },
	"text":        func(n int) m { return m{"type": "context", "elements": []any{mk(chars(n))}} },
	"image_url":   func(n int) m { return img(m{"image_url": address(n)[:max(n, 0)]}) },
	"alt_text":    func(n int) m { return img(m{"alt_text": chars(n)}) },
	"placeholder": func(n int) m { return in("plain_text_input", m{"placeholder": pt(chars(n))}) },
	"url":         func(n int) m { return video(m{"title_url": address(n)[:max(n, 0)]}) },

	"section.text":     func(n int) m { return m{"type": "section", "text": mk(chars(n))} },
	"section.fields":   func(n int) m { return m{"type": "section", "fields": times(n, func(int) any { return mk("f") })} },
	"section.field":    func(n int) m { return m{"type": "section", "fields": []any{pt(chars(n))}} },
	"header.text":      func(n int) m { return m{"type": "header", "text": pt(chars(n))} },
	"header.level":     func(n int) m { return m{"type": "header", "text": pt("h"), "level": n} },
	"context.elements": func(n int) m { return m{"type": "context", "elements": times(n, func(int) any { return pt("c") })} },
	"actions.elements": func(n int) m { return actions(times(n, func(int) any { return btn(nil) })...) },
	"image.title":      func(n int) m { return img(m{"title": pt(chars(n))}) },
	"input.label":      func(n int) m { return with(in("plain_text_input", nil), m{"label": pt(chars(n))}) },
	"input.hint":       func(n int) m { return with(in("plain_text_input", nil), m{"hint": pt(chars(n))}) },
	"markdown.text":    func(n int) m { return m{"type": "markdown", "text": chars(n)} },
	"alert.text":       func(n int) m { return m{"type": "alert", "text": mk(chars(n))} },
	"card.title":       func(n int) m { return cardOf(m{"title": mk(chars(n))}) },
	"card.subtitle":    func(n int) m { return cardOf(m{"subtitle": mk(chars(n))}) },
	"card.body":        func(n int) m { return cardOf(m{"body": mk(chars(n))}) },
	"card.subtext":     func(n int) m { return cardOf(m{"subtext": mk(chars(n))}) },
	"card.actions":     func(n int) m { return cardOf(m{"actions": times(n, func(int) any { return btn(nil) })}) },
	"carousel.elements": func(n int) m {
		return m{"type": "carousel", "elements": times(n, func(int) any { return cardOf(nil) })}
	},
	"container.title": func(n int) m { return container1(m{"title": pt(chars(n))}) },
	"container.child_blocks": func(n int) m {
		return container1(m{"child_blocks": times(n, func(int) any { return m{"type": "divider"} })})
	},
	"table.rows":    func(n int) m { return m{"type": "table", "rows": rawRows(n, 1)} },
	"table.columns": func(n int) m { return m{"type": "table", "rows": rawRows(1, n)} },
	"table.column_settings": func(n int) m {
		return m{"type": "table", "rows": rawRows(1, 1), "column_settings": times(n, func(int) any { return m{} })}
	},
	"data_table.rows":          func(n int) m { return dataTable(m{"rows": rawRows(n, 1)}) },
	"data_table.columns":       func(n int) m { return dataTable(m{"rows": rawRows(2, n)}) },
	"data_table.caption":       func(n int) m { return dataTable(m{"caption": chars(n)}) },
	"data_table.page_size":     func(n int) m { return dataTable(m{"page_size": n}) },
	"data_table.row_header":    func(n int) m { return dataTable(m{"row_header_column_index": n}) },
	"data_visualization.title": func(n int) m { return m{"type": "data_visualization", "title": chars(n), "chart": m{}} },
	"task_card.title":          func(n int) m { return m{"type": "task_card", "task_id": "1", "title": chars(n)} },
	"task_card.task_id":        func(n int) m { return m{"type": "task_card", "task_id": chars(n), "title": "t"} },
	"plan.title":               func(n int) m { return m{"type": "plan", "title": chars(n)} },
	"video.title":              func(n int) m { return video(m{"title": pt(chars(n))}) },
	"video.author_name":        func(n int) m { return video(m{"author_name": chars(n)}) },
	"video.description":        func(n int) m { return video(m{"description": pt(chars(n))}) },
	"video.alt_text":           func(n int) m { return video(m{"alt_text": chars(n)}) },
	"video.provider_name":      func(n int) m { return video(m{"provider_name": chars(n)}) },
	"context_actions.elements": func(n int) m {
		return m{"type": "context_actions", "elements": times(n, func(int) any { return m{"type": "icon_button", "icon": "trash", "text": pt("x")} })}
	},
	"icon_button.visible_to_user_ids": func(n int) m {
		ids := times(n, func(int) any { return "U1" })
		return m{"type": "context_actions", "elements": []any{m{"type": "icon_button", "icon": "trash", "text": pt("x"), "visible_to_user_ids": ids}}}
	},

	"button.text":                func(n int) m { return actions(btn(m{"text": pt(chars(n))})) },
	"button.value":               func(n int) m { return actions(btn(m{"value": chars(n)})) },
	"button.url":                 func(n int) m { return actions(btn(m{"url": address(n)[:max(n, 0)]})) },
	"button.accessibility_label": func(n int) m { return actions(btn(m{"accessibility_label": chars(n)})) },
	"confirm.title":              func(n int) m { return confirmBox(m{"title": pt(chars(n))}) },
	"confirm.text":               func(n int) m { return confirmBox(m{"text": mk(chars(n))}) },
	"confirm.confirm":            func(n int) m { return confirmBox(m{"confirm": pt(chars(n))}) },
	"confirm.deny":               func(n int) m { return confirmBox(m{"deny": pt(chars(n))}) },
	"overflow.options":           func(n int) m { return actions(m{"type": "overflow", "options": opts(n)}) },
	"select.options":             func(n int) m { return in("static_select", m{"options": opts(n)}) },
	"select.option_groups": func(n int) m {
		return in("static_select", m{"option_groups": times(n, func(int) any { return m{"label": pt("g"), "options": opts(1)} })})
	},
	"select.max_selected_items": func(n int) m { return in("multi_users_select", m{"max_selected_items": n}) },
	"select.min_query_length":   func(n int) m { return in("external_select", m{"min_query_length": n}) },
	"checkboxes.options":        func(n int) m { return in("checkboxes", m{"options": opts(n)}) },
	"radio_buttons.options":     func(n int) m { return in("radio_buttons", m{"options": opts(n)}) },
	"option.text":               func(n int) m { return in("static_select", m{"options": []any{m{"text": pt(chars(n)), "value": "v"}}}) },
	"option.value":              func(n int) m { return in("static_select", m{"options": []any{m{"text": pt("t"), "value": chars(n)}}}) },
	"option.description": func(n int) m {
		return in("static_select", m{"options": []any{m{"text": pt("t"), "value": "v", "description": pt(chars(n))}}})
	},
	"option_group.label": func(n int) m {
		return in("static_select", m{"option_groups": []any{m{"label": pt(chars(n)), "options": opts(1)}}})
	},
	"plain_text_input.min_length":    func(n int) m { return in("plain_text_input", m{"min_length": n}) },
	"plain_text_input.max_length":    func(n int) m { return in("plain_text_input", m{"max_length": n}) },
	"plain_text_input.initial_value": func(n int) m { return in("plain_text_input", m{"initial_value": chars(n)}) },
	"file_input.max_files":           func(n int) m { return in("file_input", m{"max_files": n}) },
	"rich_text.indent":               func(n int) m { return richList(m{"indent": n}) },
	"rich_text.offset":               func(n int) m { return richList(m{"offset": n}) },
	"rich_text.border":               func(n int) m { return richList(m{"border": n}) },
}

func modal(more m) m {
	return with(m{"type": "modal", "title": pt("t"), "blocks": []any{m{"type": "divider"}}}, more)
}

var viewSamples = map[string]func(n int) m{
	"view.blocks":           func(n int) m { return modal(m{"blocks": times(n, func(int) any { return m{"type": "divider"} })}) },
	"view.title":            func(n int) m { return modal(m{"title": pt(chars(n))}) },
	"view.submit":           func(n int) m { return modal(m{"submit": pt(chars(n))}) },
	"view.close":            func(n int) m { return modal(m{"close": pt(chars(n))}) },
	"view.callback_id":      func(n int) m { return modal(m{"callback_id": chars(n)}) },
	"view.external_id":      func(n int) m { return modal(m{"external_id": chars(n)}) },
	"view.private_metadata": func(n int) m { return modal(m{"private_metadata": chars(n)}) },
}

func raw(t *testing.T, v any) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestEveryLimit accepts each bounded part at its bounds and refuses it one
// beyond. A limit without a sample, or a sample without a limit, fails.
func TestEveryLimit(t *testing.T) {
	t.Parallel()
	known := slices.Concat(slices.Collect(maps.Keys(samples)), slices.Collect(maps.Keys(viewSamples)))
	if len(known) != len(Limits()) {
		t.Errorf("%d samples for %d limits", len(known), len(Limits()))
	}
	for _, l := range Limits() {
		t.Run(l.Name, func(t *testing.T) {
			t.Parallel()
			check := func(n int) Result {
				if f, ok := viewSamples[l.Name]; ok {
					return View(raw(t, f(n)))
				}
				block := samples[l.Name](n)
				surface := Message
				if block["type"] == "alert" {
					surface = Modal
				}
				return Blocks(surface, raw(t, []any{block}))
			}
			isURL := strings.HasSuffix(l.Name, "url")
			if !isURL { // one character is no URL
				if r := check(l.Min); r.Code != "" {
					t.Errorf("%d refused: %v", l.Min, r.Messages())
				}
			}
			if l.Min > 0 || l.Of == Number {
				if r := check(l.Min - 1); r.Code == "" {
					t.Errorf("%d accepted", l.Min-1)
				}
			}
			if l.Max == 0 {
				return
			}
			if r := check(l.Max); r.Code != "" {
				t.Errorf("%d refused: %v", l.Max, r.Messages())
			}
			if r := check(l.Max + 1); r.Code == "" {
				t.Errorf("%d accepted", l.Max+1)
			}
		})
	}
}
