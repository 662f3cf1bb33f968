package policy

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	yamlast "github.com/goccy/go-yaml/ast"
)

// Limits of one expression. A rule of ordinary size costs 2 to 25 units.
const (
	maxExpression = 4096 // characters
	maxRegexSize  = 1000 // instructions of a compiled regular expression
	costLimit     = 100_000
)

// condition is a compiled expression.
type condition struct {
	source  string      // on one line, for people
	program cel.Program // the fast one
	traced  cel.Program // keeps the value of every node, for explanations
	ast     *cel.Ast
	reads   []string // variables it reads, in alphabetical order
	rawAll  bool     // uses all() on a list, which is true when the list is empty
	rawTag  bool     // reads a tag in a way that fails when there is none
}

func newEnvironment(vars []variable, lists []*namedList) (*cel.Env, error) {
	opts := []cel.EnvOption{
		cel.CrossTypeNumericComparisons(true),
		cel.EnableMacroCallTracking(), // so that what remains of a loop can be shown
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ASTValidators(
			cel.ValidateRegexLiterals(),
			cel.ValidateDurationLiterals(),
			cel.ValidateTimestampLiterals(),
			cel.ValidateComprehensionNestingLimit(2),
			cel.ValidateRegexProgramSizeLimit(maxRegexSize),
		),
	}
	opts = append(opts, ownFunctions()...)
	for _, v := range vars {
		opts = append(opts, cel.Variable(v.name, v.typ))
	}
	for _, l := range lists {
		opts = append(opts, cel.Variable("lists."+l.name, l.typ))
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, fmt.Errorf("build the expression environment: %w", err)
	}
	return env, nil
}

// expression compiles the CEL text in n, or reports where it is wrong.
func (c *compiler) expression(n yamlast.Node, what string) *condition {
	source, ok := c.doc.text(n, what)
	if !ok {
		return nil
	}
	checked, issues := c.env.Compile(source)
	if issues != nil && issues.Err() != nil {
		for _, e := range issues.Errors() {
			line, col := c.doc.locate(n, source, e.Location.Line(), e.Location.Column())
			c.doc.add(line, col, "%s: %s", what, c.plainMessage(e.Message))
		}
		return nil
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		c.doc.at(n, "%s is a condition: it must be true or false, not a value of type %s", what, checked.OutputType())
		return nil
	}
	cond := &condition{source: strings.Join(strings.Fields(source), " "), ast: checked}
	c.inspect(cond)
	if err := cond.plan(c.env); err != nil {
		c.doc.at(n, "%s: %s", what, err)
		return nil
	}
	return cond
}

// plan makes the two programs. Only loops and regular expressions can cost more
// than their own length, so only they are metered.
func (cond *condition) plan(env *cel.Env) error {
	var limit []cel.ProgramOption
	if loops(cond.ast.NativeRep().Expr()) {
		limit = append(limit, cel.CostLimit(costLimit))
	}
	var err error
	if cond.program, err = env.Program(cond.ast, append(limit, cel.EvalOptions(cel.OptOptimize))...); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	if cond.traced, err = env.Program(cond.ast, append(limit, cel.EvalOptions(cel.OptTrackState))...); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	return nil
}

func loops(root ast.Expr) bool {
	found := false
	ast.PostOrderVisit(root, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.ComprehensionKind || (e.Kind() == ast.CallKind && e.AsCall().FunctionName() == "matches") {
			found = true
		}
	}))
	return found
}

// inspect notes what the expression reads.
func (c *compiler) inspect(cond *condition) {
	refs := cond.ast.NativeRep().ReferenceMap()
	for _, r := range refs {
		if list, ok := strings.CutPrefix(r.Name, "lists."); ok {
			for _, l := range c.lists {
				l.used = l.used || l.name == list
			}
		}
		if _, ok := c.known[r.Name]; ok && !slices.Contains(cond.reads, r.Name) {
			cond.reads = append(cond.reads, r.Name)
		}
	}
	slices.Sort(cond.reads)
	for _, macro := range cond.ast.NativeRep().SourceInfo().MacroCalls() {
		if macro.Kind() == ast.CallKind && macro.AsCall().FunctionName() == operators.All {
			cond.rawAll = true
		}
	}
	ast.PostOrderVisit(cond.ast.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		isIndex := e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.Index
		isField := e.Kind() == ast.SelectKind && !e.AsSelect().IsTestOnly()
		if _, isVariable := refs[e.ID()]; isField && isVariable {
			isField = false
		}
		if isIndex && cond.ast.NativeRep().GetType(e.AsCall().Args()[0].ID()).Kind() != types.MapKind {
			isIndex = false
		}
		cond.rawTag = cond.rawTag || isIndex || isField
	}))
}

// enrichments lists the look-ups the expression reads.
func (cond *condition) enrichments() []string {
	var out []string
	for _, name := range cond.reads {
		if e := (variable{name: name}).enrichment(); e != "" && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

// plainMessage makes a message of CEL readable for people who do not know it.
func (c *compiler) plainMessage(msg string) string {
	if i := strings.Index(msg, " expecting {"); i >= 0 {
		msg = msg[:i]
	}
	msg = strings.ReplaceAll(msg, "'<EOF>'", "the end of the expression")
	msg = strings.ReplaceAll(msg, "<EOF>", "the end of the expression")
	name, ok := strings.CutPrefix(msg, "undeclared reference to '")
	if ok && !strings.Contains(msg, "did you mean") {
		name, _, _ = strings.Cut(name, "'")
		switch name {
		case "employee", "owner", "resource", "network", "by_ip", "api_calls", "finding", "principal", "instance", "lists":
			return msg + "; name one of its fields, and test a truth value directly, without has()"
		}
		return msg + didYouMean(name, c.names())
	}
	if strings.Contains(msg, "no matching overload for 'inAny'") || strings.Contains(msg, "no matching overload for 'under'") {
		msg += "; it takes a named list of kind cidrs or domains"
	}
	return msg
}
