package awsfake

import (
	"bytes"
	"strconv"
	"strings"
)

// unchunk takes a body apart that comes in chunks with a checksum behind it,
// which becomes a header (Amazon S3 API reference, "Signature calculations:
// trailing headers"). Clients do so over TLS.
func unchunk(r *request) error {
	malformed := refuse("InvalidRequest", "The body is not in aws-chunked form.")
	var out []byte
	rest := r.body
	for {
		head, after, ok := bytes.Cut(rest, []byte("\r\n"))
		n, err := strconv.ParseInt(string(head), 16, 64)
		if !ok || err != nil || int64(len(after)) < n {
			return malformed
		}
		if n == 0 {
			rest = after
			break
		}
		out = append(out, after[:n]...)
		rest = bytes.TrimPrefix(after[n:], []byte("\r\n"))
	}
	if want := r.http.Header.Get("X-Amz-Decoded-Content-Length"); want != strconv.Itoa(len(out)) {
		return malformed
	}
	for line := range strings.SplitSeq(string(rest), "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			r.http.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	r.body = out
	return nil
}
