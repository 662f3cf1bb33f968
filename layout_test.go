package securitybot_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/securitybot/securitybot"

// floors is the house from top to bottom. A package imports only from floors
// below its own; packages on one floor do not know each other. "x/*" is
// everything below x.
var floors = [][]string{
	{"cmd/*"},
	{"bot"},
	{"bot/replay", "bot/report"},
	{"bot/chat", "bot/cases", "bot/config", "bot/incidents", "bot/archive"},
	{"commands"},
	{"inquiries", "responders/*"},
	{"responders"},
	{"findings/intake", "findings/policy", "findings/enrich", "findings/lookup", "internal/store", "internal/awsrole"},
	{"findings", "internal/message", "internal/failpoint", "internal/audit", "internal/proof", "internal/firstgc"},
}

// doubles stand in for outside systems. They import nothing of ours but what they
// share.
var doubles = []string{"internal/fakes/*", "internal/redistest", "internal/nodetest"}

// worlds put the whole bot together with doubles, for scenarios, the demo and
// measurements.
var worlds = []string{"internal/rig", "internal/bench", "internal/bench/*", "internal/crash", "bot/archive/archivetest"}

// data holds files that are part of a program. It imports nothing of ours.
var data = []string{"deploy"}

// clients lists the modules that only one package may use, with that package:
// everything else goes through it. Tests and doubles are free.
var clients = map[string]string{
	"github.com/slack-go/slack":         "bot/chat",
	"github.com/PagerDuty/go-pagerduty": "responders/pagerduty",
	"github.com/redis/go-redis":         "internal/store",
	"cel.dev/cel-go":                    "findings/policy",
}

// arrow is one import: the package from, in a test file or not, imports to.
// Packages of this module are named by their directory.
type arrow struct {
	from, to string
	test     bool
}

// objection says why an arrow is not allowed, or nothing.
func objection(a arrow) string {
	if owner := clientOwner(a.to); owner != "" {
		if a.from != owner && !a.test && !among(worlds, a.from) && !among(doubles, a.from) {
			return "only " + owner + " uses it"
		}
		if owner == "bot/chat" && among(doubles, a.from) && !a.test {
			return "the double of a service does not share code with its client"
		}
		return ""
	}
	if strings.Contains(a.to, ".") || a.from == a.to || a.from == "" && a.test {
		return ""
	}
	from, to := floorOf(a.from), floorOf(a.to)
	switch {
	case among(data, a.to):
		return unless(from == 0 || a.test, "only programs use "+a.to)
	case among(doubles, a.to):
		own := among(doubles, a.from) && (strings.HasPrefix(a.to, a.from+"/") || a.to == "internal/fakes/wire")
		return unless(own || a.test || among(worlds, a.from) || a.from == "cmd/securitybot-demo", "doubles are for tests and the demo")
	case among(worlds, a.to):
		own := strings.HasPrefix(a.to, a.from+"/") || strings.HasPrefix(a.from, a.to+"/")
		return unless(own || a.test || a.from == "cmd/securitybot-demo", "worlds are for tests and the demo")
	case to < 0:
		return a.to + " has no floor; give it one in layout_test.go"
	case among(worlds, a.from):
		return ""
	case among(doubles, a.from), among(data, a.from):
		return unless(a.test && a.to == "findings", "doubles and data import nothing of ours")
	case from < 0:
		return a.from + " has no floor; give it one in layout_test.go"
	case from == to:
		return "they are on one floor"
	}
	return unless(from < to, "arrows point downward")
}

func unless(ok bool, why string) string {
	if ok {
		return ""
	}
	return why
}

// clientOwner returns the package that owns an outside module, or "".
func clientOwner(path string) string {
	for name, owner := range clients {
		if path == name || strings.HasPrefix(path, name+"/") {
			return owner
		}
	}
	return ""
}

func floorOf(dir string) int {
	return slices.IndexFunc(floors, func(f []string) bool { return among(f, dir) })
}

func among(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		below, isTree := strings.CutSuffix(p, "*")
		return dir == p || (isTree && strings.HasPrefix(dir, below))
	})
}

// arrows reads every import of every Go file below the current directory,
// whatever its build tags.
func arrows(t *testing.T) []arrow {
	t.Helper()
	var out []arrow
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := e.Name(); e.IsDir() && path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "bin") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), ".")
		for _, spec := range f.Imports {
			to, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			first, _, _ := strings.Cut(to, "/")
			ours, isOurs := strings.CutPrefix(to, module+"/")
			if isOurs {
				to = ours
			} else if !strings.Contains(first, ".") {
				continue // the standard library
			}
			out = append(out, arrow{from: dir, to: to, test: strings.HasSuffix(path, "_test.go")})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryArrowPointsDownward(t *testing.T) {
	t.Parallel()
	all := arrows(t)
	ours := 0
	for _, a := range all {
		if !strings.Contains(a.to, ".") {
			ours++
		}
		if why := objection(a); why != "" {
			t.Errorf("%s imports %s: %s", a.from, a.to, why)
		}
	}
	if ours < 20 {
		t.Errorf("only %d imports between our packages were seen; is the test looking in the right place?", ours)
	}
}

func TestForbiddenArrowsAreRefused(t *testing.T) {
	t.Parallel()
	forbidden := []arrow{
		{from: "findings", to: "internal/message"},
		{from: "findings", to: "findings/policy"},
		{from: "findings", to: "findings/policy", test: true},
		{from: "findings/policy", to: "findings/enrich"},
		{from: "findings/policy", to: "internal/store"},
		{from: "inquiries", to: "responders/pagerduty"},
		{from: "inquiries", to: "commands"},
		{from: "responders/pagerduty", to: "responders/thehive"},
		{from: "commands", to: "bot/chat"},
		{from: "bot/chat", to: "bot/cases"},
		{from: "bot/config", to: "bot"},
		{from: "bot", to: "cmd/securitybot"},
		{from: "bot", to: "deploy"},
		{from: "bot", to: "internal/fakes/slackfake"},
		{from: "bot", to: "internal/rig"},
		{from: "cmd/securitybot", to: "internal/fakes/slackfake"},
		{from: "cmd/securitybot", to: "internal/rig"},
		{from: "internal/fakes/slackfake", to: "internal/message"},
		{from: "internal/fakes/slackfake", to: "internal/fakes/sqsfake"},
		{from: "internal/fakes/slackfake", to: "github.com/slack-go/slack"},
		{from: "internal/message", to: "internal/failpoint"},
		{from: "bot", to: "github.com/slack-go/slack/socketmode"},
		{from: "bot", to: "github.com/redis/go-redis/v9"},
		{from: "commands", to: "newcomer"},
		{from: "newcomer", to: "findings"},
	}
	for _, a := range forbidden {
		if objection(a) == "" {
			t.Errorf("%s may import %s (test file: %v)", a.from, a.to, a.test)
		}
	}
	allowed := []arrow{
		{from: "cmd/securitybot", to: "bot"}, {from: "cmd/securitybot", to: "deploy"}, {from: "cmd/securitybot-demo", to: "internal/rig"},
		{from: "bot", to: "findings"}, {from: "bot/chat", to: "github.com/slack-go/slack/socketmode"}, {from: "bot", to: "internal/rig", test: true},
		{from: "responders/pagerduty", to: "internal/fakes/pagerdutyfake", test: true}, {from: "internal/fakes/slackfake", to: "github.com/slack-go/slack", test: true},
		{from: "internal/fakes/slackfake", to: "internal/fakes/slackfake/blockkit"}, {from: "findings/intake", to: "internal/failpoint"},
	}
	for _, a := range allowed {
		if why := objection(a); why != "" {
			t.Errorf("%s may not import %s: %s", a.from, a.to, why)
		}
	}
}
