package findings

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The types below decode what senders are known to vary: a number written as
// a string, a list where one object is usual, a name where an object is. A
// value of an unusable kind is read over; only broken JSON is an error.

// text is a string that may arrive as a number or a boolean.
type text string

func (t *text) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case '"', '0', 't', 'f':
		tok, err := d.ReadToken()
		if err != nil {
			return err
		}
		*t = text(tok.String())
		return nil
	}
	return d.SkipValue()
}

// number is a JSON number that may arrive as a string; set says that there was
// a value, raw keeps what was not a number (a severity label, "NaN").
type number struct {
	f   float64
	set bool
	raw string
}

func (n *number) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case '0':
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		n.parse(string(v))
		return nil
	case '"':
		tok, err := d.ReadToken()
		if err != nil {
			return err
		}
		n.parse(strings.TrimSpace(tok.String()))
		return nil
	}
	return d.SkipValue()
}

func (n *number) parse(s string) {
	n.raw, n.set = s, s != ""
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		f = math.NaN()
	}
	n.f = f
}

// int returns the number when it is whole and within 0..limit, else 0.
func (n number) int(limit int) int {
	if !n.set || math.IsNaN(n.f) || n.f < 0 || n.f > float64(limit) || n.f != math.Trunc(n.f) {
		return 0
	}
	return int(n.f)
}

// flag is a boolean that may arrive as "true" or "True".
type flag bool

func (b *flag) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case 't', '"':
		tok, err := d.ReadToken()
		if err != nil {
			return err
		}
		*b = flag(strings.EqualFold(tok.String(), "true"))
		return nil
	}
	return d.SkipValue()
}

// acct is an account id; one written as a number has lost its leading zeros.
type acct string

func (a *acct) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	number := d.PeekKind() == '0'
	if err := (*text)(a).UnmarshalJSONFrom(d); err != nil {
		return err
	}
	if number && len(*a) < 12 {
		*a = acct(strings.Repeat("0", 12-len(*a))) + *a
	}
	return nil
}

// seen notes that a key was there with something in it, and reads over it.
type seen bool

func (s *seen) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*s = d.PeekKind() != 'n'
	return d.SkipValue()
}

// tri is a boolean that may not be there.
type tri uint8

const (
	unset tri = iota
	no
	yes
)

func (t *tri) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case 't', 'f', '"':
		tok, err := d.ReadToken()
		if err != nil {
			return err
		}
		switch strings.ToLower(tok.String()) {
		case "true":
			*t = yes
		case "false":
			*t = no
		}
		return nil
	}
	return d.SkipValue()
}

// rawBits is true when a false is anywhere inside the value: the old
// dataSources object of a detector names each source with a boolean.
type rawBits bool

func (b *rawBits) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	in := jsontext.NewDecoder(bytes.NewReader(v))
	for {
		tok, err := in.ReadToken()
		if err != nil {
			return nil // the end; the value itself was well formed
		}
		if tok.Kind() == 'f' {
			*b = true
		}
	}
}
