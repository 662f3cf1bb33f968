package lookup

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

func mustEndpoint(t *testing.T, raw string) endpoint {
	t.Helper()
	e, err := newEndpoint(raw)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestTheDoorLeadsToListedHostsOnly(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked++; fmt.Fprint(w, "{}") }))
	defer server.Close()
	here := mustEndpoint(t, server.URL)
	d := newDoor([]endpoint{here}, nil, "test", time.Now)
	if _, err := d.get(context.Background(), here, "x", nil, nil); err != nil || asked != 1 {
		t.Fatalf("%v, asked %d times", err, asked)
	}
	// The same server under another name, and another port of the same machine.
	for _, raw := range []string{strings.Replace(server.URL, "127.0.0.1", "127.0.0.2", 1), "http://127.0.0.1:1/", strings.Replace(server.URL, "http:", "https:", 1)} {
		_, err := d.get(context.Background(), mustEndpoint(t, raw), "x", nil, nil)
		if err == nil || reasonOf(err).Reason != Forbidden || asked != 1 {
			t.Errorf("%s: %v, asked %d times", raw, err, asked)
		}
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	here := mustEndpoint(t, server.URL)
	d := newDoor([]endpoint{here}, nil, "test", time.Now)
	if _, err := d.get(context.Background(), here, "", nil, nil); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: %v", err)
	}
}

// IANA's list decides whom we ask; even it does not get us to other places than
// registries on the internet.
func TestRegistriesAreHostsOfTheInternet(t *testing.T) {
	t.Parallel()
	far := &bootstrap{base: mustEndpoint(t, "https://data.iana.example/rdap/")}
	near := &bootstrap{base: mustEndpoint(t, "http://127.0.0.1:8080/rdap/")}
	for _, c := range []struct {
		b    *bootstrap
		urls []string
		want string
	}{
		{far, []string{"https://rdap.example/"}, "https://rdap.example/"},
		{far, []string{"http://rdap.example/", "https://rdap.example/v1/"}, "https://rdap.example/v1/"},
		{far, []string{"https://rdap.example:443/"}, "https://rdap.example:443/"},
		{far, []string{"http://rdap.example/"}, ""},
		{far, []string{"https://rdap.example:8443/"}, ""},
		{far, []string{"https://127.0.0.1/"}, ""},
		{far, []string{"http://127.0.0.1:8080/"}, ""},
		{far, []string{"https://10.0.0.1/"}, ""},
		{far, []string{"https://[::ffff:169.254.169.254]/"}, ""},
		{far, []string{"https://user@rdap.example/"}, ""},
		{far, []string{"file:///etc/passwd", "", ":"}, ""},
		{near, []string{"http://127.0.0.1:8080/registry/"}, "http://127.0.0.1:8080/registry/"},
		{near, []string{"http://127.0.0.1:8081/registry/"}, ""},
	} {
		got := ""
		if u := c.b.usable(c.urls); u != nil {
			got = u.String()
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.urls, got, c.want)
		}
	}
}

func TestAnAnswerToAnotherQuestionIsNoAnswer(t *testing.T) {
	t.Parallel()
	answer := func(id uint16, response bool) []byte {
		b, err := (&dnsmessage.Message{Header: dnsmessage.Header{ID: id, Response: response}}).Pack()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if _, err := readAnswer(answer(7, true), 7, dnsmessage.TypeA); err != nil {
		t.Error(err)
	}
	for _, b := range [][]byte{answer(8, true), answer(7, false), nil, {1, 2, 3}, answer(7, true)[:11]} {
		if _, err := readAnswer(b, 7, dnsmessage.TypeA); err == nil {
			t.Errorf("%x is taken", b)
		}
	}
}

func TestOnlySoManyAnswersAreKept(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	s := newSeat(Seat{Limits: Limits{TTL: time.Hour}}, Options{Now: func() time.Time { return at }})
	for k := range maxKept + 50 {
		at = at.Add(time.Millisecond)
		s.keep(Indicator{Kind: Domain, Name: fmt.Sprintf("n%d.example", k)}, &flight{at: at})
	}
	_, first := s.remembered(Indicator{Kind: Domain, Name: "n0.example"})
	_, last := s.remembered(Indicator{Kind: Domain, Name: fmt.Sprintf("n%d.example", maxKept+49)})
	if len(s.kept) != maxKept || first || !last {
		t.Errorf("%d kept, the first: %v, the last: %v", len(s.kept), first, last)
	}
}

func TestRetryAfterIsReadInAllFormsAndBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"30": 30 * time.Second, " 5 ": 5 * time.Second, "0": time.Second, "-7": time.Second, "999999999": time.Hour, "": time.Minute, "soon": time.Minute, "1e9": time.Minute, "99999999999999999999": time.Minute,
		"Wed, 04 Mar 2026 05:07:07 GMT": time.Minute, "Wed, 04 Mar 2020 05:07:07 GMT": time.Second, "Wed, 04 Mar 2099 05:07:07 GMT": time.Hour,
	} {
		if got := retryAfter(in, now); got != want {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
}
