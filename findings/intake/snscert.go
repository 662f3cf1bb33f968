package intake

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	certTimeout = 5 * time.Second
	certSize    = 64 << 10
	certLife    = 24 * time.Hour // of a good certificate in the cache
	certGrudge  = time.Minute    // of a refusal in the cache
	certCount   = 32             // in the cache
	minKeyBits  = 2048
)

// certificates fetches, checks and keeps signing certificates.
type certificates struct {
	roots  *x509.CertPool // nil: the system's
	client *http.Client

	fetching sync.Mutex // one fetch at a time; it must not keep what is cached
	mu       sync.Mutex
	kept     map[string]kept
}

type kept struct {
	cert  *x509.Certificate
	err   error // a *refusal
	until time.Time
}

func newCertificates(c Config) *certificates {
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            c.CertDial,
		TLSClientConfig:        &tls.Config{RootCAs: c.CertRoots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    certTimeout,
		ResponseHeaderTimeout:  certTimeout,
		MaxResponseHeaderBytes: certSize,
		IdleConnTimeout:        10 * time.Second,
		ForceAttemptHTTP2:      true,
	}
	if c.CertDial == nil {
		t.DialContext = (&net.Dialer{Timeout: certTimeout}).DialContext
	}
	return &certificates{
		roots: c.CertRoots,
		client: &http.Client{
			Transport:     t,
			Timeout:       certTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		kept: map[string]kept{},
	}
}

// get returns the certificate at an address that was checked.
func (c *certificates) get(ctx context.Context, address string, t topic) (*x509.Certificate, error) {
	if k, ok := c.cached(address); ok {
		return k.cert, k.err
	}
	c.fetching.Lock()
	defer c.fetching.Unlock()
	if k, ok := c.cached(address); ok {
		return k.cert, k.err
	}
	now := time.Now()
	cert, err := c.fetch(ctx, address, t, now)
	k := kept{cert: cert, err: err, until: now.Add(certLife)}
	var no *refusal
	switch {
	case errors.As(err, &no):
		k.cert, k.until = nil, now.Add(certGrudge)
	case err != nil:
		return nil, err
	case cert.NotAfter.Before(k.until):
		k.until = cert.NotAfter
	}
	c.keep(address, k)
	return k.cert, err
}

func (c *certificates) cached(address string) (kept, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.kept[address]
	return k, ok && time.Now().Before(k.until)
}

// keep makes room at the expense of refusals first: whoever invents addresses
// must not empty the cache.
func (c *certificates) keep(address string, k kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.kept) >= certCount {
		maps.DeleteFunc(c.kept, func(_ string, k kept) bool { return k.err != nil })
	}
	if len(c.kept) >= certCount {
		clear(c.kept)
	}
	c.kept[address] = k
}

// fetch returns a checked certificate, a *refusal, or an error that may pass.
func (c *certificates) fetch(ctx context.Context, address string, t topic, now time.Time) (*x509.Certificate, error) {
	body, state, err := c.download(ctx, address)
	if err != nil {
		return nil, err
	}
	var chain []*x509.Certificate
	for rest := body; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		one, err := x509.ParseCertificate(block.Bytes)
		if err != nil || block.Type != "CERTIFICATE" {
			return nil, refusef(KindSignature, "what is at %s is not a certificate", address)
		}
		chain = append(chain, one)
	}
	if len(chain) == 0 {
		return nil, refusef(KindSignature, "there is no certificate at %s", address)
	}
	if state != nil { // SNS publishes the leaf alone; its issuer is often the host's, too
		chain = append(chain, state.PeerCertificates...)
	}
	return chain[0], c.check(ctx, chain, t, now)
}

// check verifies the first certificate of a chain: its names, its key, its
// time, and its way to a root.
func (c *certificates) check(ctx context.Context, chain []*x509.Certificate, t topic, now time.Time) error {
	leaf := chain[0]
	named := false
	for _, name := range t.hostNames() {
		named = named || leaf.VerifyHostname(name) == nil
	}
	if !named {
		return refusef(KindSignature, "the signing certificate is not one of SNS")
	}
	if key, ok := leaf.PublicKey.(*rsa.PublicKey); !ok || key.N.BitLen() < minKeyBits {
		return refusef(KindSignature, "the signing certificate has no RSA key of %d bits or more", minKeyBits)
	}
	o := x509.VerifyOptions{Roots: c.roots, Intermediates: x509.NewCertPool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	for _, one := range chain[1:] {
		o.Intermediates.AddCert(one)
	}
	_, err := leaf.Verify(o)
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		issuer, found := c.issuer(ctx, leaf)
		if found != nil {
			return found
		}
		if issuer != nil {
			o.Intermediates.AddCert(issuer)
			_, err = leaf.Verify(o)
		}
	}
	if err != nil {
		return refusef(KindSignature, "the signing certificate cannot be trusted: %v", err)
	}
	return nil
}

// issuerHost is Amazon's certificate authority. What comes from there, over
// plain HTTP as such addresses do, is trusted no more than the roots say.
const issuerHost = ".amazontrust.com"

// issuer fetches the certificate of the issuer that a certificate names; nil
// when it names none that may be asked.
func (c *certificates) issuer(ctx context.Context, leaf *x509.Certificate) (*x509.Certificate, error) {
	for _, address := range leaf.IssuingCertificateURL {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Port() != "" || u.User != nil ||
			!strings.HasSuffix(u.Hostname(), issuerHost) {
			continue
		}
		body, _, err := c.download(ctx, address)
		if err != nil {
			return nil, err
		}
		if cert, err := x509.ParseCertificate(body); err == nil {
			return cert, nil
		}
	}
	return nil, nil
}

// download gets a small file. A refusal is an answer that will not change: a
// redirect, a file that is not there or too large.
func (c *certificates) download(ctx context.Context, address string) ([]byte, *tls.ConnectionState, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, refusef(KindSignature, "the certificate's address %q is not one", address)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("fetch signing certificate: %w", err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		return nil, nil, fmt.Errorf("fetch signing certificate: HTTP status %d", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return nil, nil, refusef(KindSignature, "there is no certificate at %s: HTTP status %d", address, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, certSize+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("fetch signing certificate: %w", err)
	case len(body) > certSize:
		return nil, nil, refusef(KindSignature, "what is at %s is larger than %d bytes", address, certSize)
	}
	return body, resp.TLS, nil
}
