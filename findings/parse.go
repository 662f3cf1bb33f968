package findings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Item is one thing found in what was parsed: exactly one of Finding and Err
// is set, and Err is a *RefusedError. Line is the line, from 1, on which the
// document or list element begins.
type Item struct {
	Line    int
	Finding *Finding
	Err     error
}

// RefusedError says why a document is not a usable finding, in our own words
// alone, and at which byte of it (0 when the place says nothing). Within a
// message that is text inside another document, Offset counts in that text.
type RefusedError struct {
	Reason string
	Offset int64
}

// Error returns the reason and, when it helps, the place.
func (e *RefusedError) Error() string {
	if e.Offset > 0 {
		return fmt.Sprintf("%s (at byte %d)", e.Reason, e.Offset)
	}
	return e.Reason
}

func refuse(reason string) *RefusedError { return &RefusedError{Reason: reason} }

// Parse reads one body, whatever is wrapped around the finding: SNS, SQS and
// EventBridge envelopes, lists, several documents after each other, either
// casing, UTF-8 or UTF-16, Security Hub, OCSF and the rewrites of several log
// tools. It never panics and never returns an empty slice: what cannot be used
// gives an Item with the reason, and does not spoil the rest.
func Parse(body []byte) []Item {
	if len(body) > MaxBody {
		return refused(1, refuse(fmt.Sprintf("the body is larger than %d bytes", MaxBody)))
	}
	b, err := toUTF8(body)
	if err != nil {
		return refused(1, err)
	}
	return parser{}.text(b, 1, Envelope{})
}

// parser carries how many envelopes have been opened so far.
type parser struct{ wraps int }

func refused(line int, err *RefusedError) []Item { return []Item{{Line: line, Err: err}} }

// text parses what should be JSON: one document in nearly every case.
func (p parser) text(b []byte, line int, env Envelope) []Item {
	if p.wraps > maxWraps {
		return refused(line, refuse("too many envelopes around each other"))
	}
	p.wraps++
	trimmed := bytes.TrimLeft(b, " \t\r\n")
	line += lines(b[:len(b)-len(trimmed)])
	b = bytes.TrimRight(trimmed, " \t\r\n\x00")
	if len(b) == 0 {
		return refused(line, refuse("the body is empty"))
	}
	if b[0] == '{' && tooDeep(b) < 0 {
		if n, ok := isSNS(b); ok {
			return p.sns(n, line, env)
		}
		if items := p.document(b, line, env); items != nil {
			return items
		}
	}
	return p.several(b, line, env)
}

// wireDocs are used again: one is 6 KB, and findings keep nothing of it.
var wireDocs = sync.Pool{New: func() any { return new(wireDoc) }}

// document parses one document, or returns nil when b is not just that.
func (p parser) document(b []byte, line int, env Envelope) (items []Item) {
	w := wireDocs.Get().(*wireDoc)
	if json.Unmarshal(b, w, foldCase) == nil {
		items = p.route(w, b, line, env)
	}
	*w = wireDoc{}
	wireDocs.Put(w)
	return items
}

// several parses documents that follow each other, with or without line
// breaks between them. After a broken one it goes on at the next line that
// begins a document, so that one broken line costs one line. When a lot was
// read in vain, each line is taken for itself: time stays linear.
func (p parser) several(b []byte, line int, env Envelope) []Item {
	var items []Item
	wasted := int64(0)
	for {
		rest := bytes.TrimLeft(b, " \t\r\n")
		line += lines(b[:len(b)-len(rest)])
		if b = rest; len(b) == 0 {
			break
		}
		piece := b
		if wasted > int64(4*MaxBody) {
			if n := bytes.IndexByte(b, '\n'); n >= 0 {
				piece = b[:n+1]
			}
		}
		skip, raw, err := nextValue(piece)
		switch {
		case err == nil:
			items = append(items, p.value(raw, line+lines(b[:skip-len(raw)]), env)...)
		case errors.Is(err, io.EOF):
			skip = len(piece)
		default:
			r := explain(err)
			wasted += r.Offset
			items = append(items, Item{Line: line, Err: r})
			skip = nextStart(b)
		}
		line += lines(b[:skip])
		b = b[skip:]
	}
	if len(items) == 0 {
		return refused(line, refuse("the body is empty"))
	}
	return items
}

// lines counts the line breaks in b.
func lines(b []byte) int { return bytes.Count(b, []byte{'\n'}) }

// nextValue returns the first JSON value in b and where it ends.
func nextValue(b []byte) (end int, raw []byte, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(b))
	v, err := d.ReadValue()
	if err != nil {
		return 0, nil, err
	}
	end = int(d.InputOffset())
	return end, b[end-len(v) : end : end], nil
}

// nextStart finds, after the first line of b, the next one that begins with a
// bracket in its first column, or returns the end of b.
func nextStart(b []byte) int {
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 || i+n+1 >= len(b) {
			return len(b)
		}
		i += n + 1
		if b[i] == '{' || b[i] == '[' {
			return i
		}
	}
}

// value parses one well-formed JSON value.
func (p parser) value(raw []byte, line int, env Envelope) []Item {
	if at := tooDeep(raw); at >= 0 {
		return refused(line, &RefusedError{Reason: fmt.Sprintf("the document nests deeper than %d", MaxDepth), Offset: at})
	}
	switch raw[0] {
	case '{':
		var w wireDoc
		if err := json.Unmarshal(raw, &w, foldCase); err != nil {
			if errors.Is(err, jsontext.ErrDuplicateName) && exactASFF(raw) {
				return securityHub(raw, line, env)
			}
			return refused(line, explain(err))
		}
		return p.route(&w, raw, line, env)
	case '[':
		return p.list(raw, line, env)
	case '"':
		var s string
		if err := json.Unmarshal(raw, &s); err == nil && strings.ContainsAny(s, "{[") {
			return p.text([]byte(s), line, env)
		}
		return refused(line, refuse("the document is a text, not a finding"))
	case 'n':
		return refused(line, refuse("the document is null"))
	}
	return refused(line, refuse("the document is a single value, not a finding"))
}

// list parses each element of a JSON list. Elements that are bare values are
// refused together.
func (p parser) list(raw []byte, line int, env Envelope) []Item {
	d := jsontext.NewDecoder(bytes.NewBuffer(raw))
	var items []Item
	if _, err := d.ReadToken(); err != nil {
		return refused(line, explain(err))
	}
	bare, bareLine, last := 0, 0, 0
	for d.PeekKind() != ']' {
		v, err := d.ReadValue()
		if err != nil {
			return append(items, Item{Line: line, Err: explain(err)})
		}
		end := int(d.InputOffset())
		line += lines(raw[last : end-len(v)])
		last = end - len(v)
		if !strings.ContainsRune("{[\"", rune(v[0])) {
			if bare++; bare == 1 {
				bareLine = line
			}
			continue
		}
		items = append(items, p.value(raw[last:end:end], line, env)...)
	}
	if bare > 0 {
		items = append(items, refused(bareLine, refuse("the list holds values that are not findings"))...)
	}
	if len(items) == 0 {
		return refused(line, refuse("the list is empty"))
	}
	return items
}

// explain puts a decoder's error into our own words; its text may quote the
// document.
func explain(err error) *RefusedError {
	r := refuse("the document is not valid JSON")
	var syn *jsontext.SyntacticError
	var sem *json.SemanticError
	switch {
	case errors.As(err, &syn):
		r.Offset = syn.ByteOffset
		what := ""
		if syn.Err != nil {
			what = syn.Err.Error()
		}
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			r.Reason = "a key comes twice in one object"
		case errors.Is(err, io.ErrUnexpectedEOF):
			r.Reason = "the JSON is cut off"
		case strings.Contains(what, "UTF-8"):
			r.Reason = "the text is not valid UTF-8"
		case strings.Contains(what, "surrogate"):
			r.Reason = "the text holds half of a surrogate pair"
		case strings.Contains(what, "depth"):
			r.Reason = fmt.Sprintf("the document nests deeper than %d", MaxDepth)
		}
	case errors.As(err, &sem):
		r.Reason, r.Offset = "the document has an unexpected shape", sem.ByteOffset
	case errors.Is(err, io.ErrUnexpectedEOF):
		r.Reason = "the JSON is cut off"
	}
	return r
}
