package config

import (
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// scalar puts one value into v. The type of v decides what is readable; a value
// that tools read differently ("0123", "no") is refused rather than guessed.
func (d *document) scalar(path string, n ast.Node, v reflect.Value) {
	if n.Type() == ast.NullType {
		d.refuse(path, d.places[path].key, "%s is empty; give it a value or remove the line", path)
		return
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d.duration(path, n, v)
		return
	}
	if v.Type() == secretType {
		d.secret(path, n, v)
		return
	}
	switch v.Kind() {
	case reflect.String:
		if s, ok := d.string(path, n); ok {
			v.SetString(s)
		}
	case reflect.Bool:
		d.boolean(path, n, v)
	case reflect.Float64:
		d.float(path, n, v)
	default:
		d.integer(path, n, v)
	}
}

var allDigits = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(\.[0-9]*)?$`)

// ambiguous says why an unquoted word must be quoted to be text.
func ambiguous(t *token.Token) string {
	if t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType {
		return ""
	}
	switch {
	case allDigits.MatchString(t.Value), t.Type != token.StringType:
		return "write \"" + t.Value + "\" in quotes, otherwise it is read as " + readAs(t)
	}
	return ""
}

func readAs(t *token.Token) string {
	switch t.Type {
	case token.BoolType:
		return "true or false"
	case token.OctetIntegerType:
		return "an octal number"
	}
	if strings.HasPrefix(t.Value, "0") && len(t.Value) > 1 {
		return "an octal number by some tools"
	}
	return "a number"
}

// string reads text and refuses what is a number or a truth value to YAML, and
// a reference to a secret where none belongs.
func (d *document) string(path string, n ast.Node) (string, bool) {
	var s string
	switch v := n.(type) {
	case *ast.StringNode:
		if why := ambiguous(v.Token); why != "" {
			d.refuse(path, v.Token, "%s is text: %s", path, why)
			return "", false
		}
		s = v.Value
	case *ast.LiteralNode:
		s = v.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		d.refuse(path, n.GetToken(), "%s is text: %s", path, ambiguous(n.GetToken()))
		return "", false
	default:
		d.refuse(path, n.GetToken(), "%s is text, not %s", path, kindOf(n))
		return "", false
	}
	t := valueToken(n.GetToken(), n)
	switch {
	case strings.HasPrefix(s, "${"):
		d.refuse(path, t, "%s is written out; references such as ${env:NAME} are for secrets only", path)
		return "", false
	case s != strings.TrimSpace(s) || strings.ContainsAny(s, "\n\t"):
		d.refuse(path, t, "%s has space around it or more than one line; remove that", path)
		return "", false
	}
	return s, true
}

func (d *document) boolean(path string, n ast.Node, v reflect.Value) {
	b, ok := n.(*ast.BoolNode)
	if !ok {
		d.refuse(path, n.GetToken(), "%s is true or false, not %s", path, shown(n))
		return
	}
	v.SetBool(b.Value)
}

func (d *document) integer(path string, n ast.Node, v reflect.Value) {
	word := n.GetToken().Value
	i, err := strconv.ParseInt(word, 10, 32)
	if _, ok := n.(*ast.IntegerNode); !ok || err != nil || strconv.FormatInt(i, 10) != word {
		d.refuse(path, n.GetToken(), "%s is a whole number in plain decimals, not %s", path, shown(n))
		return
	}
	v.SetInt(i)
}

func (d *document) float(path string, n ast.Node, v reflect.Value) {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		f, err := strconv.ParseFloat(n.GetToken().Value, 64)
		if err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			v.SetFloat(f)
			return
		}
	}
	d.refuse(path, n.GetToken(), "%s is a number, not %s", path, shown(n))
}

func (d *document) duration(path string, n ast.Node, v reflect.Value) {
	s, isText := n.(*ast.StringNode)
	if !isText {
		d.refuse(path, n.GetToken(), "%s is a duration with its unit, such as 30s or 4h, not %s", path, shown(n))
		return
	}
	t, err := time.ParseDuration(s.Value)
	if err != nil {
		d.refuse(path, n.GetToken(), "%s is a duration such as 30s, 5m or 4h, not %s", path, shown(n))
		return
	}
	v.SetInt(int64(t))
}

// shown is how a message names the wrong value of a node.
func shown(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.SequenceNode, *ast.LiteralNode:
		return kindOf(n)
	case *ast.StringNode:
		return show(n.GetToken().Value)
	}
	return n.GetToken().Value
}
