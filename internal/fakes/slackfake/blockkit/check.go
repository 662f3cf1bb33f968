package blockkit

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"unicode/utf8"
)

// checker walks a value and collects problems.
type checker struct {
	surface  Surface
	problems []Problem
	ids      map[string]bool // block ids
	text     int             // characters of all texts
	markdown int
	tables   int
	focused  int
	inputs   int
}

func (c *checker) fail(at, format string, args ...any) {
	c.problems = append(c.problems, Problem{at, fmt.Sprintf(format, args...)})
}

// rule checks the value at a JSON pointer.
type rule func(c *checker, at string, v any)

// shape is the properties an object may have.
type shape map[string]prop

type prop struct {
	check rule
	must  bool
}

func opt(r rule) prop  { return prop{r, false} }
func need(r rule) prop { return prop{r, true} }

// with returns the shape with more properties.
func (s shape) with(more shape) shape {
	out := shape{}
	for _, from := range []shape{s, more} {
		for k, v := range from {
			out[k] = v
		}
	}
	return out
}

// object wants an object of a shape; then the extra rules run on it.
func object(s shape, extra ...func(c *checker, at string, o map[string]any)) rule {
	return func(c *checker, at string, v any) {
		o, ok := v.(map[string]any)
		if !ok {
			c.fail(at, "must provide an object")
			return
		}
		for _, name := range sorted(s) {
			if _, ok := o[name]; !ok && s[name].must {
				c.fail(at, "missing required field: %s", name)
			}
		}
		for _, name := range sorted(o) {
			p, known := s[name]
			switch {
			case known:
				p.check(c, at+"/"+name, o[name])
			case name != "type":
				c.fail(at, "invalid additional property: %s", name)
			}
		}
		for _, f := range extra {
			f(c, at, o)
		}
	}
}

func sorted[T any](m map[string]T) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// either wants an object whose type is one of the kinds.
func either(kinds map[string]rule) rule {
	return func(c *checker, at string, v any) {
		o, ok := v.(map[string]any)
		if !ok {
			c.fail(at, "must provide an object")
			return
		}
		kind, ok := o["type"].(string)
		if !ok {
			c.fail(at, "missing required field: type")
			return
		}
		r, ok := kinds[kind]
		if !ok {
			c.fail(at+"/type", "unsupported type: %s", kind)
			return
		}
		r(c, at, v)
	}
}

// list wants an array within the limit whose items obey the rule.
func list(name string, item rule) rule {
	l := limit(name)
	return func(c *checker, at string, v any) {
		items, ok := v.([]any)
		if !ok {
			c.fail(at, "must provide an array")
			return
		}
		c.count(at, l, len(items))
		for i, it := range items {
			item(c, at+"/"+strconv.Itoa(i), it)
		}
	}
}

// each is list without a limit.
func each(item rule) rule {
	return func(c *checker, at string, v any) {
		items, ok := v.([]any)
		if !ok {
			c.fail(at, "must provide an array")
			return
		}
		for i, it := range items {
			item(c, at+"/"+strconv.Itoa(i), it)
		}
	}
}

func (c *checker) count(at string, l Limit, n int) {
	if n < l.Min {
		c.fail(at, "no fewer than %d items allowed", l.Min)
	}
	if l.Max > 0 && n > l.Max {
		c.fail(at, "no more than %d items allowed", l.Max)
	}
}

// str wants a string within the limit.
func str(name string) rule {
	l := limit(name)
	return func(c *checker, at string, v any) {
		s, ok := v.(string)
		if !ok {
			c.fail(at, "must provide a string")
			return
		}
		c.length(at, l, s)
	}
}

func (c *checker) length(at string, l Limit, s string) {
	n := utf8.RuneCountInString(s)
	if n < l.Min {
		c.fail(at, "must be more than %d characters", l.Min-1)
	}
	if l.Max > 0 && n > l.Max {
		c.fail(at, "must be less than %d characters", l.Max+1)
	}
}

// anyString wants a string that is not empty.
func anyString(c *checker, at string, v any) {
	if s, ok := v.(string); !ok {
		c.fail(at, "must provide a string")
	} else if s == "" {
		c.fail(at, "must be more than 0 characters")
	}
}

// enum wants one of the values.
func enum(values ...string) rule {
	return func(c *checker, at string, v any) {
		s, ok := v.(string)
		if !ok {
			c.fail(at, "must provide a string")
		} else if !slices.Contains(values, s) {
			c.fail(at, "must be a valid enum value")
		}
	}
}

func boolean(c *checker, at string, v any) {
	if _, ok := v.(bool); !ok {
		c.fail(at, "must provide a boolean")
	}
}

func number(c *checker, at string, v any) {
	if _, ok := v.(float64); !ok {
		c.fail(at, "must provide a number")
	}
}

// integer wants a whole number within the limit.
func integer(name string) rule {
	l := limit(name)
	return func(c *checker, at string, v any) {
		f, ok := v.(float64)
		switch {
		case !ok || f != math.Trunc(f):
			c.fail(at, "must provide an integer")
		case f < float64(l.Min):
			c.fail(at, "must be greater than %d", l.Min-1)
		case l.Max > 0 && f > float64(l.Max):
			c.fail(at, "must be less than %d", l.Max+1)
		}
	}
}

// link wants a URL with a scheme a client opens, within the limit.
func link(name string) rule {
	inner := str(name)
	return func(c *checker, at string, v any) {
		inner(c, at, v)
		s, ok := v.(string)
		if !ok || s == "" {
			return
		}
		u, err := url.Parse(s)
		if err != nil || !slices.Contains([]string{"http", "https", "mailto", "slack"}, u.Scheme) || u.Host == "" && u.Opaque == "" {
			c.fail(at, "invalid url")
		}
	}
}

// anything accepts what this package does not know well enough to judge.
func anything(*checker, string, any) {}
