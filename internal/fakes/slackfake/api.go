package slackfake

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Call is one Web API call as it arrived and was answered.
type Call struct {
	At         time.Time         `json:"at"` // time of the workspace
	Method     string            `json:"method"`
	Args       map[string]string `json:"args"`   // without the token; JSON values as JSON text
	Style      string            `json:"style"`  // how the token came: "form", "header" or ""
	Status     int               `json:"status"` // of the answer; 0 when no usable one was sent
	Error      string            `json:"error,omitempty"`
	RetryAfter string            `json:"retry_after,omitempty"`
	Performed  bool              `json:"performed"`       // whether the call took effect
	Fault      string            `json:"fault,omitempty"` // the scripted fault it met
}

// OK says whether the caller was told that the call succeeded.
func (c Call) OK() bool { return c.Performed && c.Error == "" && c.Status == http.StatusOK }

// apiError is Slack's ok:false.
type apiError struct {
	code             string
	needed, provided string
	messages         []string
	each             []body // what is wrong with each of several things
}

func (e *apiError) Error() string { return e.code }

func refuse(code string) error { return &apiError{code: code} }

type body = map[string]any

// request is a decoded call.
type request struct {
	s      *Server
	method string
	token  *Token
	style  string
	args   map[string]string
}

type methodFunc func(*request) (body, error)

const maxBody = 1 << 20

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, name string) {
	req := &request{s: s, method: name, args: map[string]string{}}
	auth, err := req.decode(w, r)
	s.serve(w, r, req, func(call *Call) (body, error) {
		if err != nil {
			return nil, err
		}
		return req.perform(auth, call)
	})
}

// serve runs a call, unless a fault is in its way, records and answers it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, req *request, run func(*Call) (body, error)) {
	s.mu.Lock()
	call, out := Call{Status: http.StatusOK}, body(nil)
	fault := s.nextFault(req)
	if fault != nil && fault.before != nil {
		s.mu.Unlock()
		fault.before()
		s.mu.Lock()
	}
	if fault == nil || fault.performs {
		var err error
		if out, err = run(&call); err != nil {
			out = errorBody(err)
		} else {
			out["ok"], call.Performed = true, true
		}
	}
	if fault != nil {
		out = fault.apply(&call, out)
	}
	call.Error, _ = out["error"].(string)
	s.record(req, call)
	s.mu.Unlock()
	if call.RetryAfter != "" {
		w.Header().Set("Retry-After", call.RetryAfter)
	}
	if fault != nil && fault.write != nil {
		fault.write(w, r, s.done, func() { s.answer(w, req, call.Status, out) })
		return
	}
	s.answer(w, req, call.Status, out)
}

func errorBody(err error) body {
	out := body{"ok": false, "error": err.Error()}
	if e, ok := err.(*apiError); ok {
		if e.needed != "" {
			out["needed"], out["provided"] = e.needed, e.provided
		}
		if len(e.each) > 0 {
			out["errors"] = e.each
		}
		if len(e.messages) > 0 {
			out["errors"] = e.messages
			prefixed := make([]string, len(e.messages))
			for i, m := range e.messages {
				prefixed[i] = "[ERROR] " + m
			}
			out["response_metadata"] = body{"messages": prefixed}
		}
	}
	return out
}

// perform authenticates, limits and runs the call. Callers hold mu.
func (req *request) perform(auth string, call *Call) (body, error) {
	m, known := methods[req.method]
	if !known {
		return nil, refuse("unknown_method")
	}
	if err := req.authenticate(auth, m); err != nil {
		return nil, err
	}
	if wait := req.s.throttle(req); wait > 0 {
		call.Status = http.StatusTooManyRequests
		call.RetryAfter = strconv.Itoa(int((wait + time.Second - 1) / time.Second))
		return nil, refuse("ratelimited")
	}
	return m.run(req)
}

// decode reads the arguments and returns the token. Slack takes arguments as a
// form or, with the token in the Authorization header only, as JSON.
func (req *request) decode(w http.ResponseWriter, r *http.Request) (token string, err error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return "", refuse("request_timeout")
	}
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form := r.URL.Query()
	switch {
	case kind == "application/json":
		if err := req.decodeJSON(data); err != nil {
			return "", err
		}
	case kind == "application/x-www-form-urlencoded" || len(data) == 0:
		posted, err := url.ParseQuery(string(data))
		if err != nil {
			return "", refuse("invalid_form_data")
		}
		for k, v := range posted {
			form[k] = append(form[k], v...)
		}
	case kind == "multipart/form-data":
		if err := multipartArgs(data, params["boundary"], form); err != nil {
			return "", refuse("invalid_form_data")
		}
	default:
		return "", refuse("invalid_post_type")
	}
	for k, v := range form {
		if len(v) > 1 { // one of them would be ignored, and nobody knows which
			return "", refuse("invalid_arguments")
		}
		if k == "token" {
			token, req.style = v[0], "form"
			continue
		}
		req.args[k] = v[0]
	}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		token, req.style = bearer, "header"
	}
	return token, nil
}

func (req *request) decodeJSON(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return refuse("invalid_json")
	}
	for k, v := range fields {
		var text string
		if json.Unmarshal(v, &text) == nil {
			if k != "token" && string(v) != "null" {
				req.args[k] = text
			}
			continue
		}
		req.args[k] = string(v)
	}
	return nil
}

func (s *Server) answer(w http.ResponseWriter, req *request, status int, out body) {
	data, err := json.Marshal(out)
	if err != nil {
		panic(fmt.Sprintf("slackfake: marshal answer of %s: %v", req.method, err))
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if req.token != nil {
		w.Header().Set("X-Oauth-Scopes", strings.Join(req.token.Scopes, ","))
	}
	w.WriteHeader(status)
	_, _ = w.Write(data)
}

// record keeps the call. Callers hold mu, so that nobody sees the effect of a
// call without the call.
func (s *Server) record(req *request, call Call) {
	call.At, call.Method, call.Args, call.Style = s.now(), req.method, req.args, req.style
	s.calls = append(s.calls, call)
	s.changed(Change{Kind: "call", Channel: req.args["channel"]})
	if call.Error != "" {
		s.set.log.Info("slack call refused", "method", call.Method, "error", call.Error)
	}
}
