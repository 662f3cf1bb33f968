package blockkit

import "unicode/utf8"

var richStyle = object(shape{
	"bold": opt(boolean), "italic": opt(boolean), "strike": opt(boolean), "code": opt(boolean),
	"underline": opt(boolean), "highlight": opt(boolean), "client_highlight": opt(boolean), "unlink": opt(boolean),
})

// literal wants a text that is not empty and counts it.
func literal(c *checker, at string, v any) {
	if s, ok := v.(string); ok {
		c.text += utf8.RuneCountInString(s)
	}
	anyString(c, at, v)
}

var styled = shape{"style": opt(richStyle)}

var (
	richText = object(styled.with(shape{"text": need(literal)}))
	richLink = object(styled.with(shape{"url": need(link("url")), "text": opt(literal), "unsafe": opt(boolean)}))
)

var inline = either(map[string]rule{
	"text":      richText,
	"link":      richLink,
	"user":      object(styled.with(shape{"user_id": need(anyString)})),
	"channel":   object(styled.with(shape{"channel_id": need(anyString)})),
	"usergroup": object(styled.with(shape{"usergroup_id": need(anyString)})),
	"team":      object(styled.with(shape{"team_id": need(anyString)})),
	"broadcast": object(styled.with(shape{"range": need(enum("here", "channel", "everyone"))})),
	"color":     object(styled.with(shape{"value": need(anyString)})),
	"emoji":     object(styled.with(shape{"name": need(anyString), "unicode": opt(anyString), "skin_tone": opt(number), "url": opt(anyString)})),
	"date": object(styled.with(shape{
		"timestamp": need(number), "format": need(anyString), "url": opt(link("url")), "fallback": opt(literal), "timezone": opt(anyString),
	})),
})

var (
	border      = opt(integer("rich_text.border"))
	richSection = object(shape{"elements": need(each(inline))})
)

var richBlock = object(named.with(shape{"elements": need(each(either(map[string]rule{
	"rich_text_section": richSection,
	"rich_text_list": object(shape{
		"elements": need(each(either(map[string]rule{"rich_text_section": richSection}))),
		"style":    need(enum("bullet", "ordered")), "indent": opt(integer("rich_text.indent")),
		"offset": opt(integer("rich_text.offset")), "border": border,
	}),
	"rich_text_quote": object(shape{"elements": need(each(inline)), "border": border}),
	"rich_text_preformatted": object(shape{
		"elements": need(each(either(map[string]rule{"text": richText, "link": richLink}))),
		"border":   border, "language": opt(anyString),
	}),
})))}))
