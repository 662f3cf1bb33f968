package thehivefake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T, opts ...Option) *Server {
	t.Helper()
	s := New(opts...)
	t.Cleanup(s.Close)
	return s
}

// do sends a request and returns status and body; 0 when no answer came.
func do(t *testing.T, s *Server, method, path, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, s.URL+"/api/v1/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer k")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func body(changes ...string) string {
	m := map[string]any{"type": "t", "source": "s", "sourceRef": "r", "title": "x", "description": "d"}
	for i := 0; i+1 < len(changes); i += 2 {
		var v any
		if json.Unmarshal([]byte(changes[i+1]), &v) != nil {
			delete(m, changes[i])
			continue
		}
		m[changes[i]] = v
	}
	b, _ := json.Marshal(m)
	return string(b)
}

func idOf(t *testing.T, answer string) string {
	t.Helper()
	var v struct {
		ID string `json:"_id"`
	}
	if json.Unmarshal([]byte(answer), &v) != nil || v.ID == "" {
		t.Fatalf("no id in %s", answer)
	}
	return v.ID
}

func TestAlertsAreChecked(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return `"` + strings.Repeat("é", n) + `"` }
	for name, tc := range map[string]struct {
		body string
		want int
		says string
	}{
		"good":                {body(), 201, `"status":"New"`},
		"all":                 {body("severity", "4", "tlp", "4", "pap", "3", "tags", `["a"]`, "date", "1", "externalLink", `"https://x.example"`), 201, ""},
		"not JSON":            {"hello", 400, "Invalid JSON"},
		"null":                {"null", 400, "Invalid JSON"},
		"unknown field":       {body("sourceref", `"r"`), 400, "sourceref"},
		"no title":            {body("title", ""), 400, "title is missing"},
		"no reference":        {body("sourceRef", ""), 400, "sourceRef is missing"},
		"empty reference":     {body("sourceRef", `""`), 400, "sourceRef"},
		"long type":           {body("type", long(33)), 400, "32"},
		"longest type":        {body("type", long(32)), 201, ""},
		"long reference":      {body("sourceRef", long(129)), 400, "128"},
		"long title":          {body("title", long(513)), 400, "512"},
		"severity 0":          {body("severity", "0"), 400, "severity"},
		"severity 5":          {body("severity", "5"), 400, "severity"},
		"severity as text":    {body("severity", `"3"`), 400, "severity"},
		"tlp 5":               {body("tlp", "5"), 400, "tlp"},
		"pap 4":               {body("pap", "4"), 400, "pap"},
		"date as text":        {body("date", `"2026-01-01"`), 400, "date"},
		"long tag":            {body("tags", "["+long(129)+"]"), 400, "tags"},
		"tag twice":           {body("tags", `["a","a"]`), 400, "tags"},
		"tag as number":       {body("tags", `[1]`), 400, "tags"},
		"observable":          {body("observables", `[{"dataType":"ip","data":"192.0.2.1"}]`), 201, ""},
		"observable's type":   {body("observables", `[{"dataType":"ipv4","data":"192.0.2.1"}]`), 404, "ipv4"},
		"observable twice":    {body("observables", `[{"dataType":"ip","data":"192.0.2.1"},{"dataType":"ip","data":"192.0.2.1"}]`), 400, "already exists"},
		"observable, no data": {body("observables", `[{"dataType":"ip"}]`), 400, "data"},
		"observable's field":  {body("observables", `[{"dataType":"ip","value":"192.0.2.1"}]`), 400, "value"},
		"too large":           {body("description", `"`+strings.Repeat("x", maxBody)+`"`), 413, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			code, got := do(t, s, "POST", "alert", tc.body)
			if code != tc.want || !strings.Contains(got, tc.says) {
				t.Errorf("answered %d %.300s; want %d with %q", code, got, tc.want, tc.says)
			}
			if n := s.Snapshot(); len(n.Calls) != 1 || n.Calls[0].Status != tc.want || len(n.Alerts) != map[bool]int{true: 1}[code == 201] {
				t.Errorf("calls %+v, %d alerts", n.Calls, len(n.Alerts))
			}
		})
	}
}

func TestSecondAlertIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	do(t, s, "POST", "alert", body())
	code, got := do(t, s, "POST", "alert", body("title", `"other"`))
	if code != 400 || !strings.Contains(got, `"type":"CreateError"`) || !strings.Contains(got, "Alert t:s:r already exist in organisation security") {
		t.Errorf("%d %s", code, got)
	}
	for _, other := range []string{body("type", `"t2"`), body("source", `"s2"`), body("sourceRef", `"r2"`)} {
		if code, got := do(t, s, "POST", "alert", other); code != 201 {
			t.Errorf("%d %s", code, got)
		}
	}
}

func TestLifeOfAnAlert(t *testing.T) {
	t.Parallel()
	s := start(t)
	_, made := do(t, s, "POST", "alert", body())
	id := idOf(t, made)
	want := func(code int, says, method, path, in string) string {
		t.Helper()
		got, answer := do(t, s, method, path, in)
		if got != code || !strings.Contains(answer, says) {
			t.Fatalf("%s %s: %d %s; want %d with %q", method, path, got, answer, code, says)
		}
		return answer
	}
	want(200, `"status":"New"`, "GET", "alert/"+id, "")
	want(404, "NotFoundError", "GET", "alert/~1", "")
	want(204, "", "PATCH", "alert/"+id, `{"title":"y","addTags":["a"],"severity":4}`)
	want(400, "observables", "PATCH", "alert/"+id, `{"observables":[]}`)
	want(404, "AlertStatus", "PATCH", "alert/"+id, `{"status":"Done"}`)
	want(201, `"message":"hi"`, "POST", "alert/"+id+"/comment", `{"message":"hi"}`)
	want(400, "message is missing", "POST", "alert/"+id+"/comment", `{}`)
	want(400, "text", "POST", "alert/"+id+"/comment", `{"text":"hi"}`)
	want(201, "", "POST", "alert/"+id+"/observable", `{"dataType":"ip","data":"192.0.2.1","tlp":2,"pap":2,"ioc":false,"sighted":true}`)
	want(400, "Observable already exists", "POST", "alert/"+id+"/observable", `{"dataType":"ip","data":"192.0.2.1"}`)
	k := idOf(t, want(201, `"number":1`, "POST", "alert/"+id+"/case", `{"caseTemplate":"T"}`))
	if again := idOf(t, want(201, "", "POST", "alert/"+id+"/case", "")); again != k {
		t.Errorf("case %s, then %s", k, again)
	}
	want(200, `"caseId":"`+k+`"`, "GET", "alert/"+id, "")
	want(200, `"stage":"Imported"`, "GET", "alert/"+id, "")
	want(204, "", "PATCH", "case/"+k, `{"status":"TruePositive","summary":"s","impactStatus":"NoImpact"}`)
	want(400, "impactStatus", "PATCH", "case/"+k, `{"impactStatus":"some"}`)
	want(404, "CaseStatus", "PATCH", "case/"+k, `{"status":"Imported"}`)
	want(200, `"stage":"Closed"`, "GET", "case/1", "")
	want(404, "", "DELETE", "case/"+k, "")
	want(404, "", "GET", "../v0/case", "")
	n := s.Snapshot()
	if c, ok := n.Case("r"); !ok || c.Title != "y" || c.Severity != 4 || len(c.Tags) != 1 || len(c.Observables) != 1 || len(c.Comments) != 0 || c.Template != "T" {
		t.Errorf("case %+v", c)
	}
	if n.Count("promote") != 2 || n.Count("updateCase") != 1 {
		t.Errorf("calls %+v", n.Calls)
	}
}

func upload(field, name, data, rename string) (string, string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	f, _ := w.CreateFormFile(field, name)
	io.WriteString(f, data) //nolint:errcheck // a buffer
	if rename != "" {
		w.WriteField("canRename", rename) //nolint:errcheck // a buffer
	}
	w.Close() //nolint:errcheck // a buffer
	return b.String(), w.FormDataContentType()
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	s := start(t)
	_, made := do(t, s, "POST", "alert", body())
	path := "alert/" + idOf(t, made) + "/attachments"
	for i, step := range []struct {
		field, name, rename string
		want                int
		says                string
	}{{"attachments", "a.txt", "", 201, `"name":"a.txt"`}, {"attachments", "a.txt", "false", 400, "already exists"}, {"attachments", "a.txt", "true", 201, "-a.txt"},
		{"attachment", "b.txt", "", 400, "attachment"}, {"attachments", strings.Repeat("n", 129), "", 400, "128"}, {"canRename", "x", "", 400, "missing"}} {
		in, kind := upload(step.field, step.name, "data", step.rename)
		if code, got := do(t, s, "POST", path, in, "Content-Type", kind); code != step.want || !strings.Contains(got, step.says) {
			t.Errorf("%d: %d %s; want %d with %q", i, code, got, step.want, step.says)
		}
	}
	if code, _ := do(t, s, "POST", path, "{}", "Content-Type", "application/json"); code != 400 {
		t.Errorf("JSON: %d", code)
	}
	if a := s.Snapshot().Alerts[0].Attachments; len(a) != 2 || string(a[0].Data) != "data" {
		t.Errorf("attachments %+v", a)
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	s := start(t)
	var ids []string
	for i := range 3 {
		_, made := do(t, s, "POST", "alert", body("sourceRef", fmt.Sprintf(`"r%d"`, i), "tags", fmt.Sprintf(`["t%d"]`, i)))
		ids = append(ids, idOf(t, made))
		do(t, s, "POST", "alert/"+ids[0]+"/comment", fmt.Sprintf(`{"message":"c%d"}`, i))
	}
	for in, want := range map[string]string{
		`[{"_name":"listAlert"}]`: "3",
		`[{"_name":"listCase"}]`:  "0",
		`[{"_name":"listAlert"},{"_name":"filter","_eq":{"_field":"sourceRef","_value":"r1"}}]`:                                                   "1",
		`[{"_name":"listAlert"},{"_name":"filter","_eq":{"_field":"tags","_value":"t2"}}]`:                                                        "1",
		`[{"_name":"listAlert"},{"_name":"filter","_and":[{"_eq":{"_field":"sourceRef","_value":"r1"}},{"_eq":{"_field":"type","_value":"t"}}]}]`: "1",
		`[{"_name":"listAlert"},{"_name":"filter","_and":[{"_eq":{"_field":"sourceRef","_value":"r1"}},{"_eq":{"_field":"type","_value":"u"}}]}]`: "0",
		`[{"_name":"listAlert"},{"_name":"page","from":1,"to":10}]`:                                                                               "2",
		`[{"_name":"getAlert","idOrName":"` + ids[0] + `"},{"_name":"comments"}]`:                                                                 "3",
		`[{"_name":"getAlert","idOrName":"` + ids[0] + `"},{"_name":"comments"},{"_name":"page","from":0,"to":2}]`:                                "2",
		`[{"_name":"getAlert","idOrName":"~1"},{"_name":"comments"}]`:                                                                             "0",
		`[{"_name":"getAlert","idOrName":"` + ids[0] + `"},{"_name":"attachments"}]`:                                                              "0",
		`[{"_name":"listUser"}]`: "400", `[]`: "400", `{}`: "400", `[{"_name":"listAlert"},{"_name":"shuffle"}]`: "400",
		`[{"_name":"listAlert"},{"_name":"filter","_near":{}}]`: "400", `[{"_name":"listAlert"},{"_name":"page"}]`: "400", `[{"_name":"listAlert"},{"_name":"filter"}]`: "400",
		`[{"_name":"getAlert","idOrName":"` + ids[0] + `"},{"_name":"comments"},{"_name":"comments"}]`: "400",
	} {
		code, got := do(t, s, "POST", "query", `{"query":`+in+`}`)
		var list []any
		if code == 200 && json.Unmarshal([]byte(got), &list) == nil {
			got = fmt.Sprint(len(list))
		} else {
			got = fmt.Sprint(code)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestKeysAndOrganisations(t *testing.T) {
	t.Parallel()
	s := start(t, WithKey("k", "bot@corp.example", "a", "b"), WithKey("z", "other@corp.example", "c"))
	_, made := do(t, s, "POST", "alert", body())
	for i, tc := range []struct {
		header []string
		path   string
		want   int
		says   string
	}{
		{nil, "user/current", 200, `"organisation":"a"`},
		{[]string{"X-Organisation", "b"}, "user/current", 200, `"organisation":"b"`},
		{[]string{"X-Organisation", "c"}, "user/current", 403, "AuthorizationError"},
		{[]string{"Authorization", "Bearer nope"}, "user/current", 401, "AuthenticationError"},
		{[]string{"Authorization", "k"}, "user/current", 401, ""},
		{[]string{"Authorization", ""}, "user/current", 401, ""},
		{[]string{"Authorization", "Bearer z"}, "alert/" + idOf(t, made), 404, ""},
		{[]string{"X-Organisation", "b"}, "alert/" + idOf(t, made), 404, ""},
		{nil, "alert/" + idOf(t, made), 200, ""},
	} {
		if code, got := do(t, s, "GET", tc.path, "", tc.header...); code != tc.want || !strings.Contains(got, tc.says) {
			t.Errorf("%d: %d %s", i, code, got)
		}
	}
	if code, _ := do(t, s, "POST", "alert", body(), "X-Organisation", "b"); code != 201 {
		t.Errorf("the same reference in another organisation: %d", code)
	}
}

func TestScript(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Fail(TooMany("7"), Status(503), Says(403, "<html>"), Drop(), AnswerLost(), OddBody("ok"), Status(500).Only("promote"))
	for i, want := range []struct {
		code, alerts int
		body         string
	}{{429, 0, ""}, {503, 0, "GenericError"}, {403, 0, "<html>"}, {0, 0, ""}, {0, 1, ""}, {201, 2, "ok"}, {201, 3, "_id"}} {
		code, got := do(t, s, "POST", "alert", body("sourceRef", fmt.Sprintf(`"r%d"`, i)))
		if n := len(s.Snapshot().Alerts); code != want.code || n != want.alerts || !strings.Contains(got, want.body) {
			t.Errorf("%d: %d %q, %d alerts; want %+v", i, code, got, n, want)
		}
	}
	if code, _ := do(t, s, "POST", "alert/"+s.Snapshot().Alerts[0].ID+"/case", ""); code != 500 || len(s.Snapshot().Cases) != 0 {
		t.Errorf("scripted for promote: %d", code)
	}
	s.Down(Status(502))
	for range 2 {
		if code, _ := do(t, s, "GET", "user/current", ""); code != 502 {
			t.Errorf("down: %d", code)
		}
	}
	s.Up()
	s.ReadOnly()
	if code, got := do(t, s, "POST", "alert", body()); code != 403 || !strings.Contains(got, "read-only") {
		t.Errorf("read-only: %d %s", code, got)
	}
	if code, _ := do(t, s, "POST", "query", `{"query":[{"_name":"listAlert"}]}`); code != 200 {
		t.Errorf("read-only query: %d", code)
	}
	s.Up()
	if code, _ := do(t, s, "POST", "alert", body()); code != 201 {
		t.Errorf("up: %d", code)
	}
}

func TestHangEndsWithTheCallerOrTheServer(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Down(Hang())
	ended := make(chan int, 1)
	go func() { code, _ := do(t, s, "GET", "user/current", ""); ended <- code }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.WaitFor(ctx, func(n Snapshot) bool { return len(n.Calls) == 1 }); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if code := <-ended; code != 0 {
		t.Errorf("answered %d", code)
	}
	short, stop := context.WithTimeout(context.Background(), time.Millisecond)
	defer stop()
	if err := s.WaitFor(short, func(Snapshot) bool { return false }); err == nil || !strings.Contains(err.Error(), "1 calls, 0 alerts") {
		t.Errorf("error %v", err)
	}
}
