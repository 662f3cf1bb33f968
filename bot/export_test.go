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
