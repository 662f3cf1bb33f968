package intake

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func kindOf(err error) string {
	var no *refusal
	switch {
	case err == nil:
		return "good"
	case errors.As(err, &no):
		return no.kind
	case errors.Is(err, errNoEnvelope):
		return "no envelope"
	}
	return "passing: " + err.Error()
}

func TestGoodSignaturesAreAccepted(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1", "2"} {
		for name, before := range map[string]func(map[string]any){
			"plain":        nil,
			"with subject": func(m map[string]any) { m["Subject"] = "GuardDuty <finding>" },
			"attributes": func(m map[string]any) {
				m["MessageAttributes"] = map[string]any{"a": map[string]string{"Type": "String", "Value": "b"}}
			},
		} {
			h := newSNSHost(t, true)
			for range 3 {
				if err := h.v.verify(t.Context(), h.message(version, before, nil)); err != nil {
					t.Errorf("version %s, %s: %v", version, name, err)
				}
			}
			if n := h.asked.Load(); n != 1 {
				t.Errorf("the certificate was fetched %d times", n)
			}
		}
	}
}

// TestBadSignaturesAreRefused also checks that nothing was dialled but the
// host of the topic's region.
func TestBadSignaturesAreRefused(t *testing.T) {
	t.Parallel()
	put := func(k string, v any) func(map[string]any) { return func(m map[string]any) { m[k] = v } }
	address := func(u string) func(map[string]any) { return put("SigningCertURL", u) }
	for name, row := range map[string]struct {
		before, after func(map[string]any)
		want          string
		fetch         bool
	}{
		"changed message":       {nil, put("Message", "{}"), KindSignature, true},
		"changed time":          {nil, put("Timestamp", "2026-03-02T12:00:00.000Z"), KindSignature, true},
		"added subject":         {nil, put("Subject", ""), KindSignature, true},
		"changed version":       {nil, put("SignatureVersion", "2"), KindSignature, true},
		"version 3":             {nil, put("SignatureVersion", "3"), KindSignature, false},
		"no version":            {nil, put("SignatureVersion", ""), KindSignature, false},
		"no signature":          {nil, put("Signature", ""), KindSignature, false},
		"junk signature":        {nil, put("Signature", "%%%"), KindSignature, false},
		"unknown member":        {nil, put("message", "{}"), KindSignature, false},
		"a subscription":        {put("Type", "SubscriptionConfirmation"), nil, KindSignature, false},
		"a topic not listed":    {put("TopicArn", "arn:aws:sns:eu-west-1:444455556666:findings"), nil, KindTopic, false},
		"another region's host": {address("https://sns.us-east-1.amazonaws.com" + testPath), nil, KindSignature, false},
		"S3":                    {address("https://sns.eu-west-1.amazonaws.com.s3.amazonaws.com" + testPath), nil, KindSignature, false},
		"S3 in the region":      {address("https://s3.eu-west-1.amazonaws.com/bucket" + testPath), nil, KindSignature, false},
		"look-alike":            {address("https://sns.eu-west-1.amazonaws.com.example.com" + testPath), nil, KindSignature, false},
		"look-alike dots":       {address("https://snsXeu-west-1.amazonaws.com" + testPath), nil, KindSignature, false},
		"chinese host":          {address("https://sns.eu-west-1.amazonaws.com.cn" + testPath), nil, KindSignature, false},
		"http":                  {address("http://" + testHost + testPath), nil, KindSignature, false},
		"port":                  {address("https://" + testHost + ":8443" + testPath), nil, KindSignature, false},
		"default port":          {address("https://" + testHost + ":443" + testPath), nil, KindSignature, false},
		"userinfo":              {address("https://" + testHost + "@evil.example.com" + testPath), nil, KindSignature, false},
		"user":                  {address("https://u@" + testHost + testPath), nil, KindSignature, false},
		"query":                 {address("https://" + testHost + testPath + "?x=y"), nil, KindSignature, false},
		"empty query":           {address("https://" + testHost + testPath + "?"), nil, KindSignature, false},
		"fragment":              {address("https://" + testHost + testPath + "#x"), nil, KindSignature, false},
		"upper case":            {address("https://SNS.eu-west-1.amazonaws.com" + testPath), nil, KindSignature, false},
		"another path":          {address("https://" + testHost + "/x.pem"), nil, KindSignature, false},
		"parent directory":      {address("https://" + testHost + "/../SimpleNotificationService-00.pem"), nil, KindSignature, false},
		"escaped path":          {address("https://" + testHost + "/SimpleNotificationService%2d00.pem"), nil, KindSignature, false},
		"query parameters path": {address("https://" + testHost + "/?Action=GetCert&x=SimpleNotificationService-00.pem"), nil, KindSignature, false},
		"line break":            {address("https://" + testHost + testPath + "\n"), nil, KindSignature, false},
		"no address":            {address(""), nil, KindSignature, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newSNSHost(t, true)
			err := h.v.verify(t.Context(), h.message("1", row.before, row.after))
			if got := kindOf(err); got != row.want {
				t.Errorf("got %s: %v", got, err)
			}
			if (h.asked.Load() > 0) != row.fetch {
				t.Errorf("asked for the certificate %d times", h.asked.Load())
			}
			h.dialed.Range(func(addr, _ any) bool {
				if addr != testHost+":443" {
					t.Errorf("dialled %v", addr)
				}
				return true
			})
		})
	}
}

func TestRepeatedMembersDoNotGetPastTheSignature(t *testing.T) {
	t.Parallel()
	h := newSNSHost(t, true)
	body := string(h.message("1", nil, nil))
	twice := `{"Message":"{}",` + body[1:]
	if err := h.v.verify(t.Context(), []byte(twice)); err == nil {
		t.Error("accepted")
	}
}

func TestWhatIsNotAnSNSMessageIsToldApart(t *testing.T) {
	t.Parallel()
	h := newSNSHost(t, true)
	for _, body := range []string{"", "hello", "[]", "{}", `{"detail":{}}`, `"x"`, "null"} {
		if err := h.v.verify(t.Context(), []byte(body)); !errors.Is(err, errNoEnvelope) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestCertificatesThatCannotBeTrusted(t *testing.T) {
	t.Parallel()
	h := newSNSHost(t, true)
	a := h.authority
	self := a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "sns.amazonaws.com"}, DNSNames: []string{"sns.amazonaws.com"}}, nil, &a.leafKey.PublicKey, a.leafKey)
	small := a.sign(&x509.Certificate{DNSNames: []string{"sns.amazonaws.com"}}, a.mid, &a.smallKey.PublicKey, a.midKey)
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
	}
	for name, row := range map[string]struct {
		serve http.HandlerFunc
		want  string
	}{
		"expired":     {text(encodePEM(a.leaf(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Unix(0, 0), time.Now().Add(-time.Minute) }))), "cannot be trusted"},
		"of another":  {text(encodePEM(a.leaf(func(c *x509.Certificate) { c.DNSNames = []string{"s3.amazonaws.com"} }))), "not one of SNS"},
		"self-signed": {text(encodePEM(self)), "cannot be trusted"},
		"small key":   {text(encodePEM(small)), "RSA key"},
		"no PEM":      {text("hello"), "no certificate"},
		"empty":       {text(""), "no certificate"},
		"a key":       {text(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))), "not a certificate"},
		"too large":   {text(encodePEM(a.leaf(nil)) + strings.Repeat("\n", certSize)), "larger than"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example.com/x.pem", http.StatusFound)
		}, "status 302"},
		"not there":      {http.NotFound, "status 404"},
		"out of service": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, "passing: fetch signing certificate: HTTP status 503"},
		"throttled":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }, "passing: fetch signing certificate: HTTP status 429"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newSNSHost(t, true)
			h.serve = row.serve
			for range 2 {
				err := h.v.verify(t.Context(), h.message("2", nil, nil))
				if got := kindOf(err); err == nil || !strings.Contains(got+" "+err.Error(), row.want) {
					t.Errorf("got %s: %v", got, err)
				}
			}
			want := int64(1) // a refusal is remembered, a failure is not
			if strings.HasPrefix(row.want, "passing") {
				want = 2
			}
			if n := h.asked.Load(); n != want {
				t.Errorf("asked %d times, want %d", n, want)
			}
		})
	}
}

func TestHostWithAForeignCertificateIsNotBelieved(t *testing.T) {
	t.Parallel()
	h := newSNSHost(t, true)
	h.v.certs.client.Transport.(*http.Transport).TLSClientConfig.RootCAs = x509.NewCertPool()
	if got := kindOf(h.v.verify(t.Context(), h.message("2", nil, nil))); !strings.HasPrefix(got, "passing: fetch signing certificate") {
		t.Errorf("got %s", got)
	}
	if h.asked.Load() != 0 {
		t.Error("asked all the same")
	}
}

// TestMissingIntermediate: SNS publishes the leaf alone. Its issuer comes with
// the TLS connection, or from the address in the leaf.
func TestMissingIntermediate(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		issuer string
		want   string
	}{
		"from the authority":  {"http://crt.example.amazontrust.com/mid.cer", "good"},
		"from somewhere else": {"http://crt.example.com/mid.cer", KindSignature},
		"look-alike":          {"http://evilamazontrust.com/mid.cer", KindSignature},
		"other port":          {"http://crt.example.amazontrust.com:8080/mid.cer", KindSignature},
		"nowhere":             {"", KindSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newSNSHost(t, false)
			leaf := h.leaf(func(c *x509.Certificate) {
				if row.issuer != "" {
					c.IssuingCertificateURL = []string{row.issuer}
				}
			})
			h.serve = func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, ".cer") {
					_, _ = w.Write(h.mid.Raw)
					return
				}
				fmt.Fprint(w, encodePEM(leaf))
			}
			err := h.v.verify(t.Context(), h.message("2", nil, nil))
			if got := kindOf(err); got != row.want {
				t.Errorf("got %s: %v", got, err)
			}
			if _, evil := h.dialed.Load("crt.example.com:80"); evil {
				t.Error("asked a host that is not the authority's")
			}
		})
	}
}

func TestInventedAddressesDoNotEmptyTheCache(t *testing.T) {
	t.Parallel()
	h := newSNSHost(t, true)
	good := h.serve
	h.serve = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != testPath {
			http.NotFound(w, r)
			return
		}
		good(w, r)
	}
	if err := h.v.verify(t.Context(), h.message("2", nil, nil)); err != nil {
		t.Fatal(err)
	}
	for i := range 2 * certCount {
		u := fmt.Sprintf("https://%s/SimpleNotificationService-%04x.pem", testHost, i)
		_ = h.v.verify(t.Context(), h.message("2", func(m map[string]any) { m["SigningCertURL"] = u }, nil))
	}
	asked := h.asked.Load()
	if err := h.v.verify(t.Context(), h.message("2", nil, nil)); err != nil || h.asked.Load() != asked {
		t.Errorf("fetched again: %v", err)
	}
}

func TestTopicsHost(t *testing.T) {
	t.Parallel()
	for arn, want := range map[string]string{
		testTopic: testHost,
		"arn:aws-cn:sns:cn-north-1:111122223333:t":        "sns.cn-north-1.amazonaws.com.cn",
		"arn:aws-us-gov:sns:us-gov-west-1:111122223333:t": "sns.us-gov-west-1.amazonaws.com",
		"arn:aws-iso:sns:us-iso-east-1:111122223333:t":    "",
		"arn:aws:sqs:eu-west-1:111122223333:t":            "",
		"arn:aws:sns:evil.example.com/:111122223333:t":    "",
		"arn:aws:sns:eu-west-1:1111:t":                    "",
		"arn:aws:sns:eu-west-1:111122223333:":             "",
		"":                                                "",
	} {
		got, err := parseTopic(arn)
		if (err == nil) != (want != "") || err == nil && got.host() != want {
			t.Errorf("%s: %q, %v", arn, got.host(), err)
		}
	}
}
