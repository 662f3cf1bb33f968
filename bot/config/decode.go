package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// value puts what node n holds into v. Whatever does not fit is a problem at
// its place; the rest is read on, so that one run finds everything.
func (d *document) value(path string, n ast.Node, v reflect.Value) {
	if isScalarType(v.Type()) {
		d.scalar(path, n, v)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(path, n, v.Elem())
	case reflect.Struct:
		d.structure(path, n, v)
	case reflect.Map:
		d.mapping(path, n, v)
	case reflect.Slice:
		d.list(path, n, v)
	default:
		panic("config: " + path + " is of a type that cannot be read: " + v.Type().String())
	}
}

var secretType = reflect.TypeFor[Secret]()

func isScalarType(t reflect.Type) bool {
	if t == secretType {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Float64, reflect.Int, reflect.Int64:
		return true
	}
	return false
}

// entry is one key of a mapping with its value.
type entry struct {
	name  string
	key   *token.Token
	value ast.Node
}

// entries returns the entries of a mapping, each key once. An empty value
// ("redis:" with everything below commented out) is a mapping without keys.
func (d *document) entries(path string, n ast.Node) []entry {
	if n.Type() == ast.NullType {
		return nil
	}
	m, ok := n.(*ast.MappingNode)
	if !ok {
		d.refuse(path, n.GetToken(), "%s is a mapping of keys, not %s", path, kindOf(n))
		return nil
	}
	var out []entry
	seen := map[string]int{}
	for _, v := range m.Values {
		key := v.Key.GetToken()
		if _, scalar := v.Key.(ast.ScalarNode); !scalar || key == nil {
			d.at(v.Start, "a key is one plain word, not %s", kindOf(v.Key))
			continue
		}
		if first, dup := seen[key.Value]; dup {
			d.at(key, "%s is set twice; the first time on line %d", show(key.Value), first)
			continue
		}
		seen[key.Value], _ = position(key)
		d.places[join(path, key.Value)] = place{key: key, value: valueToken(key, v.Value)}
		out = append(out, entry{name: key.Value, key: key, value: v.Value})
	}
	return out
}

// valueToken is where to point for a wrong value: at itself when it is a
// scalar, else at its key.
func valueToken(key *token.Token, n ast.Node) *token.Token {
	switch v := n.(type) {
	case *ast.NullNode:
		return key
	case *ast.LiteralNode:
		return v.Start
	case ast.ScalarNode:
		return n.GetToken()
	case *ast.SequenceNode:
		if v.IsFlowStyle {
			return v.Start
		}
	}
	return key
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func (d *document) structure(path string, n ast.Node, v reflect.Value) {
	fields := fieldsOf(v)
	for _, e := range d.entries(path, n) {
		field, known := fields[e.name]
		if !known {
			names := slices.Sorted(maps.Keys(fields))
			hint := didYouMean(e.name, names)
			if hint == "" {
				hint = "; known here: " + strings.Join(names, ", ")
			}
			d.at(e.key, "unknown key %s%s%s", show(e.name), inside(path), hint)
			continue
		}
		d.value(join(path, e.name), e.value, field)
	}
}

func inside(path string) string {
	if path == "" {
		return ""
	}
	return " in " + path
}

// fieldsOf returns the settable fields of a struct by their name in the file.
func fieldsOf(v reflect.Value) map[string]reflect.Value {
	out := map[string]reflect.Value{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if options == "inline" || (f.Anonymous && name == "") {
			maps.Copy(out, fieldsOf(v.Field(i)))
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		out[name] = v.Field(i)
	}
	return out
}

func (d *document) mapping(path string, n ast.Node, v reflect.Value) {
	for _, e := range d.entries(path, n) {
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
		key := reflect.New(v.Type().Key()).Elem()
		if why := ambiguous(e.key); why != "" {
			d.at(e.key, "%s is a key of %s: %s", e.key.Value, path, why)
			continue
		}
		key.SetString(e.name)
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(join(path, e.name), e.value, elem)
		v.SetMapIndex(key, elem)
	}
}

func (d *document) list(path string, n ast.Node, v reflect.Value) {
	if n.Type() == ast.NullType {
		return
	}
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		d.refuse(path, n.GetToken(), "%s is a list, not %s; write [a, b] or one \"- \" a line", path, kindOf(n))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(s.Values), len(s.Values))
	for i, item := range s.Values {
		itemPath := fmt.Sprintf("%s[%d]", path, i)
		key := item.GetToken()
		if m, isMap := item.(*ast.MappingNode); isMap && !m.IsFlowStyle && len(m.Values) > 0 {
			key = m.Values[0].Key.GetToken()
		}
		d.places[itemPath] = place{key: key, value: key}
		d.value(itemPath, item, out.Index(i))
	}
	v.Set(out)
}
