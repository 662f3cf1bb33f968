package thehive_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/responders/thehive"
)

// attempt is one way to use the client that changes something, with what has to
// be there exactly once when it has worked, however often it was tried.
type attempt struct {
	op    string // the fake's name of the call that changes something
	do    func(context.Context, *thehive.Client, thehive.Record) error
	count func(thehivefake.Snapshot) int
}

func attempts() map[string]attempt {
	said := message.Message{}.Para(message.L("Answered: no."))
	first := func(n thehivefake.Snapshot) thehivefake.Alert { a, _ := n.Alert("SB-1"); return a }
	return map[string]attempt{
		"create alert": {"createAlert", func(ctx context.Context, c *thehive.Client, _ thehive.Record) error {
			_, err := c.CreateAlert(ctx, alert("SB-2"))
			return err
		}, func(n thehivefake.Snapshot) int { return len(n.Alerts) - 1 }},
		"update alert": {"updateAlert", func(ctx context.Context, c *thehive.Client, r thehive.Record) error {
			a := alert("SB-1")
			a.Title, a.Observables = message.L("changed"), nil
			_, err := c.UpdateAlert(ctx, r, a)
			return err
		}, func(n thehivefake.Snapshot) int { return strings.Count(first(n).Title, "changed") }},
		"promote": {"promote", func(ctx context.Context, c *thehive.Client, r thehive.Record) error {
			_, err := c.Promote(ctx, r, "")
			return err
		}, func(n thehivefake.Snapshot) int { return len(n.Cases) }},
		"comment": {"comment", func(ctx context.Context, c *thehive.Client, r thehive.Record) error {
			_, err := c.Comment(ctx, r, "case/1/comment/1", said)
			return err
		}, func(n thehivefake.Snapshot) int { return len(first(n).Comments) }},
		"observable": {"observable", func(ctx context.Context, c *thehive.Client, r thehive.Record) error {
			return c.AddObservables(ctx, r, []thehive.Observable{{Type: "ip", Data: "203.0.113.6"}})
		}, func(n thehivefake.Snapshot) int { return len(first(n).Observables) - 1 }},
		"attach": {"attach", func(ctx context.Context, c *thehive.Client, r thehive.Record) error {
			_, err := c.Attach(ctx, r, file("manifest.json", "{}"))
			return err
		}, func(n thehivefake.Snapshot) int { return len(first(n).Attachments) }},
		"close": {"updateAlert", func(ctx context.Context, c *thehive.Client, r thehive.Record) error {
			_, err := c.Close(ctx, r, thehive.FalsePositive, "a test")
			return err
		}, func(n thehivefake.Snapshot) int { return strings.Count(first(n).Status, "FalsePositive") }},
	}
}

// Every kind of answer, for every kind of change: it is judged as written here,
// and the next try leaves exactly one of what was wanted.
func TestAnswers(t *testing.T) {
	t.Parallel()
	theirs := `{"type":"SomeError","message":"no"}`
	for name, tc := range map[string]struct {
		fail   thehivefake.Failure
		class  thehive.Class
		status int
		after  time.Duration
	}{
		"302 to a page to log in":        {thehivefake.Says(302, "<html>please log in</html>"), thehive.Retry, 302, 0},
		"400 in TheHive's form":          {thehivefake.Says(400, theirs), thehive.Permanent, 400, 0},
		"400 in somebody else's":         {thehivefake.Says(400, "<html>"), thehive.Retry, 400, 0},
		"401":                            {thehivefake.Says(401, theirs), thehive.Retry, 401, 5 * time.Minute},
		"403":                            {thehivefake.Says(403, theirs), thehive.Retry, 403, 5 * time.Minute},
		"404 in TheHive's form":          {thehivefake.Says(404, theirs), thehive.Permanent, 404, 0},
		"404 of a proxy":                 {thehivefake.Says(404, "not found"), thehive.Retry, 404, 0},
		"408":                            {thehivefake.Status(408), thehive.Retry, 408, 0},
		"413":                            {thehivefake.Says(413, "<html>"), thehive.Permanent, 413, 0},
		"422":                            {thehivefake.Says(422, theirs), thehive.Permanent, 422, 0},
		"429 with seconds":               {thehivefake.TooMany("30"), thehive.Retry, 429, 30 * time.Second},
		"429 without":                    {thehivefake.TooMany(""), thehive.Retry, 429, 10 * time.Second},
		"429 absurd":                     {thehivefake.TooMany("999999999999"), thehive.Retry, 429, 5 * time.Minute},
		"429 in the past":                {thehivefake.TooMany("Mon, 02 Jan 2006 15:04:05 GMT"), thehive.Retry, 429, time.Second},
		"429 with a date":                {thehivefake.TooMany("Wed, 04 Mar 2026 05:07:07 GMT"), thehive.Retry, 429, time.Minute},
		"500":                            {thehivefake.Status(500), thehive.Retry, 500, 0},
		"502 with HTML":                  {thehivefake.Says(502, "<html>bad gateway"), thehive.Retry, 502, 0},
		"503":                            {thehivefake.Status(503), thehive.Retry, 503, 0},
		"connection closed":              {thehivefake.Drop(), thehive.Retry, 0, 0},
		"taken, but the answer was lost": {thehivefake.AnswerLost(), thehive.Retry, 0, 0},
	} {
		for what, try := range attempts() {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				ctx := context.Background()
				c, fake := setup(t, nil)
				r := made(t, c, "SB-1")
				fake.Fail(tc.fail.Only(try.op))
				e := asError(t, try.do(ctx, c, r))
				if e.Class != tc.class || e.Status != tc.status || e.RetryAfter != tc.after || e.Temporary() != (tc.class == thehive.Retry) {
					t.Errorf("error %+v (%v); want class %v, status %d, after %v", *e, e, tc.class, tc.status, tc.after)
				}
				for range 2 {
					if err := try.do(ctx, c, r); err != nil {
						t.Fatal(err)
					}
				}
				if n := try.count(fake.Snapshot()); n != 1 {
					t.Errorf("%d of what was wanted, want 1; calls %+v", n, fake.Snapshot().Calls)
				}
			})
		}
	}
}

// An answer that says yes but does not say to what: a captive portal, a body cut
// off, another record. None of them is believed.
func TestOddSuccess(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"nothing": "", "HTML": "<html>hello</html>", "null": "null", "empty": "{}", "cut off": `{"_id":"~41`,
		"no record's id": `{"_id":"../../admin","sourceRef":"SB-2","source":"securitybot"}`, "another's": `{"_id":"~9999","source":"securitybot","sourceRef":"SB-77"}`} {
		for what, try := range attempts() {
			if what == "update alert" || what == "close" || what == "observable" || what == "promote" && name == "another's" {
				continue // nothing of their answer is used
			}
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				ctx := context.Background()
				c, fake := setup(t, nil)
				r := made(t, c, "SB-1")
				fake.Fail(thehivefake.OddBody(body).Only(try.op))
				err := try.do(ctx, c, r)
				if err != nil && asError(t, err).Class != thehive.Retry {
					t.Errorf("error %v, want one that is tried again", err)
				}
				if err := try.do(ctx, c, r); err != nil {
					t.Fatal(err)
				}
				if n := try.count(fake.Snapshot()); n != 1 {
					t.Errorf("%d of what was wanted, want 1", n)
				}
			})
		}
	}
}
