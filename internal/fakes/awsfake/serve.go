package awsfake

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// ServeHTTP answers one call.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q, err := c.read(r)
	if err != nil {
		return // the caller has gone
	}
	f := c.begin(q)
	if f.Do != nil {
		f.Do()
	}
	if f.Hang {
		c.record(q, "hung")
		select {
		case <-r.Context().Done():
		case <-c.closed:
		}
		panic(http.ErrAbortHandler)
	}
	out, err := c.perform(q, f)
	if errors.Is(err, errNoAnswer) {
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
	body, reply := encode(q, out, err)
	for k, v := range reply.Header {
		w.Header()[k] = v
	}
	w.Header().Set("X-Amzn-Requestid", q.RequestID)
	if q.service.protocol == awsREST {
		w.Header().Set("X-Amz-Request-Id", q.RequestID)
	}
	if r.Method != http.MethodHead {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(reply.Status)
	_, _ = w.Write(body)
}

// begin identifies the caller and takes the fault ordered for the call.
func (c *Cloud) begin(q *request) Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	q.At, q.RequestID = c.Now(), c.requestID()
	q.DryRun = q.service.protocol == ec2Query && q.form.Get("DryRun") == "true"
	q.Write = q.service.ops[q.Op].write && !q.DryRun
	if s := c.keys[q.Key]; s != nil {
		q.session = s
		q.Account, q.Role, q.Session, q.Identity, q.Policy, q.Tags = s.account, s.role, s.name, s.identity, s.policy, s.tags
	}
	return c.fault(q)
}

// perform decides about a call and records it, in one step.
func (c *Cloud) perform(q *request, f Fault) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.broadcast()
	out, err := c.decide(q, f)
	var e *apiError
	switch {
	case errors.As(err, &e):
		q.Code, q.Status = e.code, cmp.Or(e.status, http.StatusBadRequest)
	case err != nil:
		q.Code = "dropped"
	default:
		q.Status = http.StatusOK
		if r, ok := out.(*Reply); ok && r.Status != 0 {
			q.Status = r.Status
		}
	}
	c.calls = append(c.calls, q.Call)
	return out, err
}

func (c *Cloud) decide(q *request, f Fault) (any, error) {
	p := q.service.protocol
	op, known := q.service.ops[q.Op]
	switch {
	case q.service.ops == nil:
		return nil, &apiError{404, "UnknownService", "no service " + q.Service}
	case f.Drop:
		return nil, errNoAnswer
	case f.kind == throttled:
		return nil, p.throttled()
	case f.kind == broken:
		return nil, p.broken()
	case f.kind == denied:
		return nil, p.denied("You are not authorized to perform this operation.")
	case f.Code != "":
		return nil, &apiError{f.Status, f.Code, f.Message}
	case !known:
		return nil, p.noSuchOperation(q.Op)
	}
	if err := c.admit(q, op); err != nil {
		return nil, err
	}
	if q.DryRun {
		return nil, &apiError{http.StatusPreconditionFailed, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."}
	}
	out, err := op.run(c, q)
	q.Applied = err == nil
	if f.Lose {
		return nil, errNoAnswer
	}
	return out, err
}

// admit checks key, token, time and policies.
func (c *Cloud) admit(q *request, op operation) error {
	p, s := q.service.protocol, q.session
	switch {
	case s == nil || s.token != q.token:
		return p.unknownKey()
	case !s.expires.IsZero() && !q.At.Before(s.expires):
		return p.expired()
	case q.Presigned && urlExpired(q.http, c.signed()):
		return &apiError{http.StatusForbidden, "AccessDenied", "Request has expired"}
	}
	q.Needs = []Need{{Action: cmp.Or(q.service.iam, q.Service) + ":" + q.Op}}
	if op.needs != nil {
		q.Needs = op.needs(c, q)
	}
	for i, n := range q.Needs {
		q.Needs[i] = n.in(q)
		if !s.allows(q.Needs[i]) {
			return p.denied("User: " + s.arn + " is not authorized to perform: " + n.Action + " on resource: " + cmp.Or(n.Resource, "*"))
		}
	}
	return nil
}

// urlExpired says whether a presigned URL is past its time.
func urlExpired(r *http.Request, now time.Time) bool {
	v := r.URL.Query()
	signed, err := time.Parse("20060102T150405Z", v.Get("X-Amz-Date"))
	seconds, err2 := strconv.Atoi(v.Get("X-Amz-Expires"))
	return err != nil || err2 != nil || now.After(signed.Add(time.Duration(seconds)*time.Second))
}

func (c *Cloud) record(q *request, code string) {
	c.with(func() {
		q.Code = code
		c.calls = append(c.calls, q.Call)
	})
}

// encode writes an answer in the service's protocol.
func encode(q *request, out any, err error) ([]byte, Reply) {
	var e *apiError
	if err != nil && !errors.As(err, &e) {
		e = &apiError{http.StatusInternalServerError, "InternalError", err.Error()}
	}
	if r, ok := out.(*Reply); ok && e == nil {
		return r.Body, Reply{Status: cmp.Or(r.Status, http.StatusOK), Header: r.Header}
	}
	reply := Reply{Status: http.StatusOK, Header: http.Header{}}
	if e != nil {
		reply.Status = cmp.Or(e.status, http.StatusBadRequest)
	}
	switch q.service.protocol {
	case awsJSON10, awsJSON11, awsRESTJSON:
		reply.Header.Set("Content-Type", map[protocol]string{awsJSON10: "application/x-amz-json-1.0", awsJSON11: "application/x-amz-json-1.1", awsRESTJSON: "application/json"}[q.service.protocol])
		if e != nil {
			reply.Header.Set("X-Amzn-Errortype", e.code)
			out = map[string]string{"__type": e.code, "message": e.message}
		}
		body, err := json.Marshal(out)
		if err != nil {
			panic("awsfake: " + err.Error())
		}
		return body, reply
	}
	reply.Header.Set("Content-Type", "text/xml")
	if e != nil {
		return xmlError(q, e), reply
	}
	return xmlAnswer(q, out), reply
}
