package pagerdutyfake

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

func TestRESTRefusesWhatTheRealServiceRefuses(t *testing.T) {
	t.Parallel()
	s := start(t, WithAPIToken("tok"))
	s.SetRota(Shift{Policy: "P1", PolicyName: "Security", Level: 1, UserID: "PU", Name: "Ada", Email: "ada@corp.example", End: time.Now().Add(time.Hour)})
	const accept = "application/vnd.pagerduty+json;version=2"
	for name, tc := range map[string]struct {
		method, query, auth, accept string
		want                        int
	}{
		"good":         {"GET", "?include[]=users&limit=100&offset=0&earliest=true", "Token token=tok", accept, 200},
		"bearer":       {"GET", "", "Bearer tok", accept, 401},
		"other token":  {"GET", "", "Token token=other", accept, 401},
		"no version":   {"GET", "", "Token token=tok", "application/json", 406},
		"write":        {"POST", "", "Token token=tok", accept, 405},
		"odd argument": {"GET", "?policy=P1", "Token token=tok", accept, 400},
		"odd limit":    {"GET", "?limit=many", "Token token=tok", accept, 400},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tc.method, s.URL+"/oncalls"+tc.query, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", tc.auth)
		req.Header.Set("Accept", tc.accept)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var body struct {
			OnCalls []struct {
				User struct{ Email string } `json:"user"`
			} `json:"oncalls"`
			Error struct{ Message string } `json:"error"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || resp.StatusCode != tc.want || (tc.want == 200) != (body.Error.Message == "") {
			t.Errorf("%s: %s %+v %v", name, resp.Status, body, err)
		}
		if tc.want == 200 && (len(body.OnCalls) != 1 || body.OnCalls[0].User.Email != "ada@corp.example") {
			t.Errorf("%s: %+v", name, body)
		}
		resp.Body.Close()
	}
	if got := start(t); len(got.Rota()) != 0 {
		t.Error("a rota nobody set")
	}
	if len(s.Rota()) != 1 || len(s.RESTCalls()) != 7 || len(s.Calls()) != 0 {
		t.Errorf("%d shifts, %d REST calls, %d events", len(s.Rota()), len(s.RESTCalls()), len(s.Calls()))
	}
}
