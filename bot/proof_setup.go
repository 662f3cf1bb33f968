package bot

import (
	"fmt"
	"strings"

	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/inquiries"
	"github.com/securitybot/securitybot/responders/mfa/duo"
)

// proofOf sets up who is asked for second proofs; nil when nobody is.
func proofOf(c config.MFA) (inquiries.Verifier, error) {
	switch c.Provider {
	case "":
		return nil, nil
	case "duo":
		v, err := duo.New(duo.Config{URL: c.Duo.URL, IntegrationKey: c.Duo.IntegrationKey, SecretKey: strings.TrimSpace(c.Duo.SecretKey.Reveal())})
		if err != nil {
			return nil, fmt.Errorf("set up second proofs: %w", err)
		}
		return v, nil
	}
	return nil, fmt.Errorf("set up second proofs: unknown provider %q", c.Provider)
}
