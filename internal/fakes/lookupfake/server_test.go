package lookupfake_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/lookupfake"
)

func get(t *testing.T, url string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k := 0; k+1 < len(header); k += 2 {
		req.Header.Set(header[k], header[k+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

func TestWhatTheRealServicesRefuseIsRefused(t *testing.T) {
	t.Parallel()
	s := lookupfake.New()
	defer s.Close()
	at := s.Endpoints()
	for _, c := range []struct {
		url    string
		header []string
		want   int
	}{
		{at["virustotal"] + "api/v3/ip_addresses/198.51.100.7", nil, 401},
		{at["virustotal"] + "api/v3/ip_addresses/198.51.100.7", []string{"x-apikey", lookupfake.VirusTotalKey}, 404},
		{at["abuseipdb"] + "api/v2/check?ipAddress=198.51.100.7", []string{"Key", "other"}, 401},
		{at["abuseipdb"] + "api/v2/check?ipAddress=evil.example", []string{"Key", lookupfake.AbuseIPDBKey}, 422},
		{at["abuseipdb"] + "api/v2/check?ipAddress=198.51.100.7", []string{"Key", lookupfake.AbuseIPDBKey}, 200},
		{at["greynoise"] + "v3/community/2001:db8::1", nil, 400},
		{at["greynoise"] + "v3/community/198.51.100.7", nil, 404},
		{at["urlscan"] + "api/v1/search/?q=%22", nil, 400},
		{at["urlscan"] + "api/v1/search/?q=page.domain:%22evil.example%22", []string{"API-Key", "not-a-uuid"}, 400},
		{at["urlscan"] + "api/v1/search/?q=page.domain:%22evil.example%22", nil, 200},
		{at["internetdb"] + "evil.example", nil, 422},
		{at["internetdb"] + "198.51.100.7", nil, 404},
		{at["drop"] + "drop_v5.json", nil, 404},
		{at["rdap"] + "asn.json", nil, 404},
		{at["resolver"] + "?dns=AAAA", nil, 415},
		{s.URL + "/elsewhere/", nil, 404},
	} {
		if got, body := get(t, c.url, c.header...); got != c.want {
			t.Errorf("%s: HTTP %d, want %d: %s", c.url, got, c.want, body)
		}
	}
	if n := len(s.Calls("")); n != 16 {
		t.Errorf("%d calls were recorded", n)
	}
}

func TestListsHaveTagsThatChangeWithTheWorld(t *testing.T) {
	t.Parallel()
	s := lookupfake.New()
	defer s.Close()
	url := s.Endpoints()["tor"]
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	tag := resp.Header.Get("ETag")
	if code, body := get(t, url, "If-None-Match", tag); code != 304 || body != "" {
		t.Errorf("HTTP %d %q", code, body)
	}
	s.AddHost("198.51.100.7", lookupfake.Host{Tor: true})
	if code, body := get(t, url, "If-None-Match", tag); code != 200 || !strings.Contains(body, "198.51.100.7\n") {
		t.Errorf("HTTP %d %q", code, body)
	}
}

func TestFailuresComeInTheirOrderAndEnd(t *testing.T) {
	t.Parallel()
	s := lookupfake.New()
	defer s.Close()
	url := s.Endpoints()["tor"]
	s.Fail("tor", lookupfake.TooMany("7"), lookupfake.Garbage())
	s.Down("tor", lookupfake.Status(503))
	var got []string
	for range 4 {
		code, _ := get(t, url)
		got = append(got, fmt.Sprint(code))
	}
	s.Up("tor")
	code, _ := get(t, url)
	if all := strings.Join(append(got, fmt.Sprint(code)), " "); all != "429 200 503 503 200" {
		t.Error(all)
	}
	if code, _ := get(t, s.Endpoints()["aws"]); code != 200 {
		t.Errorf("another source fails too: HTTP %d", code)
	}
}

// A hanging answer ends with the server, so that no test hangs.
func TestCloseEndsWhatHangs(t *testing.T) {
	t.Parallel()
	s := lookupfake.New()
	s.Down("tor", lookupfake.Hang())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if resp, err := http.Get(s.Endpoints()["tor"]); err == nil {
			resp.Body.Close()
		}
	}()
	for deadline := time.Now().Add(10 * time.Second); len(s.Calls("tor")) == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	s.Close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("it still hangs")
	}
}

// The machine's own resolver library reads the plain DNS server.
func TestThePlainResolverAnswersInTurn(t *testing.T) {
	t.Parallel()
	s := lookupfake.New()
	defer s.Close()
	r, stop := s.Resolver("192.0.2.1", "127.0.0.1")
	defer stop()
	var got []string
	for range 3 {
		ips, err := r.LookupNetIP(context.Background(), "ip4", "source.example")
		if err != nil || len(ips) != 1 {
			t.Fatal(ips, err)
		}
		got = append(got, ips[0].String())
	}
	if all := strings.Join(got, " "); all != "192.0.2.1 127.0.0.1 127.0.0.1" {
		t.Error(all)
	}
}
