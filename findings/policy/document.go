package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of a policy text. They bound what a hostile or generated file can
// cost, far above what a team writes by hand.
const (
	maxSource  = 512 << 10 // bytes
	maxNesting = 100       // open brackets, or list dashes on one line
)

// document reads one strict YAML document and gathers problems as it goes.
type document struct {
	file     string
	lines    []string
	problems Problems
}

// entry is one key of a mapping with its value.
type entry struct {
	name  string
	key   ast.Node
	value ast.Node
}

func (d *document) add(line, col int, format string, args ...any) {
	d.problems = append(d.problems, Problem{File: d.file, Line: max(line, 1), Col: max(col, 1), Msg: fmt.Sprintf(format, args...)})
}

func (d *document) at(n ast.Node, format string, args ...any) {
	line, col := d.start(n)
	d.add(line, col, format, args...)
}

// start is the position of n. The parser places some plain texts of several
// lines a column too far; what comes before a plain text is a blank or opens a
// list, so the word is followed back to its beginning.
func (d *document) start(n ast.Node) (line, col int) {
	line, col = position(n)
	if s, ok := n.(*ast.StringNode); !ok || s.Token.Type != token.StringType {
		return line, col
	}
	for col > 1 {
		if before, ok := d.runeAt(line, col-1); !ok || strings.ContainsRune(" \t[{,", before) {
			break
		}
		col--
	}
	return line, col
}

func position(n ast.Node) (line, col int) {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		n = m.Values[0].Key
	}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 1, 1
	}
	p := n.GetToken().Position
	return p.Line, p.Column
}

// openDocument parses src and returns its single top-level mapping.
func openDocument(file string, src []byte) (*document, *ast.MappingNode) {
	d := &document{file: file}
	if len(src) > maxSource {
		d.add(1, 1, "the policy is larger than %d KiB", maxSource>>10)
		return d, nil
	}
	if !utf8.Valid(src) {
		d.add(1, 1, "the policy is not valid UTF-8")
		return d, nil
	}
	text := strings.TrimPrefix(string(src), "\ufeff")
	d.lines = strings.Split(text, "\n")
	if line, col, deep := tooDeep(d.lines); deep {
		d.add(line, col, "nested deeper than %d levels", maxNesting)
		return d, nil
	}
	file1, err := parseYAML(text)
	if err != nil {
		d.syntax(err)
		return d, nil
	}
	return d, d.single(file1)
}

// single returns the mapping of the only document in f.
func (d *document) single(f *ast.File) *ast.MappingNode {
	var docs []*ast.DocumentNode
	for _, doc := range f.Docs {
		if directive, ok := doc.Body.(*ast.DirectiveNode); ok {
			d.at(directive, "directives are not supported")
			return nil
		}
		if doc.Body != nil || doc.Start != nil {
			docs = append(docs, doc)
		}
	}
	if len(docs) == 0 || (len(docs) == 1 && docs[0].Body == nil) {
		d.add(1, 1, "the policy is empty")
		return nil
	}
	if len(docs) > 1 {
		line, col := position(docs[1].Body)
		if docs[1].Start != nil {
			line, col = docs[1].Start.Position.Line, docs[1].Start.Position.Column
		}
		d.add(line, col, "a policy is exactly one YAML document; a second one starts here")
		return nil
	}
	root, ok := docs[0].Body.(*ast.MappingNode)
	if !ok {
		d.at(docs[0].Body, "a policy is a mapping with the keys version, lists and rules, not %s", kindOf(docs[0].Body))
		return nil
	}
	return root
}

// parseYAML turns a panic of the parser into an error: a policy text is outside
// text as far as the parser is concerned.
func parseYAML(text string) (f *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, err = nil, errors.New("not readable as YAML")
		}
	}()
	return parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
}

func (d *document) syntax(err error) {
	var located yaml.Error
	if errors.As(err, &located) && located.GetToken() != nil && located.GetToken().Position != nil {
		p := located.GetToken().Position
		d.add(p.Line, p.Column, "YAML: %s", located.GetMessage())
		return
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	d.add(1, 1, "YAML: %s", first)
}

// tooDeep bounds the recursion of the YAML parser before it starts.
func tooDeep(lines []string) (line, col int, deep bool) {
	open := 0
	for i, text := range lines {
		dashes, indented := 0, true
		for j, r := range text {
			switch r {
			case '[', '{':
				open++
			case ']', '}':
				open = max(open-1, 0)
			case '-', '?', ':':
				if indented {
					dashes++
				}
			case ' ', '\t':
			default:
				indented = false
			}
			if open > maxNesting || dashes > maxNesting {
				return i + 1, utf8.RuneCountInString(text[:j]) + 1, true
			}
		}
		if indent := len(text) - len(strings.TrimLeft(text, " ")); indent > 8*maxNesting {
			return i + 1, 1, true
		}
	}
	return 0, 0, false
}

// mapping returns the entries of n whose keys are allowed and reports the rest.
func (d *document) mapping(n ast.Node, what string, allowed ...string) ([]entry, bool) {
	entries, ok := d.entries(n, what)
	known := entries[:0]
	for _, e := range entries {
		if !slices.Contains(allowed, e.name) {
			d.at(e.key, "unknown key %q in %s%s", e.name, what, didYouMean(e.name, allowed))
			continue
		}
		known = append(known, e)
	}
	return known, ok
}

// entries returns the entries of mapping n, each key once.
func (d *document) entries(n ast.Node, what string) ([]entry, bool) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		d.at(n, "%s is a mapping of keys, not %s", what, kindOf(n))
		return nil, false
	}
	var out []entry
	seen := map[string]int{}
	for _, v := range m.Values {
		key, isScalar := v.Key.(ast.ScalarNode)
		if !isScalar {
			d.at(v.Key, "keys are plain words here, not %s", kindOf(v.Key))
			continue
		}
		name := key.GetToken().Value
		if line, dup := seen[name]; dup {
			d.at(v.Key, "key %q appears twice; the first is on line %d", name, line)
			continue
		}
		seen[name], _ = position(v.Key)
		out = append(out, entry{name: name, key: v.Key, value: v.Value})
	}
	return out, true
}

func (d *document) sequence(n ast.Node, what string) ([]ast.Node, bool) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		d.at(n, "%s is a list, not %s", what, kindOf(n))
		return nil, false
	}
	return s.Values, true
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case nil, *ast.NullNode:
		return "empty"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "a text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or alias (they are not supported)"
	case *ast.TagNode:
		return "a tagged value (tags are not supported)"
	}
	return "something else"
}
