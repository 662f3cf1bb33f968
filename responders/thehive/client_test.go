package thehive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/responders/thehive"
)

const key = "CANARYkey0123456789abcdefghijklm"

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func setup(t *testing.T, change func(*thehive.Config), opts ...thehivefake.Option) (*thehive.Client, *thehivefake.Server) {
	t.Helper()
	opts = append([]thehivefake.Option{thehivefake.WithKey(key, "securitybot@corp.example", "security", "other"), thehivefake.WithNow(func() time.Time { return now })}, opts...)
	fake := thehivefake.New(opts...)
	t.Cleanup(fake.Close)
	cfg := thehive.Config{URL: fake.URL, APIKey: key, Organisation: "security", Now: func() time.Time { return now }}
	if change != nil {
		change(&cfg)
	}
	c, err := thehive.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c, fake
}

func alert(ref string) thehive.Alert {
	return thehive.Alert{Type: "guardduty", Ref: ref, Title: message.L("Unusual listing by ").V("ana@corp.example"), Description: message.Message{}.Para(message.L("It happened.")),
		Level: findings.High, At: now, Tags: []string{"iam"}, Link: "https://console.aws.amazon.com/",
		Observables: []thehive.Observable{{Type: "ip", Data: "203.0.113.5", Tags: []string{"remote"}, Sighted: true}}}
}

func made(t *testing.T, c *thehive.Client, ref string) thehive.Record {
	t.Helper()
	r, err := c.CreateAlert(context.Background(), alert(ref))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func asError(t *testing.T, err error) *thehive.Error {
	t.Helper()
	var e *thehive.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T), want *thehive.Error", err, err)
	}
	return e
}

func file(name, text string) thehive.File {
	return thehive.File{Name: name, ContentType: "text/plain", Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader([]byte(text))), nil
	}}
}

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
		"200 from something in between":  {thehivefake.Says(302, "<html>please log in</html>"), thehive.Retry, 302, 0},
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

func TestReadOnlyIsWaitedFor(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, fake := setup(t, nil)
	fake.ReadOnly()
	if _, err := c.CreateAlert(ctx, alert("SB-1")); asError(t, err).Class != thehive.Retry {
		t.Errorf("error %v", err)
	}
	fake.Up()
	made(t, c, "SB-1")
}

// A redirect must not carry the key anywhere.
func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	other := thehivefake.New()
	t.Cleanup(other.Close)
	url := serve(t, http.RedirectHandler(other.URL+"/api/v1/alert", http.StatusTemporaryRedirect))
	c, _ := setup(t, func(cfg *thehive.Config) { cfg.URL = url; cfg.HTTP = &http.Client{} })
	_, err := c.CreateAlert(context.Background(), alert("SB-1"))
	if e := asError(t, err); e.Status != http.StatusTemporaryRedirect || len(other.Snapshot().Calls) != 0 {
		t.Errorf("error %v; the other host got %d calls", err, len(other.Snapshot().Calls))
	}
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go s.Serve(l) //nolint:errcheck // ends with Close
	t.Cleanup(func() { s.Close() })
	return "http://" + l.Addr().String()
}

func TestContext(t *testing.T) {
	t.Parallel()
	c, fake := setup(t, nil)
	fake.Down(thehivefake.Hang())
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := c.CreateAlert(ctx, alert("SB-1"))
	if e := asError(t, err); e.Class != thehive.Retry || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = c.CreateAlert(gone, alert("SB-1"))
	if e := asError(t, err); e.Class != thehive.Retry || !errors.Is(err, context.Canceled) {
		t.Errorf("cancel: %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	c, fake := setup(t, nil)
	fake.Close()
	_, err := c.CreateAlert(context.Background(), alert("SB-1"))
	if e := asError(t, err); e.Class != thehive.Retry || e.Status != 0 || !strings.Contains(err.Error(), "not reached: dial") {
		t.Errorf("refused connection: %v", err)
	}
}

// An endless answer is not read to its end.
func TestLargeAnswer(t *testing.T) {
	t.Parallel()
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(bytes.Repeat([]byte(" "), 5<<20)) //nolint:errcheck // the client hangs up
	}))
	c, _ := setup(t, func(cfg *thehive.Config) { cfg.URL = url })
	if _, _, err := c.Check(context.Background()); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("error %v", err)
	}
}

// Whoever answers may repeat what was sent; no key may come out in an error.
func TestNoKeyInErrors(t *testing.T) {
	t.Parallel()
	echo := fmt.Sprintf(`{"type":"BadRequest %s","message":"bad key %s"}`, key, strings.ToUpper(key))
	for what, try := range attempts() {
		c, fake := setup(t, nil)
		r := made(t, c, "SB-1")
		for _, f := range []thehivefake.Failure{thehivefake.Says(400, echo), thehivefake.Says(500, echo), thehivefake.Says(401, echo), thehivefake.TooMany(key), thehivefake.Drop()} {
			fake.Fail(f.Only(try.op))
			err := try.do(context.Background(), c, r)
			if err == nil || strings.Contains(strings.ToLower(fmt.Sprintf("%v %+v %#v", err, err, err)), strings.ToLower(key)) {
				t.Errorf("%s: error %v", what, err)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, _ := setup(t, nil)
	if login, org, err := c.Check(ctx); err != nil || login != "securitybot@corp.example" || org != "security" {
		t.Errorf("%q %q %v", login, org, err)
	}
	for name, tc := range map[string]struct {
		change func(*thehive.Config)
		status int
	}{
		"wrong key":          {func(c *thehive.Config) { c.APIKey = "another" }, 401},
		"wrong organisation": {func(c *thehive.Config) { c.Organisation = "elsewhere" }, 403},
		"wrong path":         {func(c *thehive.Config) { c.URL += "/thehive" }, 404},
	} {
		c, _ := setup(t, tc.change)
		if _, _, err := c.Check(ctx); asError(t, err).Status != tc.status {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOrganisations(t *testing.T) {
	t.Parallel()
	a, fake := setup(t, nil)
	made(t, a, "SB-1")
	b, err := thehive.New(thehive.Config{URL: fake.URL, APIKey: key, Organisation: "other"})
	if err != nil {
		t.Fatal(err)
	}
	made(t, b, "SB-1")
	n := fake.Snapshot()
	if len(n.Alerts) != 2 || n.Alerts[0].Organisation != "security" || n.Alerts[1].Organisation != "other" {
		t.Errorf("alerts %+v", n.Alerts)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	ok := thehive.Config{URL: "https://thehive.corp.example", APIKey: key}
	for name, change := range map[string]func(*thehive.Config){
		"no key":          func(c *thehive.Config) { c.APIKey = " \n" },
		"key of two":      func(c *thehive.Config) { c.APIKey = "CANARY\nX: y" },
		"no URL":          func(c *thehive.Config) { c.URL = "" },
		"not a URL":       func(c *thehive.Config) { c.URL = "::CANARY" },
		"other scheme":    func(c *thehive.Config) { c.URL = "ftp://thehive.corp.example" },
		"plain http":      func(c *thehive.Config) { c.URL = "http://thehive.corp.example" },
		"password":        func(c *thehive.Config) { c.URL = "https://u:CANARY@thehive.corp.example" },
		"query":           func(c *thehive.Config) { c.URL = "https://thehive.corp.example?x=CANARY" },
		"header trickery": func(c *thehive.Config) { c.Organisation = "x\r\nX-CANARY: y" },
	} {
		cfg := ok
		change(&cfg)
		if _, err := thehive.New(cfg); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, u := range []string{"https://thehive.corp.example", "https://thehive.corp.example/thehive/", "http://127.0.0.1:9000", "http://[::1]:9000"} {
		c, err := thehive.New(thehive.Config{URL: u, APIKey: key + "\n", Organisation: "Sécurité"})
		if err != nil {
			t.Errorf("%q: %v", u, err)
			continue
		}
		want := strings.TrimRight(u, "/") + "/cases/~4152/details"
		if got := c.Link(thehive.Record{Kind: thehive.AlertRecord, ID: "~1", Case: "~4152"}); got != want {
			t.Errorf("link %q, want %q", got, want)
		}
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	c, fake := setup(t, nil)
	for want, r := range map[string]thehive.Record{
		fake.URL + "/alerts/~1/details": {Kind: thehive.AlertRecord, ID: "~1"},
		fake.URL + "/cases/~2/details":  {Kind: thehive.CaseRecord, ID: "~2"},
	} {
		if got := c.Link(r); got != want {
			t.Errorf("%+v: %q, want %q", r, got, want)
		}
	}
	for _, r := range []thehive.Record{{}, {Kind: thehive.CaseRecord, ID: "../admin"}, {Kind: "user", ID: "~1"}, {Kind: thehive.AlertRecord, ID: "~1", Case: "a b"}} {
		if got := c.Link(r); got != "" {
			t.Errorf("%+v: %q", r, got)
		}
	}
}
