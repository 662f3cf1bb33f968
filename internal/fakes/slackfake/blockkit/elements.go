package blockkit

// What interactive elements have in common.
var (
	action      = shape{"action_id": opt(str("action_id"))}
	confirmable = action.with(shape{"confirm": opt(confirm)})
	focusable   = confirmable.with(shape{"focus_on_load": opt(focus)})
	fillable    = focusable.with(shape{"placeholder": opt(plain("placeholder"))})
	typed       = action.with(shape{
		"focus_on_load": opt(focus), "placeholder": opt(plain("placeholder")), "dispatch_action_config": opt(dispatchConfig),
	})
	several = shape{"max_selected_items": opt(integer("select.max_selected_items"))}
)

var image = object(shape{
	"image_url": opt(link("image_url")), "slack_file": opt(slackFile), "alt_text": need(str("alt_text")),
}, exactlyOne("image_url", "slack_file"))

var button = object(confirmable.with(shape{
	"text": need(plain("button.text")), "value": opt(str("button.value")), "url": opt(link("button.url")),
	"style": opt(style), "accessibility_label": opt(str("button.accessibility_label")),
}))

var workflowButton = object(action.with(shape{
	"text": need(plain("button.text")), "workflow": need(anything), "style": opt(style),
	"accessibility_label": opt(str("button.accessibility_label")),
}))

// feedback is one of the two feedback buttons.
var feedback = object(shape{
	"text": need(plain("button.text")), "value": need(str("button.value")),
	"accessibility_label": opt(str("button.accessibility_label")),
})

// selects are the menus that choose one, by type.
var selects = map[string]rule{
	"static_select": object(fillable.with(shape{
		"options": opt(list("select.options", menuOption)), "option_groups": opt(list("select.option_groups", optionGroup)),
		"initial_option": opt(menuOption),
	}), choice),
	"external_select": object(fillable.with(shape{
		"initial_option": opt(menuOption), "min_query_length": opt(integer("select.min_query_length")),
	})),
	"users_select": object(fillable.with(shape{"initial_user": opt(anyString)})),
	"conversations_select": object(fillable.with(shape{
		"initial_conversation": opt(anyString), "default_to_current_conversation": opt(boolean),
		"response_url_enabled": opt(boolean), "filter": opt(filter),
	})),
	"channels_select": object(fillable.with(shape{"initial_channel": opt(anyString), "response_url_enabled": opt(boolean)})),
}

// multiSelects are the menus that choose several, by type.
var multiSelects = map[string]rule{
	"multi_static_select": object(fillable.with(several).with(shape{
		"options": opt(list("select.options", menuOption)), "option_groups": opt(list("select.option_groups", optionGroup)),
		"initial_options": opt(each(menuOption)),
	}), choice),
	"multi_external_select": object(fillable.with(several).with(shape{
		"initial_options": opt(each(menuOption)), "min_query_length": opt(integer("select.min_query_length")),
	})),
	"multi_users_select": object(fillable.with(several).with(shape{"initial_users": opt(each(anyString))})),
	"multi_conversations_select": object(fillable.with(several).with(shape{
		"initial_conversations": opt(each(anyString)), "default_to_current_conversation": opt(boolean), "filter": opt(filter),
	})),
	"multi_channels_select": object(fillable.with(several).with(shape{"initial_channels": opt(each(anyString))})),
}

var overflow = object(confirmable.with(shape{"options": need(list("overflow.options", overflowOption))}))

var (
	checkboxes = object(focusable.with(shape{
		"options": need(list("checkboxes.options", richOption)), "initial_options": opt(each(richOption)),
	}), choice)
	radioButtons = object(focusable.with(shape{
		"options": need(list("radio_buttons.options", richOption)), "initial_option": opt(richOption),
	}), choice)
)

// pickers choose a day or a time, by type.
var pickers = map[string]rule{
	"datepicker":     object(fillable.with(shape{"initial_date": opt(anyString)})),
	"timepicker":     object(fillable.with(shape{"initial_time": opt(anyString), "timezone": opt(anyString)})),
	"datetimepicker": object(focusable.with(shape{"initial_date_time": opt(number)})),
}

// inputs are typed into, by type.
var typedInputs = map[string]rule{
	"plain_text_input": object(typed.with(shape{
		"initial_value": opt(str("plain_text_input.initial_value")), "multiline": opt(boolean),
		"min_length": opt(integer("plain_text_input.min_length")), "max_length": opt(integer("plain_text_input.max_length")),
	}), func(c *checker, at string, o map[string]any) {
		least, hasLeast := o["min_length"].(float64)
		most, hasMost := o["max_length"].(float64)
		if hasLeast && hasMost && least > most {
			c.fail(at+"/min_length", "must be less than max_length")
		}
	}),
	"number_input": object(typed.with(shape{
		"is_decimal_allowed": need(boolean), "initial_value": opt(anyString), "min_value": opt(anyString), "max_value": opt(anyString),
	})),
	"email_text_input": object(typed.with(shape{"initial_value": opt(anyString)})),
	"url_text_input":   object(typed.with(shape{"initial_value": opt(anyString)})),
	"rich_text_input": object(typed.with(shape{
		"initial_value": opt(anything), "min_lines": opt(number), "max_lines": opt(number),
	})),
	"file_input": object(action.with(shape{"filetypes": opt(each(anyString)), "max_files": opt(integer("file_input.max_files"))})),
}

// union merges tables of rules.
func union(tables ...map[string]rule) map[string]rule {
	out := map[string]rule{}
	for _, t := range tables {
		for k, v := range t {
			out[k] = v
		}
	}
	return out
}

// Which elements may stand where.
var (
	buttons = map[string]rule{"button": button, "workflow_button": workflowButton}
	boxes   = map[string]rule{"checkboxes": checkboxes, "radio_buttons": radioButtons}
	menus   = map[string]rule{"overflow": overflow}

	inActions = either(union(buttons, boxes, menus, selects, multiSelects, pickers, map[string]rule{
		"rich_text_input": typedInputs["rich_text_input"],
	}))
	inSection = either(union(buttons, boxes, menus, selects, multiSelects, map[string]rule{
		"datepicker": pickers["datepicker"], "timepicker": pickers["timepicker"], "image": image,
	}))
	inInput   = either(union(boxes, selects, multiSelects, pickers, typedInputs))
	inContext = either(map[string]rule{"image": image, "plain_text": plain("text"), "mrkdwn": mrkdwn("text")})

	inContextActions = either(map[string]rule{
		"feedback_buttons": object(action.with(shape{"positive_button": need(feedback), "negative_button": need(feedback)})),
		"icon_button": object(confirmable.with(shape{
			"icon": need(anyString), "text": need(plain("button.text")), "value": opt(str("button.value")),
			"accessibility_label": opt(str("button.accessibility_label")), "visible_to_user_ids": opt(list("icon_button.visible_to_user_ids", anyString)),
		})),
	})
)
