package policy

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Lists of networks and of domains are types of their own: "in" does not apply
// to them, so comparing an address with the text of a network is a compile
// error and not a rule that never matches.
var (
	cidrsType   = cel.OpaqueType("cidrs")
	domainsType = cel.OpaqueType("domains")
)

// cidrSet is a set of networks, looked up by masking once per prefix length.
type cidrSet struct {
	v4, v6 map[netip.Prefix]struct{}
	bits4  []int
	bits6  []int
}

func (s *cidrSet) add(p netip.Prefix) {
	set, bits := &s.v4, &s.bits4
	if p.Addr().Is6() {
		set, bits = &s.v6, &s.bits6
	}
	if *set == nil {
		*set = map[netip.Prefix]struct{}{}
	}
	(*set)[p] = struct{}{}
	for _, b := range *bits {
		if b == p.Bits() {
			return
		}
	}
	*bits = append(*bits, p.Bits())
}

func (s *cidrSet) contains(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	set, bits := s.v4, s.bits4
	if a.Is6() {
		set, bits = s.v6, s.bits6
	}
	for _, b := range bits {
		if p, err := a.Prefix(b); err == nil {
			if _, ok := set[p]; ok {
				return true
			}
		}
	}
	return false
}

// domainSet is a set of domains; a name is in it when it or a parent is.
type domainSet struct{ names map[string]bool }

func (s *domainSet) covers(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for name != "" {
		if s.names[name] {
			return true
		}
		_, parent, ok := strings.Cut(name, ".")
		if !ok {
			return false
		}
		name = parent
	}
	return false
}

// The methods below make both sets values of CEL.

func (s *cidrSet) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("a list of networks is not a %v", t)
}

func (s *cidrSet) ConvertToType(ref.Type) ref.Val {
	return types.NewErr("a list of networks cannot be converted")
}
func (s *cidrSet) Equal(other ref.Val) ref.Val { return types.Bool(ref.Val(s) == other) }
func (s *cidrSet) Type() ref.Type              { return cidrsType }
func (s *cidrSet) Value() any                  { return s }

func (s *domainSet) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("a list of domains is not a %v", t)
}

func (s *domainSet) ConvertToType(ref.Type) ref.Val {
	return types.NewErr("a list of domains cannot be converted")
}
func (s *domainSet) Equal(other ref.Val) ref.Val { return types.Bool(ref.Val(s) == other) }
func (s *domainSet) Type() ref.Type              { return domainsType }
func (s *domainSet) Value() any                  { return s }
