package config

import "time"

// Sweep compares GuardDuty's own list with what is known here. Without regions
// there is none.
type Sweep struct {
	// Accounts are asked; default: those of aws_ir. A delegated administrator's
	// GuardDuty holds the findings of its members, so that its account alone is
	// enough.
	Accounts []string      `yaml:"accounts"`
	Regions  []string      `yaml:"regions"`
	Every    time.Duration `yaml:"every"`
	Window   time.Duration `yaml:"window"` // findings updated in it are compared
}

// Enabled says whether there is a sweep.
func (s Sweep) Enabled() bool { return len(s.Regions) > 0 }

// defaultSweep looks back over a long weekend.
func defaultSweep() Sweep { return Sweep{Every: 15 * time.Minute, Window: 72 * time.Hour} }

func (d *document) checkSweep(c *Config) {
	s := c.Sweep
	d.each("sweep.accounts", s.Accounts, accountID, "an account id of 12 digits in quotes")
	d.each("sweep.regions", s.Regions, awsRegion, "a region such as eu-west-1")
	d.span("sweep.every", s.Every, 5*time.Minute, 24*time.Hour)
	// GuardDuty keeps findings for 90 days; cases are remembered for 100.
	d.span("sweep.window", s.Window, time.Hour, 90*24*time.Hour)
	if s.Window < 2*s.Every && !d.failed("sweep.window") && !d.failed("sweep.every") {
		d.wrong("sweep.window", "sweep.window is at least twice sweep.every, so that nothing falls between two sweeps; give %s or more", short(2*s.Every))
	}
	switch {
	case s.Enabled() && len(s.Accounts) == 0 && !c.AWSIR.Enabled() && !d.failed("sweep.accounts"):
		d.wrong("sweep.regions", "sweep.regions without sweep.accounts or aws_ir.accounts: there is no account to ask; name them")
	case !s.Enabled() && d.set("sweep") && !d.failed("sweep.regions"):
		d.wrong("sweep", "sweep has no regions; name those in which GuardDuty is on")
	}
}
