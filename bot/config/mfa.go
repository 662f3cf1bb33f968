package config

import (
	"errors"
	"regexp"
	"strings"
)

// MFA says how a "yes" is proved where the policy wants proof. Without a
// provider nothing can be proved, and such a "yes" goes to the security team.
type MFA struct {
	Provider string `yaml:"provider"` // duo, okta or oidc; empty for none
	PerHour  int    `yaml:"per_hour"` // requests one person gets at most; a "yes" beyond goes to the security team
	Username string `yaml:"username"` // how the provider knows people: email, or local_part (what is before the @)
	Duo      Duo    `yaml:"duo"`
}

// Duo is an application of type "Auth API" in Duo's admin panel.
type Duo struct {
	URL            string `yaml:"url"`             // of the API host, such as https://api-1a2b3c4d.duosecurity.com
	IntegrationKey string `yaml:"integration_key"` // names the application
	SecretKey      Secret `yaml:"secret_key"`
}

func defaultMFA() MFA { return MFA{PerHour: 3, Username: "email"} }

// integrationKey is how Duo's integration keys look (Duo, "Auth API").
var integrationKey = regexp.MustCompile(`^DI[A-Z0-9]{18}$`)

var mfaProviders = []string{"duo"}

func (d *document) checkMFA(m MFA) {
	if !d.set("mfa") {
		return
	}
	d.required("mfa.provider", m.Provider != "", "name who is asked: "+strings.Join(mfaProviders, ", ")+"; or remove the section")
	if m.Provider != "" {
		d.oneOf("mfa.provider", m.Provider, mfaProviders...)
	}
	between(d, "mfa.per_hour", m.PerHour, 1, 20)
	d.oneOf("mfa.username", m.Username, "email", "local_part")
	for _, name := range mfaProviders {
		if path := "mfa." + name; name != m.Provider && m.Provider != "" && d.set(path) {
			d.warn(path, "%s is not used: mfa.provider is %s", path, show(m.Provider))
		}
	}
	if m.Provider == "duo" {
		d.checkDuo(m.Duo)
	}
}

func (d *document) checkDuo(c Duo) {
	d.required("mfa.duo.url", c.URL != "", "it is the API hostname of the application, such as https://api-1a2b3c4d.duosecurity.com")
	if u, ok := d.endpoint("mfa.duo.url", c.URL); ok && strings.Trim(u.Path, "/") != "" {
		d.wrong("mfa.duo.url", "mfa.duo.url has no path; give only https:// and the API hostname")
	}
	d.required("mfa.duo.integration_key", c.IntegrationKey != "", "it stands on the page of the application in Duo's admin panel")
	if c.IntegrationKey != "" && !integrationKey.MatchString(c.IntegrationKey) && !d.failed("mfa.duo.integration_key") {
		d.wrong("mfa.duo.integration_key", "mfa.duo.integration_key is DI and 18 capitals and digits, not %s", show(c.IntegrationKey))
	}
	d.mfaSecret("mfa.duo.secret_key", c.SecretKey, "it stands beside the integration key in Duo's admin panel; refer to it as ${env:NAME} or ${file:PATH}", 40)
}

// mfaSecret checks a secret of a provider; shortest is how many characters such
// a secret has at least.
func (d *document) mfaSecret(path string, s Secret, hint string, shortest int) {
	d.required(path, s.Configured(), hint)
	if !s.Configured() {
		return
	}
	s.held().validate = func(value string) error {
		switch {
		case tokenShape.MatchString(value):
			return errors.New("the reference holds a Slack token")
		case len(trimLineEnd(value)) < shortest:
			return errors.New("the reference holds something too short to be it")
		}
		return nil
	}
	d.validate(s)
}
