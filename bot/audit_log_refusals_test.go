package bot

import (
	"fmt"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/redistest"
)

// waiting takes all refusals that wait to be written.
func waiting(b *Bot) []audit.Record {
	var out []audit.Record
	for {
		select {
		case r := <-b.auditLog.refusals:
			out = append(out, r)
		default:
			return out
		}
	}
}

func TestAStrangerCannotFillTheLog(t *testing.T) {
	t.Parallel()
	b, clock := writer(t, redistest.Mini(t).Addr(), AuditSettings{})
	refuse := func(actor string) {
		b.auditRefusal(audit.Record{Actor: actor, Act: "isolate", Result: "role", Detail: map[string]string{"account": "111122223333"}})
	}
	for range 1000 {
		refuse("U0GUS")
	}
	if got := waiting(b); len(got) != refusalsOfActor || got[0].Decision != audit.Refused || got[0].At.IsZero() {
		t.Fatalf("%d recorded of one person", len(got))
	}
	refuse("U0ANA")
	got := waiting(b)
	if len(got) != 1 || got[0].Detail["not_recorded_before"] != fmt.Sprint(1000-refusalsOfActor) || got[0].Detail["account"] != "111122223333" {
		t.Fatalf("another person, with the number of those left out: %+v", got)
	}
	total := refusalsOfActor + 1
	for i := range 1000 {
		refuse(fmt.Sprintf("U%d", i))
		total += len(waiting(b))
	}
	if total != refusalsOfAll {
		t.Errorf("%d recorded of many people", total)
	}
	clock.add(refusalWindow)
	refuse("U0GUS")
	if len(waiting(b)) != 1 {
		t.Error("not recorded in the next window")
	}
	if n := figure(t, b, "left_out_total", "rate"); n != float64(1000-refusalsOfActor+1000-(refusalsOfAll-refusalsOfActor-1)) {
		t.Errorf("%v left out", n)
	}
}

func TestNobodyWaitsForARefusalToBeRecorded(t *testing.T) {
	t.Parallel()
	b, _ := writer(t, redistest.Mini(t).Addr(), AuditSettings{})
	for i := range refusalsOfAll {
		b.auditRefusal(audit.Record{Actor: fmt.Sprint("U", i), Act: "isolate"}) // nobody reads
	}
	if n := figure(t, b, "left_out_total", "full"); n != refusalsOfAll-maxRefusals {
		t.Errorf("%v left out", n)
	}
}

func TestRefusalsAreWrittenTogetherAndBesidesAnHourWithoutCheckpoints(t *testing.T) {
	t.Parallel()
	m := redistest.Mini(t)
	b, clock := writer(t, m.Addr(), AuditSettings{})
	b.auditLog.fail(clock.Now().Add(-2 * time.Hour))
	for i := range 10 {
		b.auditRefusal(audit.Record{Actor: fmt.Sprint("U", i), Act: "isolate"})
	}
	b.writeRefusals(t.Context(), <-b.auditLog.refusals)
	if r := verifyStore(t, b); r.Records != 10 || len(r.Problems) != 0 {
		t.Errorf("%+v", r)
	}
	m.SetError("MISCONF disk full")
	b.auditRefusal(audit.Record{Actor: "U0GUS", Act: "isolate"})
	b.writeRefusals(t.Context(), <-b.auditLog.refusals)
	if n := figure(t, b, "left_out_total", "store"); n != 1 {
		t.Errorf("%v left out", n)
	}
}
