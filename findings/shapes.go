package findings

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maybe is an object that may be null, absent, wrapped in a list (the first
// counts) or of another kind altogether.
type maybe[T any] struct {
	v  T
	ok bool
}

func (m *maybe[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case '{':
		m.ok = true
		return json.UnmarshalDecode(d, &m.v)
	case '[':
		var l many[T]
		if err := l.UnmarshalJSONFrom(d); err != nil {
			return err
		}
		if len(l) > 0 {
			m.v, m.ok = l[0], true
		}
		return nil
	}
	return d.SkipValue()
}

// ptr is an object too large to keep room for, or nil.
type ptr[T any] struct{ v *T }

func (p *ptr[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '{' {
		return d.SkipValue()
	}
	p.v = new(T)
	return json.UnmarshalDecode(d, p.v)
}

// quoted is a string kept as bytes, for what will be parsed again; an object
// in its place is kept as it is.
type quoted []byte

func (q *quoted) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	switch v[0] {
	case '"':
		*q, err = jsontext.AppendUnquote(make([]byte, 0, len(v)), v)
	case '{':
		*q = quoted(v.Clone())
	}
	return err
}

// many is a list of objects that may be a single object, or an object keyed
// "0", "1", …; what lies beyond maxList is read over.
type many[T any] []T

func (l *many[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case '[':
		if _, err := d.ReadToken(); err != nil {
			return err
		}
		for d.PeekKind() != ']' {
			if d.PeekKind() != '{' || len(*l) >= maxList {
				if err := d.SkipValue(); err != nil {
					return err
				}
				continue
			}
			if err := l.add(d); err != nil {
				return err
			}
		}
		_, err := d.ReadToken()
		return err
	case '{':
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		if !numbered(raw) {
			*l = make([]T, 1)
			return json.Unmarshal(raw, &(*l)[0], foldCase)
		}
		var byIndex map[string]maybe[T]
		if err := json.Unmarshal(raw, &byIndex, foldCase); err != nil {
			return err
		}
		for i := range min(len(byIndex), maxList) {
			if m := byIndex[strconv.Itoa(i)]; m.ok {
				*l = append(*l, m.v)
			}
		}
		return nil
	}
	return d.SkipValue()
}

func (l *many[T]) add(d *jsontext.Decoder) error {
	*l = append(*l, *new(T))
	return json.UnmarshalDecode(d, &(*l)[len(*l)-1])
}

// numbered reports whether the first key of an object is "0".
func numbered(raw []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(raw[1:], " \t\r\n"), []byte(`"0"`))
}

// texts is a list of strings, or a single one.
type texts []string

func (l *texts) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '[' {
		var t text
		if err := t.UnmarshalJSONFrom(d); err != nil {
			return err
		}
		if t != "" {
			*l = texts{string(t)}
		}
		return nil
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		var t text
		if err := t.UnmarshalJSONFrom(d); err != nil {
			return err
		}
		if t != "" && len(*l) < maxList {
			*l = append(*l, string(t))
		}
	}
	_, err := d.ReadToken()
	return err
}
