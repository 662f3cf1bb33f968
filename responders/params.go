package responders

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is the type of a parameter. What does not have it is refused; the value
// that goes on is the canonical form, not what was typed.
type Kind string

// The kinds of parameter.
const (
	Choice  Kind = "choice"  // one of Options
	Number  Kind = "number"  // decimal, Min to Max
	Network Kind = "network" // an IP address or prefix
	Words   Kind = "words"   // text for people; never part of a command
)

// Param is a parameter of an action.
type Param struct {
	Name     string
	About    string
	Kind     Kind
	Options  []string
	Min, Max int
	Default  string
	Required bool
}

// Params are checked parameters by name, in canonical form.
type Params map[string]string

// maxWords bounds a reason, in characters.
const maxWords = 300

// Parse reads parameters written as name=value. A last parameter of kind Words
// takes everything that follows it. The error is a sentence for the person who
// typed.
func (a Action) Parse(args []string) (Params, error) {
	p := Params{}
	for i, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		name = strings.ToLower(name)
		row, known := a.param(name)
		if !ok || !known {
			return nil, fmt.Errorf("%q is not a parameter of %s; it takes %s", clip(arg), a.ID, a.Usage())
		}
		if _, twice := p[name]; twice {
			return nil, fmt.Errorf("%s is given twice", name)
		}
		last := row.Kind == Words
		if last {
			value = strings.Join(append([]string{value}, args[i+1:]...), " ")
		}
		canonical, err := row.parse(value)
		if err != nil {
			return nil, err
		}
		p[name] = canonical
		if last {
			break
		}
	}
	return p, a.complete(p)
}

// Check says whether parameters that came from elsewhere (a policy, a stored
// job, a serverless call) are complete and canonical.
func (a Action) Check(p Params) error {
	for name, value := range p {
		row, known := a.param(name)
		if !known {
			return fmt.Errorf("%q is not a parameter of %s", clip(name), a.ID)
		}
		canonical, err := row.parse(value)
		if err != nil {
			return err
		}
		if canonical != value {
			return fmt.Errorf("%s is %q, which is not its canonical form", name, clip(value))
		}
	}
	return a.missing(p)
}

func (a Action) missing(p Params) error {
	for _, row := range a.Params {
		if _, given := p[row.Name]; row.Required && !given {
			return fmt.Errorf("%s is missing: %s", row.Name, row.About)
		}
	}
	return nil
}

// complete fills in defaults and asks for what is missing.
func (a Action) complete(p Params) error {
	for _, row := range a.Params {
		if _, given := p[row.Name]; !given && row.Default != "" {
			p[row.Name] = row.Default
		}
	}
	return a.missing(p)
}

func (a Action) param(name string) (Param, bool) {
	i := slices.IndexFunc(a.Params, func(p Param) bool { return p.Name == name })
	if i < 0 {
		return Param{}, false
	}
	return a.Params[i], true
}

// Usage names the parameters for help.
func (a Action) Usage() string {
	if len(a.Params) == 0 {
		return "none"
	}
	var out []string
	for _, p := range a.Params {
		switch p.Kind {
		case Choice:
			out = append(out, p.Name+"="+strings.Join(p.Options, "|"))
		case Number:
			out = append(out, fmt.Sprintf("%s=%d…%d", p.Name, p.Min, p.Max))
		case Network:
			out = append(out, p.Name+"=ADDRESS")
		default:
			out = append(out, p.Name+"=…")
		}
	}
	return strings.Join(out, " ")
}

func (p Param) parse(v string) (string, error) {
	switch p.Kind {
	case Choice:
		if !slices.Contains(p.Options, strings.ToLower(v)) {
			return "", fmt.Errorf("%s is one of %s, not %q", p.Name, strings.Join(p.Options, ", "), clip(v))
		}
		return strings.ToLower(v), nil
	case Number:
		n, err := strconv.Atoi(v)
		if err != nil || n < p.Min || n > p.Max || strings.Trim(v, "0123456789") != "" {
			return "", fmt.Errorf("%s is a whole number from %d to %d, not %q", p.Name, p.Min, p.Max, clip(v))
		}
		return strconv.Itoa(n), nil
	case Network:
		return parseNetwork(p.Name, v)
	case Words:
		return parseWords(p.Name, v)
	}
	return "", fmt.Errorf("%s has an unknown type", p.Name)
}

// parseNetwork accepts an address or a prefix without host bits, and neither a
// zone nor everything at once.
func parseNetwork(name, v string) (string, error) {
	if ip, err := netip.ParseAddr(v); err == nil && ip.Zone() == "" {
		return ip.Unmap().String(), nil
	}
	if pre, err := netip.ParsePrefix(v); err == nil && pre == pre.Masked() && pre.Bits() > 0 && !pre.Addr().Is4In6() {
		return pre.String(), nil
	}
	return "", fmt.Errorf("%s is an address such as 203.0.113.9 or a network such as 203.0.113.0/24, not %q", name, clip(v))
}

func parseWords(name, v string) (string, error) {
	v = strings.Join(strings.Fields(v), " ")
	switch {
	case v == "":
		return "", fmt.Errorf("%s is empty; please write a few words", name)
	case !utf8.ValidString(v) || strings.ContainsFunc(v, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }):
		return "", fmt.Errorf("%s has characters in it that cannot be typed", name)
	case utf8.RuneCountInString(v) > maxWords:
		return "", fmt.Errorf("%s is longer than %d characters", name, maxWords)
	}
	return v, nil
}

// clip bounds what an error repeats.
func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
