package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/goccy/go-yaml/ast"

	"github.com/securitybot/securitybot/findings"
)

// DefaultFloor is the severity from which a suppress rule no longer applies,
// unless the file sets never_suppress_at or the rule says lift_floor.
const DefaultFloor = 7.0

// Policy is a compiled policy text. It never changes and may be used by many
// goroutines at once.
type Policy struct {
	name     string
	digest   string
	floor    float64
	rules    []*rule
	index    map[string][]*rule // the rules for each known type
	lists    map[string]ref.Val
	getters  map[string]func(*view) ref.Val
	unknowns map[string]*types.Unknown
	types    map[string]*cel.Type
	named    []*namedList
	tests    []Test
}

// Compile reads a policy text. The error is a Problems with everything that is
// wrong, each with its place; name is the file name used in it.
func Compile(name string, src []byte) (*Policy, error) {
	doc, root := openDocument(name, src)
	c := &compiler{doc: doc, mode: Enforce, floor: DefaultFloor}
	if root != nil {
		if err := c.compile(root); err != nil {
			return nil, err
		}
	}
	if len(doc.problems) > 0 {
		return nil, doc.problems.sorted()
	}
	sum := sha256.Sum256(src)
	return c.policy(name, hex.EncodeToString(sum[:])), nil
}

// compiler holds what is known while a text is read.
type compiler struct {
	doc   *document
	env   *cel.Env
	known map[string]variable
	lists []*namedList
	rules []*rule
	tests []Test
	mode  Mode
	floor float64
}

func (c *compiler) compile(root *ast.MappingNode) error {
	entries, _ := c.doc.mapping(root, "a policy", "version", "mode", "never_suppress_at", "lists", "rules", "tests")
	at := map[string]entry{}
	for _, e := range entries {
		at[e.name] = e
	}
	c.header(at)
	if e, ok := at["lists"]; ok {
		c.lists = c.doc.readLists(e.value)
	}
	vars := variables()
	c.known = make(map[string]variable, len(vars))
	for _, v := range vars {
		c.known[v.name] = v
	}
	var err error
	if c.env, err = newEnvironment(vars, c.lists); err != nil {
		return err
	}
	if e, ok := at["rules"]; ok {
		c.readRules(e)
	} else {
		c.doc.at(root, "the key rules is missing")
	}
	if e, ok := at["tests"]; ok {
		c.readTests(e)
	}
	return nil
}

func (c *compiler) header(at map[string]entry) {
	if e, ok := at["version"]; !ok {
		c.doc.add(1, 1, "the key version is missing; this is version: 1")
	} else if v, ok := c.doc.integer(e.value, "version"); ok && v != 1 {
		c.doc.at(e.value, "version %d is not known; this program reads version 1", v)
	}
	if e, ok := at["mode"]; ok {
		c.mode = c.readMode(e.value)
	}
	if e, ok := at["never_suppress_at"]; ok {
		if v, ok := c.doc.number(e.value, "never_suppress_at"); ok {
			c.floor = v
			if v < 0 || v > 10 {
				c.doc.at(e.value, "never_suppress_at is a severity from 0 to 10")
			}
		}
	}
}

// names lists every variable, for suggestions.
func (c *compiler) names() []string {
	names := slices.Sorted(maps.Keys(c.known))
	for _, l := range c.lists {
		names = append(names, "lists."+l.name)
	}
	return names
}

func (c *compiler) policy(name, digest string) *Policy {
	p := &Policy{
		name: name, digest: digest, floor: c.floor, rules: c.rules, named: c.lists, tests: c.tests,
		lists:    make(map[string]ref.Val, len(c.lists)),
		getters:  make(map[string]func(*view) ref.Val, len(c.known)),
		unknowns: map[string]*types.Unknown{},
		types:    map[string]*cel.Type{},
	}
	for _, l := range c.lists {
		p.lists["lists."+l.name] = l.val
	}
	id := int64(1)
	for _, name := range slices.Sorted(maps.Keys(c.known)) {
		v := c.known[name]
		if v.get != nil {
			p.getters[name] = v.get
			continue
		}
		p.types[name] = v.typ
		p.unknowns[name] = types.NewUnknown(id, types.NewAttributeTrail(name))
		id++
	}
	entries := findings.CatalogueTypes()
	p.index = make(map[string][]*rule, len(entries))
	for _, e := range entries {
		p.index[e.Type] = p.scan(e.Type)
	}
	return p
}

// rulesFor returns the rules whose types cover typ, in file order.
func (p *Policy) rulesFor(typ string) []*rule {
	if rules, ok := p.index[typ]; ok {
		return rules
	}
	return p.scan(typ)
}

func (p *Policy) scan(typ string) []*rule {
	out := make([]*rule, 0, len(p.rules))
	for _, r := range p.rules {
		if r.mode != Off && r.covers(typ) {
			out = append(out, r)
		}
	}
	return out
}

// Digest returns the SHA-256 of the policy text in hex. It is stored with each
// decision, so that it can be told which text decided.
func (p *Policy) Digest() string { return p.digest }

// Name returns the file name given to Compile.
func (p *Policy) Name() string { return p.name }

// RequiresMFA lists the ids of the rules that ask for a second factor after a
// "yes". A configuration without an MFA provider makes those escalate.
func (p *Policy) RequiresMFA() []string {
	var ids []string
	for _, r := range p.rules {
		if r.asks() && r.inquire.spec.MFA && r.mode != Off {
			ids = append(ids, r.id)
		}
	}
	return ids
}

// clip shortens a text for a sentence, by characters.
func clip(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}
