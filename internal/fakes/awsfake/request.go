package awsfake

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxBody bounds a request body, in bytes.
const maxBody = 64 << 20

// request is one call under way.
type request struct {
	Call
	service service
	form    url.Values // query protocols
	body    []byte
	http    *http.Request
	session *session
	token   string // X-Amz-Security-Token
}

// scope reads access key, region and service from the signature, which is in
// the Authorization header or, presigned, in the URL (Signature Version 4).
func scope(r *http.Request) (key, region, service string, presigned bool) {
	credential := r.URL.Query().Get("X-Amz-Credential")
	presigned = credential != ""
	if !presigned {
		rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
		if !ok {
			return "", "", "", false
		}
		for part := range strings.SplitSeq(rest, ",") {
			if v, ok := strings.CutPrefix(strings.TrimSpace(part), "Credential="); ok {
				credential = v
			}
		}
	}
	p := strings.Split(credential, "/")
	if len(p) != 5 || p[4] != "aws4_request" {
		return "", "", "", presigned
	}
	return p[0], p[2], p[3], presigned
}

// read takes in a request; its operation is "" when it names none.
func (c *Cloud) read(r *http.Request) (*request, error) {
	q := &request{http: r}
	var known bool
	q.Key, q.Region, q.Service, q.Presigned = scope(r)
	q.service, known = c.services[q.Service]
	q.token = r.Header.Get("X-Amz-Security-Token")
	if q.Presigned {
		q.token = r.URL.Query().Get("X-Amz-Security-Token")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, err
	}
	q.body = body
	if !known {
		return q, nil
	}
	switch q.service.protocol {
	case ec2Query, awsQuery:
		if q.form, err = url.ParseQuery(string(body)); err != nil {
			return q, nil
		}
		q.Op = q.form.Get("Action")
		q.Params = map[string]string{}
		for _, k := range slices.Sorted(maps.Keys(q.form)) {
			if k != "Action" && k != "Version" {
				q.Params[k] = q.form.Get(k)
			}
		}
	case awsJSON10, awsJSON11:
		q.Op, _ = strings.CutPrefix(r.Header.Get("X-Amz-Target"), q.service.target)
		if json.Valid(body) {
			q.Body = string(body)
		}
	case awsREST, awsRESTJSON:
		q.Op = q.service.route(r)
	}
	return q, nil
}

// str returns a parameter.
func (r *request) str(name string) string { return r.form.Get(name) }

// has says whether a parameter was given.
func (r *request) has(name string) bool { return r.form.Has(name) }

// list returns a flat list such as InstanceId.1, InstanceId.2; prefix is what
// precedes the number.
func (r *request) list(prefix string) []string {
	var out []string
	for i := 1; r.form.Has(prefix + "." + strconv.Itoa(i)); i++ {
		out = append(out, r.form.Get(prefix+"."+strconv.Itoa(i)))
	}
	return out
}

// count returns how many structures there are in a list: those for which any
// parameter begins with prefix.N and a dot.
func (r *request) count(prefix string) int {
	for i := 1; ; i++ {
		head := prefix + "." + strconv.Itoa(i) + "."
		if !slices.ContainsFunc(slices.Collect(maps.Keys(r.form)), func(k string) bool { return strings.HasPrefix(k, head) }) {
			return i - 1
		}
	}
}
