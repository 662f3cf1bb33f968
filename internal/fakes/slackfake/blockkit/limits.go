package blockkit

// Limit bounds the length of a text in characters, the number of items in a
// list, or a number, as Of says. Max 0 means that there is no upper bound.
type Limit struct {
	Name     string // what is bounded, as "block.field"
	Of       string // Characters, Items or Number
	Min, Max int
}

// What a limit counts.
const (
	Characters = "characters"
	Items      = "items"
	Number     = "number"
)

// Limits that concern a whole message or view.
const (
	MessageBlocks = 50      // blocks of a message
	ViewBlocks    = 100     // blocks of a modal or home tab
	MessageText   = 13_200  // characters of all texts in a message's blocks; observed, not documented
	MarkdownText  = 12_000  // characters of all markdown blocks of a message
	ViewBytes     = 250_000 // of the JSON of a view
	TableText     = 10_000  // characters in the cells of a table
	DataTableText = 20_000  // characters in the cells of a data_table
)

// Limits returns the table of limits of docs.slack.dev/reference/block-kit.
func Limits() []Limit {
	out := make([]Limit, len(limits))
	copy(out, limits)
	return out
}

// limits is never changed.
var limits = []Limit{
	{"block_id", Characters, 1, 255},
	{"action_id", Characters, 1, 255},
	{"text", Characters, 1, 3000}, // any text object without a limit of its own
	{"image_url", Characters, 1, 3000},
	{"alt_text", Characters, 1, 2000},
	{"placeholder", Characters, 1, 150},
	{"url", Characters, 1, 3000},

	{"section.text", Characters, 1, 3000},
	{"section.fields", Items, 1, 10},
	{"section.field", Characters, 1, 2000},
	{"header.text", Characters, 1, 150},
	{"header.level", Number, 1, 6},
	{"context.elements", Items, 1, 10},
	{"context_actions.elements", Items, 1, 5},
	{"actions.elements", Items, 1, 25},
	{"image.title", Characters, 1, 2000},
	{"input.label", Characters, 1, 2000},
	{"input.hint", Characters, 1, 2000},
	{"markdown.text", Characters, 1, 12_000},
	{"alert.text", Characters, 1, 200},
	{"card.title", Characters, 1, 150},
	{"card.subtitle", Characters, 1, 150},
	{"card.body", Characters, 1, 200},
	{"card.subtext", Characters, 1, 200},
	{"card.actions", Items, 1, 3},
	{"carousel.elements", Items, 1, 10},
	{"container.title", Characters, 1, 150},
	{"container.child_blocks", Items, 1, 10},
	{"table.rows", Items, 1, 100},
	{"table.columns", Items, 1, 20},
	{"table.column_settings", Items, 0, 20},
	{"data_table.rows", Items, 2, 101},
	{"data_table.columns", Items, 1, 20},
	{"data_table.caption", Characters, 1, 0},
	{"data_table.page_size", Number, 1, 100},
	{"data_table.row_header", Number, 0, 19},
	{"task_card.title", Characters, 1, 0},
	{"task_card.task_id", Characters, 1, 0},
	{"plan.title", Characters, 1, 0},
	{"video.title", Characters, 1, 199},
	{"video.author_name", Characters, 1, 49},
	{"video.description", Characters, 1, 200},
	{"video.alt_text", Characters, 1, 200},
	{"video.provider_name", Characters, 1, 49},
	{"data_visualization.title", Characters, 1, 50},
	{"icon_button.visible_to_user_ids", Items, 0, 10},

	{"button.text", Characters, 1, 75},
	{"button.value", Characters, 1, 2000},
	{"button.url", Characters, 1, 3000},
	{"button.accessibility_label", Characters, 1, 75},
	{"confirm.title", Characters, 1, 100},
	{"confirm.text", Characters, 1, 300},
	{"confirm.confirm", Characters, 1, 30},
	{"confirm.deny", Characters, 1, 30},
	{"overflow.options", Items, 1, 5},
	{"select.options", Items, 1, 100},
	{"select.option_groups", Items, 1, 100},
	{"select.max_selected_items", Number, 1, 0},
	{"select.min_query_length", Number, 0, 0},
	{"checkboxes.options", Items, 1, 10},
	{"radio_buttons.options", Items, 1, 10},
	{"option.text", Characters, 1, 75},
	{"option.value", Characters, 1, 150},
	{"option.description", Characters, 1, 75},
	{"option_group.label", Characters, 1, 75},
	{"plain_text_input.min_length", Number, 0, 3000},
	{"plain_text_input.max_length", Number, 1, 3000},
	{"plain_text_input.initial_value", Characters, 0, 3000},
	{"file_input.max_files", Number, 1, 10},
	{"rich_text.indent", Number, 0, 8},
	{"rich_text.offset", Number, 0, 0},
	{"rich_text.border", Number, 0, 1},

	{"view.blocks", Items, 1, ViewBlocks},
	{"view.title", Characters, 1, 24},
	{"view.submit", Characters, 1, 24},
	{"view.close", Characters, 1, 24},
	{"view.callback_id", Characters, 0, 255},
	{"view.external_id", Characters, 0, 255},
	{"view.private_metadata", Characters, 0, 3000},
}

// limit finds an entry of the table; a name that is not there is a mistake in
// this package, found by every test.
func limit(name string) Limit {
	for _, l := range limits {
		if l.Name == name {
			return l
		}
	}
	panic("blockkit: no limit " + name)
}
