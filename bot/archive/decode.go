package archive

import (
	"errors"
	"strconv"

	json "github.com/go-json-experiment/json/v1"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

// Why a line is left out.
var (
	errNotJSON    = errors.New("it is not a JSON object")
	errNewer      = errors.New("it was written by a newer version of the bot")
	errKind       = errors.New("it tells something this version does not know")
	errIncomplete = errors.New("it is not complete")
	errCompacted  = errors.New("the case had been put away before it was archived, and its details with it")
)

// wire is a line of any version.
type wire struct {
	Line
	Case *oldCase `json:"case"`
}

// oldCase is what version 0 kept: the case as the store had it.
type oldCase struct {
	Gen      int               `json:"g"`
	Finding  *findings.Finding `json:"f"`
	Decision *policy.Decision  `json:"d"`
	Owner    findings.Owner    `json:"ow"`
	Employee findings.Employee `json:"em"`
}

// decode reads one line of any version up to ours.
func decode(text []byte) (Line, error) {
	var w wire
	if err := json.Unmarshal(text, &w); err != nil {
		var newer struct {
			V int `json:"v"`
		}
		if json.Unmarshal(text, &newer) == nil && newer.V > Version {
			return Line{}, errNewer // it may mean something else by the same names
		}
		return Line{}, errNotJSON
	}
	switch {
	case w.V > Version:
		return Line{}, errNewer
	case w.V == 0 && w.Case != nil:
		return w.old()
	case w.V != Version || w.CaseID == "" || w.ID == "" || w.At.IsZero():
		return Line{}, errIncomplete
	}
	l := w.Line
	complete := false
	switch l.Kind {
	case Decided:
		complete = l.Finding != nil && l.Decision != nil && l.Decision.Step.Valid()
	case Asked, NotAsked, Answered:
		complete = l.Question != nil
	case Paged, PageRefused:
		complete = l.Page != nil
	case Closed:
		complete = l.Outcome != ""
	default:
		return Line{}, errKind
	}
	if !complete {
		return Line{}, errIncomplete
	}
	return l, nil
}

// old turns a line of version 0 into a decision. Of the facts it has the person
// and the owner, and those only where people were told; its time is when it was
// written, moments after the decision.
func (w wire) old() (Line, error) {
	c := w.Case
	switch {
	case w.CaseID == "" || w.At.IsZero():
		return Line{}, errIncomplete
	case c.Decision == nil || c.Finding == nil:
		return Line{}, errCompacted
	case !c.Decision.Step.Valid():
		return Line{}, errIncomplete
	}
	known := map[string]any{}
	if c.Employee.Known || c.Employee.Why != "" {
		known["employee"] = c.Employee
	}
	if c.Owner.Why != "" && c.Finding.Kind != findings.KindAnnouncement {
		known["owner"] = c.Owner
	}
	l := OfDecision(c.Finding, *c.Decision, known, nil, w.At)
	l.ID, l.CaseID, l.Ref = w.CaseID+"/"+strconv.Itoa(c.Gen)+"/archive", w.CaseID, refOf(w.CaseID)
	return l, nil
}

// refOf is what people call a case.
func refOf(id string) string { return "SB-" + id[:min(len(id), 8)] }
