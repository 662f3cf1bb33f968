package bot

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/commands"
)

// handlers lists the functions of this package that take what a person did in
// chat, and everywhere one of them is used by name.
func handlers(t *testing.T) (found map[string]bool, uses map[string][]string) {
	t.Helper()
	found, uses = map[string]bool{}, map[string][]string{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if fn.Recv != nil && takesGesture(fn.Type) {
				found[fn.Name.Name] = true
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					uses[s.Sel.Name] = append(uses[s.Sel.Name], fn.Name.Name)
				}
				return true
			})
		}
	}
	return found, uses
}

// takesGesture says whether a function has a parameter of what a person did and
// answers it.
func takesGesture(f *ast.FuncType) bool {
	if f.Results == nil || len(f.Results.List) == 0 || !isChat(f.Results.List[0].Type, "Reply") {
		return false
	}
	return slices.ContainsFunc(f.Params.List, func(p *ast.Field) bool { return isChat(p.Type, "Action") || isChat(p.Type, "Submission") })
}

func isChat(e ast.Expr, name string) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != name {
		return false
	}
	pkg, ok := s.X.(*ast.Ident)
	return ok && pkg.Name == "chat"
}

func nameOf(fn any) string {
	full := runtime.FuncForPC(reflect.ValueOf(fn).Pointer()).Name()
	return full[strings.LastIndexByte(full, '.')+1:]
}

// helpersOfDoors are called by the functions behind doors only, after these
// have authorised on the object.
var helpersOfDoors = map[string][]string{
	"closeCase": {"takeVerdict"}, "submitted": {"takeAction", "takeRelease"},
}

func TestNothingIsHandledOutsideTheDoors(t *testing.T) {
	t.Parallel()
	registered := map[string]bool{}
	for name, d := range buttons() {
		registered[nameOf(d.run)] = true
		if _, listed := requirements[d.act]; !listed {
			t.Errorf("button %q is the act %q, which no requirement names", name, d.act)
		}
	}
	for name, d := range dialogs() {
		registered[nameOf(d.run)] = true
		if _, listed := requirements[d.act]; !listed {
			t.Errorf("dialog %q is the act %q, which no requirement names", name, d.act)
		}
	}
	found, uses := handlers(t)
	if len(found) < 6 {
		t.Fatalf("only %d handlers were found; is the test looking in the right place?", len(found))
	}
	for name := range found {
		if name == "Action" || name == "Submit" {
			continue
		}
		if parents := helpersOfDoors[name]; parents != nil {
			if got := slices.Sorted(slices.Values(uses[name])); !slices.Equal(got, parents) {
				t.Errorf("%s is called by %v, expected %v alone", name, got, parents)
			}
			continue
		}
		if !registered[name] {
			t.Errorf("%s handles what people do, but no door leads to it", name)
		}
		for _, caller := range uses[name] {
			if !strings.HasSuffix(caller, "Doors") && !strings.HasSuffix(caller, "Buttons") && !strings.HasSuffix(caller, "Dialogs") {
				t.Errorf("%s calls %s past its door", caller, name)
			}
		}
	}
}

func TestEveryRightOfACommandIsARequirement(t *testing.T) {
	t.Parallel()
	for _, r := range commands.Rights {
		if _, listed := requirements[actOf(r)]; !listed {
			t.Errorf("the right %q leads to no requirement", r)
		}
	}
	if _, listed := requirements[actOf("burn")]; listed {
		t.Error("an unknown right leads to a requirement")
	}
}
