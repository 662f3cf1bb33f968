package config

import (
	"errors"

	"github.com/securitybot/securitybot/responders/thehive"
)

// TheHive is where cases are recorded. Without a URL nothing is.
type TheHive struct {
	URL          string `yaml:"url"`           // as in the browser
	APIKey       Secret `yaml:"api_key"`       // of a service account
	Organisation string `yaml:"organisation"`  // default: the account's own
	Marking      string `yaml:"marking"`       // TLP and PAP of everything: amber or red
	CaseTemplate string `yaml:"case_template"` // for cases made from alerts
	// UploadMiB is how large a piece of evidence may be to be uploaded. Of a larger
	// one its place and its hash are recorded; with 0, of all.
	UploadMiB int `yaml:"upload_mib"`
}

// Configured says whether records are kept at all.
func (h TheHive) Configured() bool { return h.URL != "" }

// defaultTheHive marks records amber: they name employees and hosts.
func defaultTheHive() TheHive { return TheHive{Marking: "amber", UploadMiB: 10} }

func (d *document) checkTheHive(h TheHive) {
	d.endpoint("thehive.url", h.URL)
	d.oneOf("thehive.marking", h.Marking, "amber", "red")
	between(d, "thehive.upload_mib", h.UploadMiB, 0, 50)
	for _, n := range []struct{ path, v string }{{"thehive.organisation", h.Organisation}, {"thehive.case_template", h.CaseTemplate}} {
		if n.v != "" && !thehive.IsName(n.v) && !d.failed(n.path) {
			d.wrong(n.path, "%s is a name: letters, digits, spaces and . _ @ / -, at most 128, not %s", n.path, show(n.v))
		}
	}
	switch {
	case h.URL == "" && d.set("thehive") && !d.failed("thehive.url"):
		d.wrong("thehive", "thehive.url is missing; give the address as in the browser, or remove the section to keep no records there")
	case h.URL != "" && !h.APIKey.Configured() && !d.set("thehive.api_key"):
		d.wrong("thehive", "thehive.api_key is missing; it is the key of a service account of TheHive with the profile analyst")
	}
	if h.APIKey.Configured() {
		h.APIKey.held().validate = func(value string) error {
			if tokenShape.MatchString(value) {
				return errors.New("the reference holds a Slack token, not a key of TheHive")
			}
			return nil
		}
		d.validate(h.APIKey)
	}
}
