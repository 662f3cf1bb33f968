package responders_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/responders"
)

const aloneReason = "nobody answers and it mines right now"

func TestWhoMayActAlone(t *testing.T) {
	t.Parallel()
	omar := responders.Person{ChatID: "U0OMAR", Email: "omar@corp.example"}
	after := 5 * time.Minute
	for name, tc := range map[string]struct {
		by      responders.Person
		reason  string
		at      time.Duration
		prepare func(*responders.Operation)
		digest  string
		want    error
	}{
		"who asked":            {by: omar, reason: aloneReason, at: after},
		"another approver":     {by: responders.Person{ChatID: "U0MEI"}, reason: aloneReason, at: after, want: responders.ErrNotAsker},
		"nobody":               {reason: aloneReason, at: after, want: responders.ErrNotAsker},
		"too early":            {by: omar, reason: aloneReason, at: after - time.Millisecond, want: responders.ErrAskFirst},
		"too late":             {by: omar, reason: aloneReason, at: responders.ApprovalTime, want: responders.ErrTooLate},
		"without a reason":     {by: omar, reason: strings.Repeat(" ", 50), at: after, want: responders.ErrNoReason},
		"a reason of a word":   {by: omar, reason: "because", at: after, want: responders.ErrNoReason},
		"an endless reason":    {by: omar, reason: strings.Repeat("x", 301), at: after, want: responders.ErrNoReason},
		"for another thing":    {by: omar, reason: aloneReason, at: after, digest: "0123456789abcdef0123456789abcdef", want: responders.ErrOther},
		"edited meanwhile":     {by: omar, reason: aloneReason, at: after, prepare: edit(func(o *responders.Operation) { o.Job.Target.Instance = "i-0ffffffffffffffff" }), want: responders.ErrOther},
		"about themselves":     {by: omar, reason: aloneReason, at: after, prepare: edit(func(o *responders.Operation) { o.Subject = responders.Person{ChatID: "U0OMAR"} }), want: responders.ErrSubject},
		"their second account": {by: omar, reason: aloneReason, at: after, prepare: edit(func(o *responders.Operation) { o.Subject = responders.Person{Email: "Omar@corp.example"} }), want: responders.ErrSubject},
		"refused before":       {by: omar, reason: aloneReason, at: after, prepare: edit(func(o *responders.Operation) { _, _ = o.Refuse("U0MEI", t0) }), want: responders.ErrNotWaiting},
	} {
		o := waiting(t)
		digest := o.Job.Digest()
		if tc.digest != "" {
			digest = tc.digest
		}
		if tc.prepare != nil {
			tc.prepare(o)
		}
		effects, err := o.ApproveAlone(tc.by, digest, tc.reason, after, t0.Add(tc.at))
		if !errors.Is(err, tc.want) || (tc.want == nil) != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		want := ""
		if tc.want == nil {
			want = "operation.step operation.show operation.page operation.tell"
		}
		if kinds(effects) != want || (o.Authorised() == nil) != (tc.want == nil) {
			t.Errorf("%s: %s with %q, authorised: %v", name, o.State, kinds(effects), o.Authorised())
		}
	}
}

func edit(change func(*responders.Operation)) func(*responders.Operation) { return change }

func TestThePageIsPlannedElsewhereOnce(t *testing.T) {
	t.Parallel()
	o := waiting(t)
	if got := kinds(o.PageRefused(t0)); got != "operation.fallback" {
		t.Error(got)
	}
	if got := o.PageRefused(t0); len(got) > 0 {
		t.Error(kinds(got))
	}
}
