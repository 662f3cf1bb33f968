package bot

import (
	"fmt"
	"strings"

	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/inquiries"
	"github.com/securitybot/securitybot/responders/mfa/duo"
	"github.com/securitybot/securitybot/responders/mfa/oidc"
	"github.com/securitybot/securitybot/responders/mfa/okta"
)

// proofOf sets up who is asked for second proofs; nil when nobody is.
func proofOf(c config.MFA) (inquiries.Verifier, error) {
	var v inquiries.Verifier
	var err error
	secret := func(s config.Secret) string { return strings.TrimSpace(s.Reveal()) }
	switch c.Provider {
	case "":
		return nil, nil
	case "duo":
		v, err = duo.New(duo.Config{URL: c.Duo.URL, IntegrationKey: c.Duo.IntegrationKey, SecretKey: secret(c.Duo.SecretKey)})
	case "okta":
		v, err = okta.New(okta.Config{URL: c.Okta.URL, Token: secret(c.Okta.Token)})
	case "oidc":
		o := c.OIDC
		v, err = oidc.New(oidc.Config{Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: secret(o.ClientSecret), PublicURL: o.PublicURL, Claim: o.Claim, ACR: o.ACR, AMR: o.AMR})
	default:
		err = fmt.Errorf("unknown provider %q", c.Provider)
	}
	if err != nil {
		return nil, fmt.Errorf("set up second proofs: %w", err)
	}
	return v, nil
}
