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
	Okta     Okta   `yaml:"okta"`
	OIDC     OIDC   `yaml:"oidc"`
}

// Okta is an organisation whose Okta Verify pushes are used.
type Okta struct {
	URL   string `yaml:"url"`   // of the organisation, such as https://corp.okta.com
	Token Secret `yaml:"token"` // may read users and verify their factors
}

// OIDC is the company's own sign-in, done once more in the browser.
type OIDC struct {
	Issuer       string   `yaml:"issuer"`
	ClientID     string   `yaml:"client_id"`
	ClientSecret Secret   `yaml:"client_secret"`
	Claim        string   `yaml:"claim"`      // of the ID token that names the person
	ACR          []string `yaml:"acr"`        // authentication contexts that count; empty leaves that to the provider
	AMR          []string `yaml:"amr"`        // methods that all must have been used
	PublicURL    string   `yaml:"public_url"` // where browsers reach the bot, through whatever ends TLS
	Listen       string   `yaml:"listen"`     // where the bot listens for it
}

// Duo is an application of type "Auth API" in Duo's admin panel.
type Duo struct {
	URL            string `yaml:"url"`             // of the API host, such as https://api-1a2b3c4d.duosecurity.com
	IntegrationKey string `yaml:"integration_key"` // names the application
	SecretKey      Secret `yaml:"secret_key"`
}

func defaultMFA() MFA {
	return MFA{PerHour: 3, Username: "email", OIDC: OIDC{Claim: "email", Listen: "127.0.0.1:8480"}}
}

// integrationKey is how Duo's integration keys look (Duo, "Auth API").
var integrationKey = regexp.MustCompile(`^DI[A-Z0-9]{18}$`)

var mfaProviders = []string{"duo", "okta", "oidc"}

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
	switch m.Provider {
	case "duo":
		d.checkDuo(m.Duo)
	case "okta":
		d.required("mfa.okta.url", m.Okta.URL != "", "it is the address of the organisation, such as https://corp.okta.com")
		d.bareHost("mfa.okta.url", m.Okta.URL)
		d.mfaSecret("mfa.okta.token", m.Okta.Token, "make one in Okta for a service account; refer to it as ${env:NAME} or ${file:PATH}", 20)
	case "oidc":
		d.checkOIDC(m)
	}
}

// bareHost checks an address that has nothing behind the host.
func (d *document) bareHost(path, v string) {
	if u, ok := d.endpoint(path, v); ok && strings.Trim(u.Path, "/") != "" {
		d.wrong(path, "%s has no path; give only https:// and the host", path)
	}
}

// claimName is how claims that name a person are called.
var claimName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_:/.-]{0,99}$`)

func (d *document) checkOIDC(m MFA) {
	c := m.OIDC
	d.required("mfa.oidc.issuer", c.Issuer != "", "it is what stands in front of /.well-known/openid-configuration at the provider")
	d.endpoint("mfa.oidc.issuer", c.Issuer)
	d.required("mfa.oidc.client_id", c.ClientID != "", "register SecurityBot at the provider as a web application")
	d.mfaSecret("mfa.oidc.client_secret", c.ClientSecret, "the provider shows it when the application is registered; refer to it as ${env:NAME} or ${file:PATH}", 8)
	d.required("mfa.oidc.public_url", c.PublicURL != "", "it is where employees' browsers reach the bot, such as https://securitybot.corp.example")
	if u, ok := d.endpoint("mfa.oidc.public_url", c.PublicURL); ok && (u.Scheme != "https" || u.Port() != "") {
		d.wrong("mfa.oidc.public_url", "mfa.oidc.public_url is https without a port: messages link to nothing else")
	}
	if c.Listen == "" {
		d.wrong("mfa.oidc.listen", "mfa.oidc.listen is empty; give host:port, such as 127.0.0.1:8480")
	} else if !d.failed("mfa.oidc.listen") {
		d.hostPort("mfa.oidc.listen", c.Listen)
	}
	if !claimName.MatchString(c.Claim) && !d.failed("mfa.oidc.claim") {
		d.wrong("mfa.oidc.claim", "mfa.oidc.claim is the name of a claim, such as email or preferred_username, not %s", show(c.Claim))
	}
	if c.Claim == "email" && m.Username == "local_part" {
		d.wrong("mfa.username", "mfa.username: local_part does not fit mfa.oidc.claim: email, which holds the whole address")
	}
	d.unique("mfa.oidc.acr", c.ACR)
	d.unique("mfa.oidc.amr", c.AMR)
}

func (d *document) checkDuo(c Duo) {
	d.required("mfa.duo.url", c.URL != "", "it is the API hostname of the application, such as https://api-1a2b3c4d.duosecurity.com")
	d.bareHost("mfa.duo.url", c.URL)
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
