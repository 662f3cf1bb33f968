package policy

import (
	"net/netip"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// ownFunctions are what CEL does not have: questions about addresses, domains,
// types and ports, put so that an empty value never looks like a yes.
func ownFunctions() []cel.EnvOption {
	str, strs, ints := cel.StringType, cel.ListType(cel.StringType), cel.ListType(cel.IntType)
	tags := cel.MapType(cel.StringType, cel.StringType)
	member := func(id string, args []*cel.Type, result *cel.Type, f func(a, b ref.Val) ref.Val) cel.FunctionOpt {
		return cel.MemberOverload(id, args, result, cel.BinaryBinding(f))
	}
	return []cel.EnvOption{
		cel.Function("inAny",
			member("string_in_any_cidrs", []*cel.Type{str, cidrsType}, cel.BoolType, addressInAny),
			member("strings_in_any_cidrs", []*cel.Type{strs, cidrsType}, cel.BoolType, someAddressInAny)),
		cel.Function("allIn",
			member("strings_all_in_cidrs", []*cel.Type{strs, cidrsType}, cel.BoolType, allAddressesIn),
			member("ints_all_in_ints", []*cel.Type{ints, ints}, cel.BoolType, allIn),
			member("strings_all_in_strings", []*cel.Type{strs, strs}, cel.BoolType, allIn)),
		cel.Function("anyIn",
			member("ints_any_in_ints", []*cel.Type{ints, ints}, cel.BoolType, anyIn),
			member("strings_any_in_strings", []*cel.Type{strs, strs}, cel.BoolType, anyIn)),
		cel.Function("under",
			member("string_under_domains", []*cel.Type{str, domainsType}, cel.BoolType, domainUnder)),
		cel.Function("glob",
			member("string_glob_string", []*cel.Type{str, str}, cel.BoolType, globOne),
			member("string_glob_strings", []*cel.Type{str, strs}, cel.BoolType, globAny)),
		cel.Function("value",
			member("tags_value", []*cel.Type{tags, str}, str, tagValue)),
	}
}

// address reads a text as an address; an empty text is no address at all.
func address(v ref.Val) (a netip.Addr, empty bool, err ref.Val) {
	s := string(v.(types.String))
	if s == "" {
		return a, true, nil
	}
	a, e := netip.ParseAddr(s)
	if e != nil {
		return a, false, types.NewErr("%q is not an IP address", s)
	}
	return a, false, nil
}

func addressInAny(v, set ref.Val) ref.Val {
	a, empty, err := address(v)
	if err != nil {
		return err
	}
	return types.Bool(!empty && set.(*cidrSet).contains(a))
}

func someAddressInAny(list, set ref.Val) ref.Val {
	return overList(list, false, func(v ref.Val) ref.Val { return addressInAny(v, set) })
}

func allAddressesIn(list, set ref.Val) ref.Val {
	return overList(list, true, func(v ref.Val) ref.Val { return addressInAny(v, set) })
}

func allIn(list, set ref.Val) ref.Val {
	return overList(list, true, set.(traits.Container).Contains)
}

func anyIn(list, set ref.Val) ref.Val {
	return overList(list, false, set.(traits.Container).Contains)
}

// overList asks test for every element. With every set, all must say yes and
// there must be at least one; without, one yes is enough.
func overList(list ref.Val, every bool, test func(ref.Val) ref.Val) ref.Val {
	l := list.(traits.Lister)
	size := int(l.Size().(types.Int))
	for i := range size {
		switch v := test(l.Get(types.Int(i))).(type) {
		case types.Bool:
			if bool(v) != every {
				return types.Bool(!every)
			}
		default:
			return v
		}
	}
	return types.Bool(every && size > 0)
}

func domainUnder(name, set ref.Val) ref.Val {
	return types.Bool(set.(*domainSet).covers(string(name.(types.String))))
}

func globOne(v, pattern ref.Val) ref.Val {
	return types.Bool(newGlob(string(pattern.(types.String))).match(string(v.(types.String))))
}

func globAny(v, patterns ref.Val) ref.Val {
	return overList(patterns, false, func(p ref.Val) ref.Val { return globOne(v, p) })
}

// tagValue returns the value of a tag, or "" when there is none: a plain
// tags["x"] fails on every resource without it.
func tagValue(tags, key ref.Val) ref.Val {
	if v, ok := tags.(traits.Mapper).Find(key); ok {
		return v
	}
	return types.String("")
}
