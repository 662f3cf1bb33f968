package rig

import (
	"fmt"

	"github.com/securitybot/securitybot/internal/fakes/duofake"
)

// ProofSecret is the bot's secret at the provider of second proofs.
const (
	duoKey      = "DIWJ8X6AEYOR5OMC6TQ1"
	ProofSecret = "Zh5eGmUq9zpfQnyUIu5OL9iWoMMv5ZNmk3zLJ4Ep"
)

// proofs adds who is asked for second proofs, if anybody is. Everybody in the
// company but Priya has set it up.
func (r *Rig) proofs(provider string) {
	if provider == "duo" {
		r.Duo = duofake.New(duoKey, ProofSecret, r.Clock.Now)
		for _, u := range []string{r.Ana.Email, r.Omar.Email, r.Mei.Email} {
			r.Duo.SetUser(duofake.User{Name: u})
		}
	}
}

func (r *Rig) closeProofs() {
	if r.Duo != nil {
		r.Duo.Close()
	}
}

// proofConfig is the line of the configuration about second proofs.
func (r *Rig) proofConfig() string {
	if r.Duo != nil {
		return fmt.Sprintf(`mfa: {provider: duo, duo: {url: "%s", integration_key: %s, secret_key: "${env:PROOF}"}}`, r.Duo.URL, duoKey)
	}
	return ""
}
