package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

// evaluation decides about one finding after the other.
type evaluation struct {
	policy  *policy.Policy
	context map[string]any // answers of look-ups by name
	now     time.Time
	expect  policy.Step // empty expects nothing
	show    func(file string, r result)

	decided, unusable, unexpected int
}

// result is what is said about one document: a decision or an error.
type result struct {
	decision *decision
	problem  *problem
}

// decision is the JSON form of a decision, a contract with scripts.
type decision struct {
	FindingID string         `json:"finding_id"`
	Type      string         `json:"type"`
	Account   string         `json:"account"`
	Region    string         `json:"region"`
	Severity  float64        `json:"severity"`
	Group     findings.Group `json:"group"`
	Rule      string         `json:"rule"`
	Step      policy.Step    `json:"step"`
	Steps     []policy.Step  `json:"steps"`
	Degraded  bool           `json:"degraded"`
	Needs     []string       `json:"needs"` // look-ups that were wanted and not in the context
	Reasons   []string       `json:"reasons"`
}

// problem is the JSON form of a document that cannot be used.
type problem struct {
	Error string `json:"error"`
	Line  int    `json:"line"`
}

func (e *evaluation) item(file string, i findings.Item) {
	if i.Err != nil {
		e.unusable++
		e.show(file, result{problem: &problem{Error: i.Err.Error(), Line: i.Line}})
		return
	}
	d := e.decide(i.Finding)
	e.decided++
	if e.expect != "" && d.Step != e.expect {
		e.unexpected++
	}
	e.show(file, result{decision: d})
}

// decide asks the policy as the bot does: whatever it wants is looked up in the
// context, or is unavailable, until it wants nothing more.
func (e *evaluation) decide(f *findings.Finding) *decision {
	in := policy.Input{Finding: f, Facts: map[string]any{}, Unavailable: map[string]string{}, Now: e.now}
	needs := []string{}
	d := e.policy.Decide(in)
	for range len(policy.Enrichments()) + 1 {
		if len(d.Needs) == 0 {
			break
		}
		for _, name := range d.Needs {
			if !e.answer(&in, name) {
				needs = append(needs, name)
			}
		}
		d = e.policy.Decide(in)
	}
	return &decision{
		FindingID: f.ID, Type: f.Type, Account: f.Account, Region: f.Region, Severity: f.Severity, Group: d.Group,
		Rule: d.Rule, Step: d.Step, Steps: slices.Concat([]policy.Step{}, d.Steps), Degraded: d.Degraded,
		Needs: needs, Reasons: slices.Concat([]string{}, d.Reasons),
	}
}

// answer puts what the context says about a look-up into in, and reports whether
// it says anything.
func (e *evaluation) answer(in *policy.Input, name string) bool {
	fact, given := e.context[name]
	switch {
	case !given:
		in.Unavailable[name] = "not in the context"
	case fact == nil || fact == "unavailable":
		in.Unavailable[name] = "the context says so"
	default:
		in.Facts[name] = fact
	}
	return given
}

// verdict is the answer of the whole run.
func (e *evaluation) verdict() error {
	switch {
	case e.unexpected > 0:
		return negative(fmt.Errorf("%d of %s: not %q as expected", e.unexpected, count(e.decided, "decision"), e.expect))
	case e.unusable > 0:
		return negative(fmt.Errorf("%s could not be used", count(e.unusable, "document")))
	case e.decided == 0:
		return negative(errors.New("there was no finding"))
	}
	return nil
}

func jsonTo(w io.Writer) func(string, result) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return func(_ string, r result) {
		if r.problem != nil {
			_ = enc.Encode(r.problem)
			return
		}
		_ = enc.Encode(r.decision)
	}
}

func textTo(w io.Writer) func(string, result) {
	return func(file string, r result) {
		if r.problem != nil {
			fmt.Fprintf(w, "%s:%d: not usable: %s\n", printable(file), r.problem.Line, printable(r.problem.Error))
			return
		}
		d := r.decision
		fmt.Fprintf(w, "%s  %s  account %s, %s, severity %.1f, group %s, id %s\n", strings.ToUpper(string(d.Step)), printable(d.Type),
			printable(orNone(d.Account)), printable(orNone(d.Region)), d.Severity, d.Group, printable(d.FindingID))
		fmt.Fprintf(w, "    rule %s, steps %s\n", d.Rule, joinSteps(d.Steps))
		for _, reason := range d.Reasons {
			fmt.Fprintf(w, "    %s\n", printable(reason))
		}
		if d.Degraded {
			fmt.Fprintln(w, "    degraded: something that matters is not known, so attention was not lowered")
		}
		if len(d.Needs) > 0 {
			fmt.Fprintf(w, "    wanted and not in the context: %s\n", strings.Join(d.Needs, ", "))
		}
	}
}

func orNone(s string) string {
	if s == "" {
		return "not known"
	}
	return s
}

func joinSteps(steps []policy.Step) string {
	words := make([]string, len(steps))
	for i, s := range steps {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}
