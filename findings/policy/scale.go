package policy

// Rank places a step on the scale: 0 for Suppress up to 5 for Page, and -1 for
// a step that does not exist.
func (s Step) Rank() int {
	switch s {
	case Suppress:
		return 0
	case Record:
		return 1
	case Notify:
		return 2
	case Ticket:
		return 3
	case Inquire:
		return 4
	case Page:
		return 5
	}
	return -1
}

// Valid reports whether s is one of the six steps.
func (s Step) Valid() bool { return s.Rank() >= 0 }

// Compare is negative when s means less attention than t, zero when they are
// the same, and positive when s means more.
func (s Step) Compare(t Step) int { return s.Rank() - t.Rank() }

// AllSteps lists the scale from least to most attention.
func AllSteps() []Step { return []Step{Suppress, Record, Notify, Ticket, Inquire, Page} }

// implied lists what a step brings with it: everything but suppress is also
// recorded, and a page is also shown to the security channel. A ticket or an
// inquiry tells nobody else unless the rule says so under "also".
func (s Step) implied() []Step {
	switch s {
	case Notify, Ticket, Inquire:
		return []Step{Record}
	case Page:
		return []Step{Record, Notify}
	}
	return nil
}

// stepsFor returns step, what it implies and also, in the order of the scale.
func stepsFor(step Step, also []Step) []Step {
	var has [6]bool
	has[step.Rank()] = true
	for _, s := range step.implied() {
		has[s.Rank()] = true
	}
	for _, s := range also {
		has[s.Rank()] = true
	}
	out := make([]Step, 0, 4)
	for i, s := range AllSteps() {
		if has[i] {
			out = append(out, s)
		}
	}
	return out
}
