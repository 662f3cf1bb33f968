package findings

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// toUTF8 takes a byte order mark off and turns UTF-16, as Windows shells write
// it, into UTF-8. Half a surrogate pair becomes U+FFFD in UTF-16, so a text
// that holds one is refused: two ids must not become one.
func toUTF8(b []byte) ([]byte, *RefusedError) {
	switch {
	case bytes.HasPrefix(b, []byte{0xEF, 0xBB, 0xBF}):
		return b[3:], nil
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		return fromUTF16(b[2:], binary.LittleEndian)
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		return fromUTF16(b[2:], binary.BigEndian)
	case bytes.HasPrefix(b, []byte{0x1F, 0x8B}):
		return nil, refuse("the body is compressed with gzip: unpack it first")
	}
	return b, nil
}

func fromUTF16(b []byte, order binary.ByteOrder) ([]byte, *RefusedError) {
	if len(b)%2 != 0 {
		return nil, &RefusedError{Reason: "the UTF-16 text is cut off", Offset: int64(len(b)) + 1}
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i += 2 {
		r := rune(order.Uint16(b[i:]))
		if utf16.IsSurrogate(r) {
			if i+4 > len(b) {
				return nil, &RefusedError{Reason: "the text holds half of a surrogate pair", Offset: int64(i) + 2}
			}
			if r = utf16.DecodeRune(r, rune(order.Uint16(b[i+2:]))); r == utf8.RuneError {
				return nil, &RefusedError{Reason: "the text holds half of a surrogate pair", Offset: int64(i) + 2}
			}
			i += 2
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}

// utf8Reader looks at the first bytes of a file and reads UTF-16 as UTF-8.
func utf8Reader(r *bufio.Reader) (*bufio.Reader, *RefusedError) {
	head, _ := r.Peek(3) // a shorter file is looked at as it is
	switch {
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		_, _ = r.Discard(3) // was just peeked at
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		_, _ = r.Discard(2)
		return bufio.NewReader(&utf16Reader{in: r, order: binary.LittleEndian}), nil
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		_, _ = r.Discard(2)
		return bufio.NewReader(&utf16Reader{in: r, order: binary.BigEndian}), nil
	case bytes.HasPrefix(head, []byte{0x1F, 0x8B}):
		return nil, refuse("the file is compressed with gzip: unpack it first")
	}
	return r, nil
}

// utf16Reader turns UTF-16 into UTF-8. Half a surrogate pair and a cut-off end
// become the byte 0xFF, which no parser accepts as text.
type utf16Reader struct {
	in    *bufio.Reader
	order binary.ByteOrder
	out   []byte
	err   error
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		u.fill()
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

func (u *utf16Reader) fill() {
	u.out = u.out[:0]
	for len(u.out) < 4096 {
		r, err := u.unit()
		if err != nil {
			u.err = err
			return
		}
		if utf16.IsSurrogate(r) {
			low, err := u.unit()
			if r = utf16.DecodeRune(r, low); err != nil || r == utf8.RuneError {
				u.out, u.err = append(u.out, 0xFF), err
				continue
			}
		}
		u.out = utf8.AppendRune(u.out, r)
	}
}

func (u *utf16Reader) unit() (rune, error) {
	var b [2]byte
	n, err := io.ReadFull(u.in, b[:])
	if n == 1 {
		u.out = append(u.out, 0xFF)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return rune(u.order.Uint16(b[:])), err
}
