// Package message is the neutral model of what the bot says in chat.
//
// Whoever writes a message (inquiries, commands, the case engine) knows no
// Slack; whoever renders it (bot/chat) knows no domain. The model has two
// kinds of text and the difference is the point: a literal was written by us
// and is trusted, a value came from outside (a finding, a tag, a person) and
// is escaped, defanged and shortened by the renderer. There is no way to hand
// the renderer ready-made mark-up.
package message

import "time"

// SpanKind says how a span of text is treated by the renderer.
type SpanKind string

// The kinds of span.
const (
	Literal SpanKind = "literal" // our own words; no mark-up inside
	Strong  SpanKind = "strong"  // our own words, emphasised
	Value   SpanKind = "value"   // outside text: escaped, defanged, bounded
	Code    SpanKind = "code"    // outside text in code style: the same, and back-ticks replaced
	Person  SpanKind = "person"  // a chat user id, shown as a mention that notifies nobody else
	Channel SpanKind = "channel" // a chat channel id
	Instant SpanKind = "instant" // a time, shown in the reader's own zone
	Link    SpanKind = "link"    // a link to an allow-listed console host; the label is our own words
)

// Span is a run of text of one kind.
type Span struct {
	Kind SpanKind  `json:"k"`
	S    string    `json:"s,omitempty"` // the text, the user or channel id, or the label of a link
	At   time.Time `json:"at,omitzero"` // Instant only
	URL  string    `json:"url,omitempty"`
}

// Text is a line or paragraph: spans shown one after the other with nothing
// between them.
type Text []Span

// L starts or continues a text with our own words.
func L(s string) Text { return Text{{Kind: Literal, S: s}} }

// L appends our own words.
func (t Text) L(s string) Text { return append(t, Span{Kind: Literal, S: s}) }

// Strong appends our own words, emphasised.
func (t Text) Strong(s string) Text { return append(t, Span{Kind: Strong, S: s}) }

// V appends a value that came from outside.
func (t Text) V(s string) Text { return append(t, Span{Kind: Value, S: s}) }

// Code appends a value that came from outside, in code style.
func (t Text) Code(s string) Text { return append(t, Span{Kind: Code, S: s}) }

// Person appends a mention of a chat user by id.
func (t Text) Person(id string) Text { return append(t, Span{Kind: Person, S: id}) }

// Channel appends a reference to a chat channel by id.
func (t Text) Channel(id string) Text { return append(t, Span{Kind: Channel, S: id}) }

// At appends an instant, shown in the reader's zone.
func (t Text) At(at time.Time) Text { return append(t, Span{Kind: Instant, At: at}) }

// Link appends a link. The renderer drops the link and keeps the label when
// the host is not on its allow-list.
func (t Text) Link(label, url string) Text {
	return append(t, Span{Kind: Link, S: label, URL: url})
}

// PartKind says what a part of a message is.
type PartKind string

// The kinds of part.
const (
	Title   PartKind = "title"   // one short line
	Para    PartKind = "para"    // a paragraph
	Fields  PartKind = "fields"  // pairs of label and value
	Note    PartKind = "note"    // small print
	Actions PartKind = "actions" // buttons
	Divider PartKind = "divider"
	Input   PartKind = "input" // modals only
)

// Field is one labelled value.
type Field struct {
	Label string `json:"label"`
	Text  Text   `json:"text"`
}

// Style is the weight of a button.
type Style string

// The styles of a button.
const (
	Plain   Style = ""
	Primary Style = "primary"
	Danger  Style = "danger"
)

// Button is something to press. Action names what it does (a closed set of the
// bot), Value is an opaque id of at most 255 bytes, never data.
type Button struct {
	Action string `json:"action"`
	Value  string `json:"value"`
	Label  string `json:"label"` // at most 75 characters
	Hint   string `json:"hint,omitempty"`
	Style  Style  `json:"style,omitempty"`
}

// Option is one choice of a select input.
type Option struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// InputField is a field of a modal: a text field, a choice among Options when
// there are any, or a choice of people when Users is set.
type InputField struct {
	ID    string `json:"id"`
	Label string `json:"label"`
	Hint  string `json:"hint,omitempty"`
	// Initial is what the field says at first: a text, the value of an option, or
	// the chat ids of people separated by commas.
	Initial   string   `json:"initial,omitempty"`
	Options   []Option `json:"options,omitempty"`
	Users     bool     `json:"users,omitempty"`
	Several   bool     `json:"several,omitempty"` // more than one option or person may be chosen
	Multiline bool     `json:"multiline,omitempty"`
	Optional  bool     `json:"optional,omitempty"`
	MaxLen    int      `json:"max_len,omitempty"`
}

// Part is one block of a message; Kind says which of the other fields is used.
type Part struct {
	Kind    PartKind    `json:"kind"`
	Text    Text        `json:"text,omitempty"`
	Fields  []Field     `json:"fields,omitempty"`
	Buttons []Button    `json:"buttons,omitempty"`
	Input   *InputField `json:"input,omitempty"`
}

// Message is what is posted. Fallback is what push notifications and screen
// readers say; when empty the renderer derives it from the title and the first
// paragraph.
type Message struct {
	Fallback Text   `json:"fallback,omitempty"`
	Parts    []Part `json:"parts"`
}

// Title appends a title line.
func (m Message) Title(t Text) Message { return m.add(Part{Kind: Title, Text: t}) }

// Para appends a paragraph.
func (m Message) Para(t Text) Message { return m.add(Part{Kind: Para, Text: t}) }

// Note appends small print.
func (m Message) Note(t Text) Message { return m.add(Part{Kind: Note, Text: t}) }

// Fields appends labelled values.
func (m Message) Fields(f ...Field) Message { return m.add(Part{Kind: Fields, Fields: f}) }

// Actions appends buttons.
func (m Message) Actions(b ...Button) Message { return m.add(Part{Kind: Actions, Buttons: b}) }

// Divider appends a line.
func (m Message) Divider() Message { return m.add(Part{Kind: Divider}) }

func (m Message) add(p Part) Message {
	m.Parts = append(m.Parts[:len(m.Parts):len(m.Parts)], p)
	return m
}

// Modal is a dialog. Callback names what its submission does, Private is an
// opaque id that comes back with it.
type Modal struct {
	Callback string `json:"callback"`
	Private  string `json:"private"`
	Title    string `json:"title"`            // at most 24 characters
	Submit   string `json:"submit,omitempty"` // at most 24 characters; empty means read-only
	Parts    []Part `json:"parts"`
}
