package findings

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxStreamed is the largest document ParseStream holds in memory, in bytes: a
// list of findings may be long, a finding is not.
const maxStreamed = 64 << 20

// ParseStream reads documents from a file or pipe, one a line, or written over
// several lines, or one long list, in UTF-8 or UTF-16, and calls yield with
// each Item until it returns false. A document larger than 64 MiB is refused
// and reading goes on behind it. The error is that of r, with what was read
// before it already given to yield; a file without any document gives one Item.
func ParseStream(r io.Reader, yield func(Item) bool) error {
	in, err := utf8Reader(bufio.NewReaderSize(r, 64<<10))
	if err != nil {
		yield(Item{Line: 1, Err: err})
		return nil
	}
	s := splitter{in: in, yield: yield}
	return s.run()
}

// splitter collects lines until the brackets of a document are closed.
type splitter struct {
	in    *bufio.Reader
	yield func(Item) bool

	buf    []byte
	start  int // line on which buf begins
	line   int // lines read
	depth  int
	quoted bool
	any    bool
}

func (s *splitter) run() error {
	for {
		line, err := s.readLine()
		if len(line) > 0 {
			s.line++
			if !s.take(line) {
				return nil
			}
		}
		if err == nil {
			continue
		}
		if !s.flush() {
			return nil
		}
		if errors.Is(err, io.EOF) {
			if !s.any {
				s.yield(Item{Line: 1, Err: refuse("the file is empty")})
			}
			return nil
		}
		return fmt.Errorf("read findings: %w", err)
	}
}

// readLine reads one line of at most maxStreamed bytes; of a longer one it
// keeps enough to be refused for its size.
func (s *splitter) readLine() ([]byte, error) {
	var line []byte
	for {
		part, err := s.in.ReadSlice('\n')
		if len(line) <= maxStreamed {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// take adds a line to the document under way and gives the document on when it
// is complete. A line that ends inside a string cannot be completed any more.
func (s *splitter) take(line []byte) bool {
	if len(s.buf) == 0 {
		if len(bytes.TrimSpace(line)) == 0 {
			return true
		}
		s.start = s.line
	}
	s.buf = append(s.buf, line...)
	s.scan(line)
	if s.depth <= 0 || s.quoted || len(s.buf) > maxStreamed {
		return s.flush()
	}
	return true
}

func (s *splitter) scan(b []byte) {
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case s.quoted && c == '\\':
			i++
		case c == '"':
			s.quoted = !s.quoted
		case s.quoted:
		case c == '{' || c == '[':
			s.depth++
		case c == '}' || c == ']':
			s.depth--
		}
	}
}

// flush parses what was collected.
func (s *splitter) flush() bool {
	b := s.buf
	s.buf, s.depth, s.quoted = s.buf[:0], 0, false
	if len(bytes.TrimSpace(b)) == 0 {
		return true
	}
	s.any = true
	items := refused(s.start, refuse(fmt.Sprintf("the document is larger than %d bytes", maxStreamed)))
	if len(b) <= maxStreamed {
		items = parser{}.text(bytes.Clone(b), s.start, Envelope{})
	}
	for _, i := range items {
		if !s.yield(i) {
			return false
		}
	}
	return true
}
