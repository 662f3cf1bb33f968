package policy

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// text returns the string n holds. A number or a truth value is refused: an
// unquoted 0123 or no would otherwise change its meaning silently.
func (d *document) text(n ast.Node, what string) (string, bool) {
	var s string
	switch v := n.(type) {
	case *ast.StringNode:
		s = v.Value
	case *ast.LiteralNode:
		s = v.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		d.at(n, "%s is a text; put %s in quotes", what, n.GetToken().Value)
		return "", false
	default:
		d.at(n, "%s is a text, not %s", what, kindOf(n))
		return "", false
	}
	if strings.TrimSpace(s) == "" {
		d.at(n, "%s is empty", what)
		return "", false
	}
	return s, true
}

// texts reads one text or a list of texts, with the node of each.
func (d *document) texts(n ast.Node, what string) (out []string, nodes []ast.Node, ok bool) {
	values := []ast.Node{n}
	if s, isList := n.(*ast.SequenceNode); isList {
		values = s.Values
		if len(values) == 0 {
			d.at(n, "%s is empty", what)
			return nil, nil, false
		}
	}
	ok = true
	for _, v := range values {
		s, good := d.text(v, what)
		if !good {
			ok = false
			continue
		}
		out, nodes = append(out, s), append(nodes, v)
	}
	return out, nodes, ok
}

func (d *document) boolean(n ast.Node, what string) bool {
	b, ok := n.(*ast.BoolNode)
	if !ok {
		d.at(n, "%s is true or false", what)
		return false
	}
	return b.Value
}

// integer reads a plain decimal number.
func (d *document) integer(n ast.Node, what string) (int64, bool) {
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		d.at(n, "%s is a whole number, not %s", what, kindOf(n))
		return 0, false
	}
	word := i.GetToken().Value
	v, err := strconv.ParseInt(word, 10, 64)
	if err != nil || strconv.FormatInt(v, 10) != word {
		d.at(n, "%s is a plain decimal number; %s is read differently by different tools", what, word)
		return 0, false
	}
	return v, true
}

func (d *document) number(n ast.Node, what string) (float64, bool) {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		v, err := strconv.ParseFloat(n.GetToken().Value, 64)
		if err == nil && !math.IsInf(v, 0) && !math.IsNaN(v) {
			return v, true
		}
	}
	d.at(n, "%s is a number", what)
	return 0, false
}

// date reads "2027-03-31", which lasts until the end of that day in UTC, or an
// RFC 3339 time. It returns the first moment that is too late.
func (d *document) date(n ast.Node, what string) time.Time {
	s, ok := d.text(n, what)
	if !ok {
		return time.Time{}
	}
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return day.AddDate(0, 0, 1)
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at.UTC()
	}
	d.at(n, "%s is a date such as 2027-03-31 or a time such as 2027-03-31T18:00:00Z, not %q", what, s)
	return time.Time{}
}

func (d *document) duration(n ast.Node, what string, least, most time.Duration) time.Duration {
	s, ok := d.text(n, what)
	if !ok {
		return 0
	}
	v, err := time.ParseDuration(s)
	switch {
	case err != nil:
		d.at(n, "%s is a duration such as 30m or 4h, not %q", what, s)
	case v < least || v > most:
		d.at(n, "%s lies between %s and %s, not %s", what, least, most, s)
	default:
		return v
	}
	return 0
}

func (d *document) step(n ast.Node, what string, allowed ...Step) Step {
	s, ok := d.text(n, what)
	if !ok {
		return ""
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		if string(a) == s {
			return a
		}
		names[i] = string(a)
	}
	d.at(n, "%s is one of %s, not %q%s", what, strings.Join(names, ", "), s, didYouMean(s, names))
	return ""
}

// wordPattern is the shape of ids: they appear in links, metrics and reports.
var wordPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$`)

func (d *document) word(n ast.Node, what string) string {
	s, ok := d.text(n, what)
	if !ok {
		return ""
	}
	if !wordPattern.MatchString(s) {
		d.at(n, "%s is at most 64 of a-z, 0-9, - and _, not %q", what, s)
		return ""
	}
	return s
}
