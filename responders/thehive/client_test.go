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
	c, _ := setup(t, func(cfg *thehive.Config) { cfg.URL = "http://127.0.0.1:1" }) // a closed fake's port may be given to another
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
