package thehivefake

import (
	"slices"
	"time"
)

// Alert is an alert as the fake keeps it.
type Alert struct {
	ID, Type, Source, SourceRef, Title, Description string
	Severity, TLP, PAP                              int
	Date                                            int64
	Tags                                            []string
	ExternalLink, Status, Stage, Summary, CaseID    string
	Observables                                     []Observable
	Comments                                        []Comment
	Attachments                                     []Attachment
	Organisation                                    string
	Created                                         time.Time
}

// Case is a case as the fake keeps it.
type Case struct {
	ID                                             string
	Number                                         int
	Title, Description                             string
	Severity, TLP, PAP                             int
	Tags                                           []string
	Status, Stage, Summary, ImpactStatus, Template string
	Observables                                    []Observable
	Comments                                       []Comment
	Attachments                                    []Attachment
	Organisation                                   string
	Created                                        time.Time
}

// Observable is an observable of an alert or a case.
type Observable struct {
	ID, DataType, Data, Message string
	Tags                        []string
	TLP, PAP                    int
	IOC, Sighted                bool
}

// Comment is a comment on an alert or a case.
type Comment struct {
	ID, Message, By string
	At              time.Time
}

// Attachment is a file of an alert or a case.
type Attachment struct {
	ID, Name, ContentType, SHA256 string
	Data                          []byte
}

// Call is one request as it arrived.
type Call struct {
	Op      string // such as createAlert, promote, comment, query
	Method  string
	Path    string
	Status  int // answered; 0 when no answer was given
	Problem string
	At      time.Time
}

// Snapshot is everything TheHive holds at one moment.
type Snapshot struct {
	Alerts []Alert
	Cases  []Case
	Calls  []Call
}

// Alert returns the alert with a source reference.
func (s Snapshot) Alert(ref string) (Alert, bool) {
	i := slices.IndexFunc(s.Alerts, func(a Alert) bool { return a.SourceRef == ref })
	if i < 0 {
		return Alert{}, false
	}
	return s.Alerts[i], true
}

// Case returns the case that the alert with a source reference became.
func (s Snapshot) Case(ref string) (Case, bool) {
	a, ok := s.Alert(ref)
	i := slices.IndexFunc(s.Cases, func(c Case) bool { return ok && c.ID == a.CaseID })
	if i < 0 {
		return Case{}, false
	}
	return s.Cases[i], true
}

// Count returns how many calls of an operation were answered with a success.
func (s Snapshot) Count(op string) int {
	n := 0
	for _, c := range s.Calls {
		if c.Op == op && c.Status >= 200 && c.Status < 300 {
			n++
		}
	}
	return n
}

// holder is what alerts and cases have in common.
type holder struct {
	observables *[]Observable
	comments    *[]Comment
	attachments *[]Attachment
}

func (a *Alert) holder() holder { return holder{&a.Observables, &a.Comments, &a.Attachments} }
func (c *Case) holder() holder  { return holder{&c.Observables, &c.Comments, &c.Attachments} }

func (h holder) find(dataType, data string) *Observable {
	for i, o := range *h.observables {
		if o.DataType == dataType && o.Data == data {
			return &(*h.observables)[i]
		}
	}
	return nil
}

// alertStages and caseStages are the statuses of a new installation and the
// stage each belongs to.
func alertStages() map[string]string {
	return map[string]string{"New": "New", "InProgress": "InProgress", "Pending": "InProgress", "Imported": "Imported",
		"Duplicate": "Closed", "FalsePositive": "Closed", "Ignored": "Closed"}
}

func caseStages() map[string]string {
	return map[string]string{"New": "New", "InProgress": "InProgress", "Indeterminate": "Closed", "FalsePositive": "Closed",
		"TruePositive": "Closed", "Other": "Closed", "Duplicated": "Closed"}
}

// clone copies a snapshot's lists deeply enough that later changes do not show.
func cloneAlert(a *Alert) Alert {
	b := *a
	b.Tags, b.Observables, b.Comments, b.Attachments = slices.Clone(a.Tags), slices.Clone(a.Observables), slices.Clone(a.Comments), slices.Clone(a.Attachments)
	return b
}

func cloneCase(c *Case) Case {
	d := *c
	d.Tags, d.Observables, d.Comments, d.Attachments = slices.Clone(c.Tags), slices.Clone(c.Observables), slices.Clone(c.Comments), slices.Clone(c.Attachments)
	return d
}
