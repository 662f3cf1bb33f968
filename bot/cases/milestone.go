package cases

import "time"

// Milestone is something that became of a case after it was decided. It is not
// stored with the case: the commit that stores the case plans a line of the archive
// for it.
type Milestone struct {
	Kind    string // paged, page_refused, closed
	At      time.Time
	Page    int     // paged, page_refused: the number of the page
	Why     string  // paged: in our own words
	Outcome Outcome // closed
}

// The kinds of milestone.
const (
	MilestonePaged       = "paged"
	MilestonePageRefused = "page_refused"
	MilestoneClosed      = "closed"
)

// milestone notes one, except of a drill. How a case ends that nobody had to look
// at is none: its decision says it.
func (c *Case) milestone(m Milestone) {
	quiet := m.Kind == MilestoneClosed && (m.Outcome == Suppressed || m.Outcome == Recorded || m.Outcome == Notified || m.Outcome == Drilled)
	if !quiet && !c.drill() {
		c.Milestones = append(c.Milestones, m)
	}
}
