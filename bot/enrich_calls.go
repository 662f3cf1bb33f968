package bot

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/responders/trail"
)

// callsWindow is how far back API calls are looked at.
const callsWindow = 24 * time.Hour

// enrichCalls answers "api_calls": what the finding's credentials did from its
// address in the last day. Numbers that are only lower bounds are left out: a
// rule could take them for all there is.
func (b *Bot) enrichCalls(ctx context.Context, f *findings.Finding) (any, error) {
	now := b.clock.Now()
	calls, err := b.looking.trail.ByAddress(ctx, trail.Question{Account: f.Account, Region: f.Region, AccessKey: f.Principal.AccessKeyID,
		User: trailUser(f.Principal), Address: f.RemoteIP(), From: now.Add(-callsWindow), To: now})
	if err != nil {
		return nil, err
	}
	out := map[string]any{contextKey: []string{callsLine(f.RemoteIP(), calls)}}
	if calls.Complete {
		out["total"], out["failed"], out["names"] = calls.Total, calls.Failed, calls.Top(len(calls.Names))
	}
	return out, nil
}

// trailUser is what CloudTrail calls the user name: the session name of a role,
// the name of an IAM user (CloudTrail user guide, "userIdentity element").
func trailUser(p findings.Principal) string {
	switch {
	case p.Type == "Root":
		return "root"
	case p.Session != "":
		return p.Session
	case p.Type == "IAMUser":
		return p.Name
	}
	return ""
}

// callsLine says in one line what was found.
func callsLine(ip netip.Addr, c trail.Calls) string {
	if c.Total == 0 && c.Complete {
		return fmt.Sprintf("API calls: none from %s with these credentials in 24 hours", ip)
	}
	var names []string
	for _, n := range c.Names[:min(6, len(c.Names))] {
		names = append(names, fmt.Sprintf("%s ×%d", n.Name, n.Calls))
	}
	if more := len(c.Names) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	least := ""
	if !c.Complete {
		least = "at least "
	}
	return fmt.Sprintf("API calls from %s with these credentials in 24 hours: %s%d, %d failed: %s", ip, least, c.Total, c.Failed, strings.Join(names, ", "))
}
