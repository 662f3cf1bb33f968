package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
)

// locate maps a place inside the text that YAML node n holds (line from 1,
// column from 0, in characters) to a place in the file (both from 1).
//
// YAML folds lines and strips indentation, but never reorders or drops
// visible characters. So the place is found by counting visible characters
// from the start of the value; the only others are the quotes and escapes,
// which are stepped over.
func (d *document) locate(n ast.Node, value string, line, col int) (int, int) {
	startLine, startCol := d.start(n)
	visible, total := visibleBefore(value, line, col), visibleBefore(value, len(value)+1, 0)
	quote := rune(0)
	switch v := n.(type) {
	case *ast.LiteralNode: // the text starts on the line after "|" or ">"
		startLine, startCol = startLine+1, 1
	case *ast.StringNode:
		if first, ok := d.runeAt(startLine, startCol); ok && (first == '"' || first == '\'') && v.Token.Value == value {
			quote = first
			startCol++
		}
	}
	return d.walk(startLine, startCol, visible, visible >= total, quote)
}

// visibleBefore counts the visible characters of value before line:col.
func visibleBefore(value string, line, col int) int {
	count := 0
	for i, text := range strings.Split(value, "\n") {
		for j, r := range []rune(text) {
			if i+1 > line || (i+1 == line && j >= col) {
				return count
			}
			if !unicode.IsSpace(r) {
				count++
			}
		}
	}
	return count
}

// walk returns the place of visible character number visible (from 0) counted
// from line:col; past the end of the value it returns the place after the last.
func (d *document) walk(line, col, visible int, past bool, quote rune) (int, int) {
	lastLine, lastCol := line, col
	for l := line; l <= len(d.lines); l++ {
		runes := []rune(d.lines[l-1])
		c := 0
		if l == line {
			c = col - 1
		}
		for ; c < len(runes); c++ {
			r := runes[c]
			if unicode.IsSpace(r) {
				continue
			}
			start := c
			switch {
			case quote == '"' && r == '\\':
				c++
			case quote == '\'' && r == '\'' && c+1 < len(runes) && runes[c+1] == '\'':
				c++
			case quote != 0 && r == quote:
				return lastLine, lastCol
			}
			if visible == 0 {
				return l, start + 1
			}
			visible--
			lastLine, lastCol = l, c+2
		}
		if visible == 0 && past {
			break
		}
	}
	return lastLine, lastCol
}

func (d *document) runeAt(line, col int) (rune, bool) {
	if line < 1 || line > len(d.lines) {
		return 0, false
	}
	text := d.lines[line-1]
	for i := 1; i < col && text != ""; i++ {
		_, size := utf8.DecodeRuneInString(text)
		text = text[size:]
	}
	if text == "" {
		return 0, false
	}
	r, _ := utf8.DecodeRuneInString(text)
	return r, true
}
