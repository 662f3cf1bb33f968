package bot

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/responders/thehive"
)

// hiveOf sets up where cases are recorded; nil when they are not.
func hiveOf(c config.TheHive) (*thehive.Client, error) {
	if !c.Configured() {
		return nil, nil
	}
	marking := thehive.Amber
	if c.Marking == "red" {
		marking = thehive.Red
	}
	h, err := thehive.New(thehive.Config{URL: c.URL, APIKey: c.APIKey.Reveal(), Organisation: c.Organisation, Marking: marking, MaxFile: int64(c.UploadMiB) << 20})
	if err != nil {
		return nil, fmt.Errorf("set up TheHive: %w", err)
	}
	return h, nil
}

// ownNames are what messages show as it is: the company's domains, and the names
// its employees are known by.
func ownNames(cfg *config.Config) chat.Own {
	out := chat.Own{Domains: slices.Concat(cfg.Enrich.Domains, cfg.Lookups.OwnDomains)}
	for _, p := range cfg.Enrich.People {
		out.Names = append(append(append(out.Names, p.Email), p.Addresses...), p.Principals...)
	}
	return out
}

// linkHosts are the hosts that messages may link to: those of the configuration,
// those of the sources of look-ups, and TheHive's.
func linkHosts(cfg *config.Config) []string {
	hosts := append(slices.Clone(cfg.Slack.LinkHosts), sourceHosts()...)
	if u, err := url.Parse(cfg.TheHive.URL); err == nil && u.Hostname() != "" {
		hosts = append(hosts, u.Hostname())
	}
	if u, err := url.Parse(cfg.MFA.OIDC.PublicURL); err == nil && cfg.MFA.Provider == "oidc" && u.Hostname() != "" {
		hosts = append(hosts, u.Hostname())
	}
	return hosts
}
