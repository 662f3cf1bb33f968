package thehive

import (
	"context"
	"net/http"
)

// promotion is what a case gets beyond what its alert has.
type promotion struct {
	CaseTemplate string `json:"caseTemplate,omitempty"`
}

// Promote makes a case of an alert. When it has become one already, that case
// is the answer. template names a case template of TheHive; empty uses none.
func (c *Client) Promote(ctx context.Context, alert Record, template string) (Record, error) {
	const op = "promote"
	if alert.Kind != AlertRecord {
		return alert, permanent(op, "only an alert can become a case")
	}
	alert, _, err := c.look(ctx, op, alert)
	if err != nil || alert.Case != "" {
		return alert, err
	}
	path, err := alert.path(op)
	if err != nil {
		return alert, err
	}
	var made answer
	err = c.call(ctx, op, http.MethodPost, path+"/case", promotion{CaseTemplate: line(template, maxTag)}, &made)
	if err != nil && !refused(err) {
		return alert, err
	}
	if err == nil && idForm.MatchString(made.ID) && made.ID != alert.ID {
		alert.Case, alert.Number = made.ID, made.Number
		return alert, nil
	}
	// Somebody else was faster, or the answer does not say which case it is.
	now, _, lookErr := c.look(ctx, op, alert)
	switch {
	case lookErr != nil:
		return alert, lookErr
	case now.Case != "":
		return now, nil
	case err != nil:
		return alert, err
	}
	return alert, &Error{Op: op, Class: Retry, cause: errOther}
}

// CreateCase makes a case for something that no finding stands behind, such as
// an incident somebody opened. It goes by way of an alert: TheHive keeps alerts
// unique and cases not, so only this way a repeat finds the case again, at once
// and whatever state the search index is in. The record carries the tag
// securitybot:REF.
func (c *Client) CreateCase(ctx context.Context, a Alert, template string) (Record, error) {
	alert, err := c.CreateAlert(ctx, a)
	if err != nil {
		return alert, err
	}
	return c.Promote(ctx, alert, template)
}

// Outcome is how a case ended.
type Outcome string

// The outcomes.
const (
	TruePositive  Outcome = "true positive"
	FalsePositive Outcome = "false positive"
	Benign        Outcome = "benign" // it happened and was meant to
	Duplicate     Outcome = "duplicate"
	Undecided     Outcome = "undecided"
)

// statuses are TheHive's own names, of a case and of an alert that has not become
// one (TheHive documentation, "About Case Statuses" and "About Alert
// Statuses"). An administrator may have changed them; then closing is refused.
func (o Outcome) status(k Kind) string {
	if k == AlertRecord {
		switch o {
		case FalsePositive:
			return "FalsePositive"
		case Duplicate:
			return "Duplicate"
		}
		return "Ignored"
	}
	switch o {
	case TruePositive:
		return "TruePositive"
	case FalsePositive:
		return "FalsePositive"
	case Duplicate:
		return "Duplicated"
	case Benign:
		return "Other"
	}
	return "Indeterminate"
}

// Close ends a record with a summary, at its home. One that is closed already
// is left as it is: a person's verdict is not overwritten.
func (c *Client) Close(ctx context.Context, r Record, o Outcome, summary string) (Record, error) {
	const op = "close"
	r, now, err := c.look(ctx, op, r)
	if err != nil {
		return r, err
	}
	if now.Stage == "Closed" {
		return r, nil
	}
	home := r.Home()
	path, err := home.path(op)
	if err != nil {
		return r, err
	}
	b := alertBody{Status: o.status(home.Kind), Summary: escape(summary, ourText)}
	if home.Kind == CaseRecord {
		b.ImpactStatus = "NotApplicable"
	}
	return r, c.call(ctx, op, http.MethodPatch, path, b, nil)
}

// Reopen takes a closed case up again, with the status TheHive gives to cases
// that are worked on. One that is open, and an alert, are left as they are.
func (c *Client) Reopen(ctx context.Context, r Record) (Record, error) {
	const op = "reopen"
	r, now, err := c.look(ctx, op, r)
	if err != nil || now.Stage != "Closed" || r.Home().Kind != CaseRecord {
		return r, err
	}
	path, err := r.Home().path(op)
	if err != nil {
		return r, err
	}
	return r, c.call(ctx, op, http.MethodPatch, path, alertBody{Status: "InProgress"}, nil)
}
