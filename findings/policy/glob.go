package policy

import "strings"

// glob is a pattern in which "*" stands for any run of characters, "/"
// included, so that "PrivilegeEscalation:*" covers
// "PrivilegeEscalation:IAMUser/AnomalousBehavior". Nothing else is special.
type glob struct {
	text   string
	prefix string
	middle []string
	suffix string
	exact  bool
}

func newGlob(pattern string) glob {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return glob{text: pattern, prefix: pattern, exact: true}
	}
	g := glob{text: pattern, prefix: parts[0], suffix: parts[last]}
	for _, part := range parts[1:last] {
		if part != "" {
			g.middle = append(g.middle, part)
		}
	}
	return g
}

func (g glob) match(s string) bool {
	if g.exact {
		return s == g.prefix
	}
	if len(s) < len(g.prefix)+len(g.suffix) || !strings.HasPrefix(s, g.prefix) || !strings.HasSuffix(s, g.suffix) {
		return false
	}
	s = s[len(g.prefix) : len(s)-len(g.suffix)]
	for _, part := range g.middle {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

// all reports whether the pattern matches every type.
func (g glob) all() bool {
	return !g.exact && g.prefix == "" && g.suffix == "" && len(g.middle) == 0
}

func matchAny(globs []glob, s string) bool {
	for i := range globs {
		if globs[i].match(s) {
			return true
		}
	}
	return false
}
