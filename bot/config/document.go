package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of a file: far above what a team writes by hand, low enough that a
// hostile or generated file costs little.
const (
	maxSize    = 1 << 20 // bytes
	maxTokens  = 60_000
	maxNesting = 32
)

// document is one file being read, with what was found wrong so far.
type document struct {
	file     string
	problems Problems
	warnings Problems
	places   map[string]place // by path, such as "sqs.queues[0].url"
	unread   map[string]bool  // paths whose value did not fit
	secrets  []Secret
}

// place is where a value stands. The key of a list entry is the entry itself.
type place struct{ key, value *token.Token }

func (d *document) add(line, col int, format string, args ...any) {
	d.problems = append(d.problems, d.problem(line, col, format, args...))
}

func (d *document) problem(line, col int, format string, args ...any) Problem {
	return Problem{File: d.file, Line: max(line, 1), Col: max(col, 1), Msg: fmt.Sprintf(format, args...)}
}

func (d *document) at(t *token.Token, format string, args ...any) {
	line, col := position(t)
	d.add(line, col, format, args...)
}

// refuse notes that the value at path cannot be read.
func (d *document) refuse(path string, t *token.Token, format string, args ...any) {
	d.unread[path] = true
	d.at(t, format, args...)
}

func position(t *token.Token) (line, col int) {
	if t == nil || t.Position == nil {
		return 1, 1
	}
	return t.Position.Line, t.Position.Column
}

// root parses src and returns its single top-level mapping, or nil with the
// problems noted.
func (d *document) root(src []byte) *ast.MappingNode {
	text, ok := d.text(src)
	if !ok {
		return nil
	}
	tokens, err := tokenize(text)
	if err != nil {
		d.add(1, 1, "not readable as YAML")
		return nil
	}
	if !d.plain(tokens) {
		return nil
	}
	f, err := parse(tokens)
	if err != nil {
		d.syntax(err)
		return nil
	}
	return d.single(f)
}

// text refuses what is no text at all and evens out line ends.
func (d *document) text(src []byte) (string, bool) {
	if len(src) > maxSize {
		d.add(1, 1, "the file is larger than 1 MiB; a configuration is a few kilobytes, is this the right file?")
		return "", false
	}
	for _, mark := range []string{"\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(src, []byte(mark)) {
			d.add(1, 1, "the file is UTF-16; save it as UTF-8")
			return "", false
		}
	}
	text := strings.ReplaceAll(strings.TrimPrefix(string(src), "\ufeff"), "\r\n", "\n")
	for i, line := range strings.Split(text, "\n") {
		for j, r := range line {
			if r == utf8.RuneError && !strings.HasPrefix(line[j:], "\ufffd") {
				d.add(i+1, utf8.RuneCountInString(line[:j])+1, "not valid UTF-8; save the file as UTF-8")
				return "", false
			}
			if r != '\t' && (r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029) {
				d.add(i+1, utf8.RuneCountInString(line[:j])+1, "an invisible control character (%U); delete it", r)
				return "", false
			}
		}
	}
	if strings.TrimSpace(text) == "" {
		d.add(1, 1, "the file is empty")
		return "", false
	}
	return text, true
}

// tokenize and parse turn a panic of the library into an error: the file is
// outside text as far as the library is concerned.
func tokenize(text string) (tokens token.Tokens, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("not readable as YAML")
		}
	}()
	return lexer.Tokenize(text), nil
}

func parse(tokens token.Tokens) (f *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("not readable as YAML")
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// plain refuses the parts of YAML that make a file mean something else than it
// looks like, and bounds how deep the parser recurses.
func (d *document) plain(tokens token.Tokens) bool {
	if len(tokens) > maxTokens {
		d.at(tokens[maxTokens], "the file has more than %d words and signs; split or shorten it", maxTokens)
		return false
	}
	before := len(d.problems)
	open, dashes, dashLine := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.AnchorType, token.AliasType:
			d.at(t, "anchors and aliases (& and *) are not supported; write the value out, or put it in quotes if it is text")
		case token.MergeKeyType:
			d.at(t, "merge keys (<<) are not supported; write the values out")
		case token.TagType:
			d.at(t, "tags (!) are not supported; put the value in quotes if it is text")
		case token.DirectiveType:
			d.at(t, "directives (%%) are not supported; put the value in quotes if it is text")
		case token.SequenceStartType, token.MappingStartType:
			open++
		case token.SequenceEndType, token.MappingEndType:
			open = max(open-1, 0)
		case token.SequenceEntryType, token.MappingKeyType:
			if t.Position.Line != dashLine {
				dashes, dashLine = 0, t.Position.Line
			}
			dashes++
		}
		if open > maxNesting || dashes > maxNesting || t.Position.IndentLevel > 2*maxNesting {
			d.at(t, "nested deeper than %d levels", maxNesting)
			return false
		}
	}
	return len(d.problems) == before
}

// single returns the mapping of the only document in f.
func (d *document) single(f *ast.File) *ast.MappingNode {
	var docs []*ast.DocumentNode
	for _, doc := range f.Docs {
		if doc.Body != nil || doc.Start != nil {
			docs = append(docs, doc)
		}
	}
	switch {
	case len(docs) == 0 || (len(docs) == 1 && (docs[0].Body == nil || docs[0].Body.Type() == ast.NullType)):
		d.add(1, 1, "the file holds no settings")
		return nil
	case len(docs) > 1:
		start := docs[1].Start
		if start == nil && docs[1].Body != nil {
			start = docs[1].Body.GetToken()
		}
		d.at(start, "a second document starts here; a configuration is exactly one, remove this line or what follows")
		return nil
	}
	root, ok := docs[0].Body.(*ast.MappingNode)
	if !ok {
		d.at(docs[0].Body.GetToken(), "a configuration is a mapping with keys such as slack, sqs and redis, not %s", kindOf(docs[0].Body))
		return nil
	}
	return root
}

func (d *document) syntax(err error) {
	var located yaml.Error
	if !errors.As(err, &located) {
		d.add(1, 1, "not readable as YAML")
		return
	}
	msg := located.GetMessage()
	switch {
	case strings.Contains(msg, "'\t'"):
		msg = "a tab; YAML is indented with spaces"
	case strings.Contains(msg, "value is not allowed in this context. map"):
		msg = "this does not belong here; is a quote or bracket before it not closed?"
	case strings.Contains(msg, "mapping value is not allowed"):
		msg = "a second \": \" on one line, or wrong indentation on the next; put text that holds \": \" in quotes"
	}
	d.at(located.GetToken(), "YAML: %s", msg)
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case nil, *ast.NullNode:
		return "nothing"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	}
	return "something else"
}
