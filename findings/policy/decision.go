package policy

import (
	"time"

	"github.com/securitybot/securitybot/findings"
)

// Step is a degree of attention. The order is the scale on which every safety
// check is phrased.
type Step string

// The steps, from least to most attention.
const (
	Suppress Step = "suppress"
	Record   Step = "record"
	Notify   Step = "notify"
	Ticket   Step = "ticket"
	Inquire  Step = "inquire"
	Page     Step = "page"
)

// Decision is what a policy says about one finding, with its reasons. It is
// stored with the case, shown in chat and printed by "policy eval". Reasons may
// quote values of the finding: show them as outside text.
//
// While Needs is not empty the decision is provisional: it is the highest
// attention that could still come out.
type Decision struct {
	Rule     string           `json:"rule"`
	Group    findings.Group   `json:"group"`
	Step     Step             `json:"step"`
	Steps    []Step           `json:"steps"` // everything that is to happen, Step included, in the order of the scale
	Degraded bool             `json:"degraded"`
	Needs    []string         `json:"needs"` // enrichments that would change or settle the decision and are not known yet
	Reasons  []string         `json:"reasons"`
	Inquire  *InquireSpec     `json:"inquire,omitempty"`
	Collect  []string         `json:"collect,omitempty"` // evidence to take, by responder id
	Say      string           `json:"say,omitempty"`     // a rule's own plain sentence
	Wants    []string         `json:"wants,omitempty"`   // look-ups to show beside the decision; nothing waits for them
	Shadow   []ShadowDecision `json:"shadow,omitempty"`
	Digest   string           `json:"digest"` // SHA-256 of the policy text, hex
}

// Input is what Decide decides about.
type Input struct {
	Finding *findings.Finding

	// Facts holds what the look-ups answered, by enrichment name: "employee" a
	// findings.Employee, "owner" a findings.Owner, the others a map with the
	// field names of the policy language. A map is accepted for all of them; a
	// field missing from it counts as not known, except for employee and owner,
	// where it is empty.
	Facts map[string]any

	// Unavailable says why a look-up will not answer, by enrichment name.
	Unavailable map[string]string

	// Now is the time of the decision. The zero time counts as later than every
	// expiry.
	Now time.Time
}

// InquireSpec says how a person is asked and what follows. Zero durations mean
// the default of the severity.
type InquireSpec struct {
	MFA       bool          `json:"mfa,omitempty"`
	Timeout   time.Duration `json:"timeout,omitempty"` // nanoseconds
	OnYes     Step          `json:"on_yes"`
	OnNo      Step          `json:"on_no"` // always page; kept for the record
	OnUnsure  Step          `json:"on_unsure"`
	OnTimeout Step          `json:"on_timeout"`
	OnMFAFail Step          `json:"on_mfa_fail"`
}

// ShadowDecision is what a rule in shadow mode would have done.
type ShadowDecision struct {
	Rule string `json:"rule"`
	Step Step   `json:"step"`
}
