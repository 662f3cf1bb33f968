package config

import (
	"fmt"
	"regexp"
	"time"
)

// NLBMap is the map of ports behind network load balancers. Without regions
// there is none.
type NLBMap struct {
	Accounts []string `yaml:"accounts"` // default: those of aws_ir
	Regions  []string `yaml:"regions"`
	// Every is how often the bot reads the map anew; zero leaves that to the job
	// in deploy/terraform/nlb-map.
	Every         time.Duration `yaml:"every"`
	Fresh         time.Duration `yaml:"fresh"`          // an older map is not believed
	ListenerPorts []int         `yaml:"listener_ports"` // listeners meant for everybody
	Table         string        `yaml:"table"`          // of DynamoDB; empty keeps the map in Redis
	TableRegion   string        `yaml:"table_region"`
}

// Enabled says whether there is a map.
func (m NLBMap) Enabled() bool { return len(m.Regions) > 0 }

var tableName = regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`)

func (d *document) checkNLBMap(c *Config) {
	m := c.NLBMap
	d.each("nlb_map.accounts", m.Accounts, accountID, "an account id of 12 digits in quotes")
	d.each("nlb_map.regions", m.Regions, awsRegion, "a region such as eu-west-1")
	if m.Every != 0 {
		d.span("nlb_map.every", m.Every, time.Minute, 24*time.Hour)
	}
	d.span("nlb_map.fresh", m.Fresh, 2*time.Minute, 48*time.Hour)
	if m.Fresh < 2*m.Every && !d.failed("nlb_map.fresh") && !d.failed("nlb_map.every") {
		d.wrong("nlb_map.fresh", "nlb_map.fresh is at least twice nlb_map.every, so that one scan may fail; give %s or more", short(2*m.Every))
	}
	if len(m.ListenerPorts) == 0 && !d.failed("nlb_map.listener_ports") {
		d.wrong("nlb_map.listener_ports", "nlb_map.listener_ports is empty, so no probe would ever be explained; give ports, or leave nlb_map out")
	}
	for i, p := range m.ListenerPorts {
		between(d, fmt.Sprintf("nlb_map.listener_ports[%d]", i), p, 1, 65535)
	}
	d.checkNLBTable(m)
	if m.Enabled() && len(m.Accounts) == 0 && !c.AWSIR.Enabled() && !d.failed("nlb_map.accounts") {
		d.wrong("nlb_map.regions", "nlb_map.regions without nlb_map.accounts or aws_ir.accounts: there is no account to read; name them")
	}
	if !m.Enabled() && d.set("nlb_map") && !d.failed("nlb_map.regions") {
		d.wrong("nlb_map", "nlb_map has no regions; name the ones your load balancers are in")
	}
}

func (d *document) checkNLBTable(m NLBMap) {
	if m.Table != "" && !tableName.MatchString(m.Table) && !d.failed("nlb_map.table") {
		d.wrong("nlb_map.table", "nlb_map.table is the name of a DynamoDB table, not %s", show(m.Table))
	}
	if m.TableRegion != "" && !awsRegion.MatchString(m.TableRegion) && !d.failed("nlb_map.table_region") {
		d.wrong("nlb_map.table_region", "nlb_map.table_region is a region such as eu-west-1, not %s", show(m.TableRegion))
	}
	if (m.Table == "") != (m.TableRegion == "") && !d.failed("nlb_map.table") && !d.failed("nlb_map.table_region") {
		d.wrong("nlb_map", "nlb_map.table and nlb_map.table_region belong together; give both or none")
	}
	if m.Every == 0 && m.Table == "" && m.Enabled() && !d.failed("nlb_map.every") {
		d.wrong("nlb_map.every", "nlb_map.every is 0s, so the bot reads nothing itself, and without nlb_map.table nobody else can give it a map")
	}
}
