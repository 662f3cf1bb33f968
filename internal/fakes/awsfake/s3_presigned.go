package awsfake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
)

// checkPresigned verifies a presigned URL: whoever holds it may do that one
// thing and nothing else (Amazon S3 API reference, "Authenticating Requests:
// Using Query Parameters").
func checkPresigned(r *request) error {
	if !r.Presigned {
		return nil
	}
	q := r.http.URL.Query()
	signed := strings.Split(q.Get("X-Amz-SignedHeaders"), ";")
	for name := range r.http.Header {
		if n := strings.ToLower(name); strings.HasPrefix(n, "x-amz-") && !slices.Contains(signed, n) {
			return &apiError{http.StatusForbidden, "AccessDenied", "There were headers present in the request which were not signed"}
		}
	}
	if presignature(r, q, signed) != q.Get("X-Amz-Signature") {
		return &apiError{http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."}
	}
	return nil
}

func presignature(r *request, q url.Values, signed []string) string {
	var headers strings.Builder
	for _, n := range signed {
		v := r.http.Header.Get(n)
		if n == "host" {
			v = r.http.Host
		}
		headers.WriteString(n + ":" + strings.TrimSpace(v) + "\n")
	}
	canonical := strings.Join([]string{r.http.Method, r.http.URL.EscapedPath(), canonicalQuery(q), headers.String(), strings.Join(signed, ";"), "UNSIGNED-PAYLOAD"}, "\n")
	sum := sha256.Sum256([]byte(canonical))
	scope := strings.SplitN(q.Get("X-Amz-Credential"), "/", 2)[1]
	text := strings.Join([]string{"AWS4-HMAC-SHA256", q.Get("X-Amz-Date"), scope, hex.EncodeToString(sum[:])}, "\n")
	key := []byte("AWS4" + r.session.secret)
	for _, p := range strings.Split(scope, "/") {
		key = mac(key, p)
	}
	return hex.EncodeToString(mac(key, text))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func canonicalQuery(q url.Values) string {
	var out []string
	for k, values := range q {
		if k == "X-Amz-Signature" {
			continue
		}
		for _, v := range values {
			out = append(out, escape(k)+"="+escape(v))
		}
	}
	sort.Strings(out)
	return strings.Join(out, "&")
}

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
