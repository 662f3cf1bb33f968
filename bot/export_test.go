package bot

import (
	"context"
	"time"

	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/store"
)

// VerifyAuditLog reads the audit log of a store without a key and checks it, for
// scenarios.
func VerifyAuditLog(ctx context.Context, s *store.Store, now time.Time) (audit.Report, []audit.Record, error) {
	log, err := readAuditLog(ctx, s, now)
	if err != nil {
		return audit.Report{}, nil, err
	}
	var records []audit.Record
	for r, err := range log.Records() {
		if err != nil {
			return audit.Report{}, nil, err
		}
		records = append(records, r)
	}
	return audit.Verify(log.Records(), audit.Evidence{Head: log.Head, Since: log.Since}), records, log.HeadErr
}

// StartDrill begins a drill and leaves its end to the bots, as one that is
// killed does. It returns the id of its case.
func StartDrill(ctx context.Context, b *Bot) (string, error) { return b.startDrill(ctx) }

// Acts lists everything a person may want to do.
func Acts() []string {
	var out []string
	for a := range requirements {
		out = append(out, string(a))
	}
	return out
}

// Weigh says why somebody may not do something about a thing, as a label; empty
// when they may.
func (b *Bot) Weigh(ctx context.Context, user, team, what, account, subjectID, subjectEmail, asker string) string {
	why, _ := b.weigh(ctx, who{user, team}, act(what), object{account: account, subject: identity{subjectID, subjectEmail}, asker: asker})
	return why
}
