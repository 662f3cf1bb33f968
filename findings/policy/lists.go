package policy

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/goccy/go-yaml/ast"
	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// maxListEntries bounds one named list.
const maxListEntries = 10_000

// listKinds are the kinds of a named list.
var listKinds = []string{"ints", "cidrs", "domains", "strings"}

// namedList is one entry of "lists:", validated.
type namedList struct {
	name string
	kind string
	key  ast.Node
	size int
	typ  *cel.Type
	val  ref.Val
	used bool
}

// An identifier of CEL that cannot be taken for a keyword of it.
var listName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

var reservedWords = []string{
	"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import",
	"in", "let", "loop", "namespace", "null", "package", "return", "true", "var", "void", "while",
}

// readLists reads the "lists:" section. A list with mistakes is still declared
// with its type, so that its users do not fail as well.
func (d *document) readLists(n ast.Node) []*namedList {
	entries, ok := d.entries(n, "lists")
	if !ok {
		return nil
	}
	var out []*namedList
	for _, e := range entries {
		if !listName.MatchString(e.name) || slices.Contains(reservedWords, e.name) {
			d.at(e.key, "a list is named with a-z, 0-9 and _, beginning with a letter, and not with a word of CEL; not %q", e.name)
			continue
		}
		if l := d.readList(e); l != nil {
			out = append(out, l)
		}
	}
	return out
}

func (d *document) readList(e entry) *namedList {
	what := "list " + e.name
	kinds, ok := d.mapping(e.value, what, listKinds...)
	if !ok {
		return nil
	}
	if len(kinds) != 1 {
		d.at(e.key, "%s has exactly one kind: one of %s", what, strings.Join(listKinds, ", "))
		return nil
	}
	l := &namedList{name: e.name, kind: kinds[0].name, key: e.key}
	values, ok := d.sequence(kinds[0].value, what)
	if ok && len(values) > maxListEntries {
		d.at(kinds[0].value, "%s has more than %d entries", what, maxListEntries)
		values = nil
	}
	l.size = len(values)
	switch l.kind {
	case "ints":
		l.readInts(d, values)
	case "strings":
		l.readStrings(d, values)
	case "cidrs":
		l.readCIDRs(d, values)
	case "domains":
		l.readDomains(d, values)
	}
	return l
}

func (l *namedList) readInts(d *document, values []ast.Node) {
	l.typ = cel.ListType(cel.IntType)
	ints := make([]ref.Val, 0, len(values))
	for _, n := range values {
		if v, ok := d.integer(n, "an entry of list "+l.name); ok {
			ints = append(ints, types.Int(v))
		}
	}
	l.val = types.NewRefValList(types.DefaultTypeAdapter, ints)
}

func (l *namedList) readStrings(d *document, values []ast.Node) {
	l.typ = cel.ListType(cel.StringType)
	var out []string
	for _, n := range values {
		if v, ok := d.text(n, "an entry of list "+l.name); ok {
			out = append(out, v)
		}
	}
	l.val = types.NewStringList(types.DefaultTypeAdapter, out)
}

func (l *namedList) readCIDRs(d *document, values []ast.Node) {
	l.typ = cidrsType
	set := &cidrSet{}
	for _, n := range values {
		s, ok := d.text(n, "an entry of list "+l.name)
		if !ok {
			continue
		}
		p, err := parsePrefix(s)
		if err != nil {
			d.at(n, "list %s: %s", l.name, err)
			continue
		}
		set.add(p)
	}
	l.val = set
}

// parsePrefix reads an address or a network. A network that holds half of the
// internet or more is refused: it is always a slip.
func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		if a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%q has a zone, which means nothing here", s)
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return p, fmt.Errorf("%q is neither an address nor a network such as 192.0.2.0/24", s)
	case p.Addr().Is4In6():
		return p, fmt.Errorf("write %q as an IPv4 network", s)
	case p != p.Masked():
		return p, fmt.Errorf("%q has host bits; the network is %s", s, p.Masked())
	case p.Bits() < 2:
		return p, fmt.Errorf("%q covers half of all addresses or more", s)
	}
	return p, nil
}

func (l *namedList) readDomains(d *document, values []ast.Node) {
	l.typ = domainsType
	set := &domainSet{names: map[string]bool{}}
	for _, n := range values {
		s, ok := d.text(n, "an entry of list "+l.name)
		if !ok {
			continue
		}
		name, err := parseDomain(s)
		if err != nil {
			d.at(n, "list %s: %s", l.name, err)
			continue
		}
		set.names[name] = true
	}
	l.val = set
}

// parseDomain returns the ASCII form of a domain that somebody owns. A public
// suffix is refused: everybody can register below it.
func parseDomain(s string) (string, error) {
	if strings.HasPrefix(s, "*.") || strings.HasPrefix(s, ".") {
		return "", fmt.Errorf("write %q without the leading dot or star; names below it are always included", s)
	}
	name, err := idna.Lookup.ToASCII(strings.TrimSuffix(s, "."))
	if err != nil || name == "" || strings.ContainsAny(name, " /:@*_") {
		return "", fmt.Errorf("%q is not a domain name", s)
	}
	if suffix, _ := publicsuffix.PublicSuffix(name); suffix == name {
		return "", fmt.Errorf("%q is a public suffix: everybody can register a name below it", s)
	}
	return name, nil
}
