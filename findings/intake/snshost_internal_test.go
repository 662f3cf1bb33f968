package intake

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	testTopic = "arn:aws:sns:eu-west-1:111122223333:findings"
	testHost  = "sns.eu-west-1.amazonaws.com"
	testPath  = "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
)

// authority is a root, an intermediate and the certificates made by them. The
// keys are shared, since making them takes long.
type authority struct {
	rootKey, midKey, leafKey, smallKey *rsa.PrivateKey
	root, mid                          *x509.Certificate
}

var newAuthority = sync.OnceValue(func() *authority {
	a := &authority{rootKey: newKey(2048), midKey: newKey(2048), leafKey: newKey(2048), smallKey: newKey(1024)}
	ca := func(name string) *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	}
	a.root = a.sign(ca("Example Root"), nil, &a.rootKey.PublicKey, a.rootKey)
	a.mid = a.sign(ca("Example Intermediate"), a.root, &a.midKey.PublicKey, a.rootKey)
	return a
})

func newKey(bits int) *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return k
}

func (a *authority) sign(c, parent *x509.Certificate, pub *rsa.PublicKey, by *rsa.PrivateKey) *x509.Certificate {
	if parent == nil {
		parent = c
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, by)
	if err != nil {
		panic(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return made
}

// leaf makes a signing certificate; change may spoil it.
func (a *authority) leaf(change func(*x509.Certificate)) *x509.Certificate {
	c := &x509.Certificate{Subject: pkix.Name{CommonName: "sns.amazonaws.com"}, DNSNames: []string{"sns.amazonaws.com"}}
	if change != nil {
		change(c)
	}
	return a.sign(c, a.mid, &a.leafKey.PublicKey, a.midKey)
}

func encodePEM(certs ...*x509.Certificate) string {
	var b strings.Builder
	for _, c := range certs {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return b.String()
}

// snsHost is the host that publishes certificates, and counts what it is asked.
type snsHost struct {
	*authority
	asked  atomic.Int64
	dialed sync.Map
	serve  http.HandlerFunc
	v      *snsVerifier
}

// newSNSHost serves with a TLS certificate for the host, and a chain of which
// the intermediate is left out on request.
func newSNSHost(t *testing.T, sendMid bool) *snsHost {
	t.Helper()
	h := &snsHost{authority: newAuthority()}
	h.serve = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, encodePEM(h.leaf(nil))) }
	own := h.sign(&x509.Certificate{Subject: pkix.Name{CommonName: testHost}, DNSNames: []string{testHost}}, h.mid, &h.leafKey.PublicKey, h.midKey)
	chain := tls.Certificate{Certificate: [][]byte{own.Raw, h.mid.Raw}, PrivateKey: h.leafKey}
	roots := x509.NewCertPool()
	roots.AddCert(h.root)
	if !sendMid { // the host's chain then ends at a root of its own
		other := h.sign(&x509.Certificate{Subject: pkix.Name{CommonName: testHost}, DNSNames: []string{testHost}}, h.root, &h.leafKey.PublicKey, h.rootKey)
		chain.Certificate = [][]byte{other.Raw}
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.asked.Add(1)
		h.serve(w, r)
	})
	secure := httptest.NewUnstartedServer(handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{chain}}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(handler)
	t.Cleanup(plain.Close)
	h.v = newSNSVerifier(Config{Topics: []string{testTopic, "arn:aws-cn:sns:cn-north-1:111122223333:findings"}, CertRoots: roots,
		CertDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			h.dialed.Store(addr, true)
			to := secure.Listener.Addr().String()
			if !strings.HasSuffix(addr, ":443") {
				to = plain.Listener.Addr().String()
			}
			return (&net.Dialer{}).DialContext(ctx, network, to)
		}})
	return h
}

// message makes a signed notification; before changes it unsigned, after
// changes what was signed.
func (h *snsHost) message(version string, before, after func(map[string]any)) []byte {
	m := map[string]any{
		"Type": "Notification", "MessageId": "00000000-0000-4000-8000-000000000001", "TopicArn": testTopic,
		"Message": `{"a":"b"}` + "\n", "Timestamp": "2026-03-01T12:00:00.000Z", "SignatureVersion": version,
		"SigningCertURL": "https://" + testHost + testPath, "UnsubscribeURL": "https://" + testHost + "/?Action=Unsubscribe",
	}
	if before != nil {
		before(m)
	}
	var text strings.Builder
	for _, k := range []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"} {
		if v, ok := m[k]; ok {
			fmt.Fprintf(&text, "%s\n%s\n", k, v)
		}
	}
	hash, sum := crypto.SHA1, sha1.Sum([]byte(text.String()))
	signature, err := rsa.SignPKCS1v15(rand.Reader, h.leafKey, hash, sum[:])
	if version == "2" {
		sum := sha256.Sum256([]byte(text.String()))
		signature, err = rsa.SignPKCS1v15(rand.Reader, h.leafKey, crypto.SHA256, sum[:])
	}
	if err != nil {
		panic(err)
	}
	m["Signature"] = base64.StdEncoding.EncodeToString(signature)
	if after != nil {
		after(m)
	}
	body, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return body
}
