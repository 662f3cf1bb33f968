package responders

import (
	"fmt"
	"strings"
)

//go:generate go test -run TestTheReferenceIsUpToDate -update .

// Reference writes the catalogue as a page of documentation.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# What can be done about an instance

This page is made from the catalogue in [` + "`responders/catalogue.go`" + `](../responders/catalogue.go) by ` + "`go generate ./responders`" + `. The same catalogue makes the
help of ` + "`/ir`" + ` and ` + "`aws-ir`" + `, and the policies of ` + "`securitybot iam-policy --role read|acquire|contain|release|revoke`" + `.

Every action looks first and shows what it would do (preflight and plan), is approved where this page says so, acts in steps that may be repeated after a crash, reads back what it did, and leaves a manifest. Instances tagged
` + "`securitybot:protected=true`" + ` are left alone.

`)
	b.WriteString("| action | what it does | role | second person | by policy |\n|---|---|---|---|---|\n")
	for _, a := range Catalogue() {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s | %s | %s |\n", a.ID, a.ID, a.About, a.Role, yes(a.Approval), yes(a.Automatic))
	}
	for _, a := range Catalogue() {
		b.WriteString(a.reference())
	}
	return b.String()
}

func yes(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}

func (a Action) reference() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n%s. %s\n\n```\n/ir %s %s\n```\n\n", a.ID, strings.ToUpper(a.About[:1])+a.About[1:], a.Careful, a.ID, a.Example)
	if len(a.Params) > 0 {
		b.WriteString("| parameter | | values | default |\n|---|---|---|---|\n")
		for _, p := range a.Params {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.Name, p.About, p.values(), orNothing(p.Default, p.Required))
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "* When repeated: %s.\n", a.Idempotency)
	if a.OnHost {
		b.WriteString("* Runs a document of ours on the host through SSM, pinned by version and hash; the result goes to the evidence bucket.\n")
	}
	if a.Undo != "" {
		fmt.Fprintf(&b, "* Taken back by [`%s`](#%s).\n", a.Undo, a.Undo)
	}
	b.WriteString("* May change:")
	seen := map[string]bool{}
	for _, p := range a.Writes {
		for _, name := range p.Actions {
			if !seen[name] {
				fmt.Fprintf(&b, " `%s`", name)
			}
			seen[name] = true
		}
	}
	b.WriteString("\n")
	return b.String()
}

func (p Param) values() string {
	switch p.Kind {
	case Choice:
		return "`" + strings.Join(p.Options, "` `") + "`"
	case Number:
		return fmt.Sprintf("%d to %d", p.Min, p.Max)
	case Network:
		return "an address or a network"
	}
	return fmt.Sprintf("text, at most %d characters", maxWords)
}

func orNothing(v string, required bool) string {
	switch {
	case required:
		return "must be given"
	case v == "":
		return "none"
	}
	return v
}
