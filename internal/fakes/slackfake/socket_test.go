package slackfake_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

// link is a bare Socket Mode client.
type link struct {
	*websocket.Conn
	t *testing.T
}

// envelope is any message of the server.
type envelope struct {
	Type           string         `json:"type"`
	EnvelopeID     string         `json:"envelope_id"`
	Reason         string         `json:"reason"`
	NumConnections int            `json:"num_connections"`
	RetryAttempt   int            `json:"retry_attempt"`
	RetryReason    string         `json:"retry_reason"`
	Accepts        bool           `json:"accepts_response_payload"`
	Payload        map[string]any `json:"payload"`
	Debug          map[string]any `json:"debug_info"`
}

// dialRaw connects without reading hello.
func dialRaw(t *testing.T, ws *slackfake.Server, d websocket.Dialer) (*link, *http.Response, error) {
	t.Helper()
	opened := send(t, ws, "apps.connections.open", "application/json", ws.AppToken, "")
	if opened.code() != "" {
		t.Fatal(opened)
	}
	conn, resp, err := d.DialContext(t.Context(), opened["url"].(string), nil)
	if err != nil {
		return nil, resp, err
	}
	t.Cleanup(func() { conn.Close() })
	return &link{conn, t}, resp, nil
}

// dial connects and reads hello.
func dial(t *testing.T, ws *slackfake.Server) *link {
	t.Helper()
	l, _, err := dialRaw(t, ws, websocket.Dialer{})
	if err != nil {
		t.Fatal(err)
	}
	if e := l.next(); e.Type != "hello" {
		t.Fatalf("%+v instead of hello", e)
	}
	return l
}

func (l *link) next() envelope {
	l.t.Helper()
	_ = l.SetReadDeadline(time.Now().Add(10 * time.Second))
	var e envelope
	if err := l.ReadJSON(&e); err != nil {
		l.t.Fatal(err)
	}
	return e
}

// ended waits for the end of the connection.
func (l *link) ended() error {
	_ = l.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		if _, _, err := l.ReadMessage(); err != nil {
			return err
		}
	}
}

func (l *link) ack(envelopeID, payload string) {
	l.t.Helper()
	msg := map[string]any{"envelope_id": envelopeID}
	if payload != "" {
		msg["payload"] = json.RawMessage(payload)
	}
	if err := l.WriteJSON(msg); err != nil {
		l.t.Fatal(err)
	}
}

// delivered waits until the delivery is as wanted.
func delivered(t *testing.T, ws *slackfake.Server, id string, want func(slackfake.Delivery) bool) {
	t.Helper()
	wait(t, ws, func(st slackfake.State) bool {
		d, ok := st.Delivery(id)
		return ok && want(d)
	})
}

func TestHelloAndTickets(t *testing.T) {
	t.Parallel()
	ws, _, _ := workspace(t)
	first := dial(t, ws)
	l, _, err := dialRaw(t, ws, websocket.Dialer{})
	if err != nil {
		t.Fatal(err)
	}
	if e := l.next(); e.NumConnections != 2 || e.Debug["host"] == "" || e.Debug["approximate_connection_time"] == nil {
		t.Errorf("%+v", e)
	}
	opened := send(t, ws, "apps.connections.open", "application/json", ws.AppToken, "")
	if _, _, err := websocket.DefaultDialer.DialContext(t.Context(), opened["url"].(string), nil); err != nil {
		t.Fatal(err)
	}
	_, resp, err := websocket.DefaultDialer.DialContext(t.Context(), opened["url"].(string), nil)
	if err == nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("a ticket was used twice: %v", err)
	}
	_ = first.Close()
	wait(t, ws, func(st slackfake.State) bool { return st.Open() == 2 })
	if c := ws.Connections(); len(c) != 3 || c[0].Open() || c[0].Reason == "" || !c[1].Open() || c[1].OpenedAt.IsZero() {
		t.Errorf("%+v", c)
	}
}

func TestConnectionCap(t *testing.T) {
	t.Parallel()
	ws, _, _ := workspace(t)
	for range 10 {
		dial(t, ws)
	}
	l, _, err := dialRaw(t, ws, websocket.Dialer{})
	if err != nil {
		t.Fatal(err)
	}
	if e := l.next(); e.Type != "disconnect" || e.Reason != slackfake.TooManySockets {
		t.Errorf("%+v", e)
	}
	if err := l.ended(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Error(err)
	}
	wait(t, ws, func(st slackfake.State) bool { return st.Open() == 10 })
}

func TestDisconnects(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{slackfake.Warning, slackfake.RefreshRequested, slackfake.LinkDisabled, slackfake.TooManySockets, "brand_new"} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			ws, _, _ := workspace(t, slackfake.WithWarning(time.Millisecond))
			l := dial(t, ws)
			ws.Disconnect(0, reason)
			if e := l.next(); e.Type != "disconnect" || e.Reason != reason {
				t.Errorf("%+v", e)
			}
			if err := l.ended(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
				t.Error(err)
			}
			wait(t, ws, func(st slackfake.State) bool { return st.Open() == 0 })
			if c := ws.Connections()[0]; c.Reason != reason {
				t.Errorf("%+v", c)
			}
		})
	}
}

// TestWarningLeavesTime checks that a connection works on after a warning.
func TestWarningLeavesTime(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t, slackfake.WithWarning(time.Hour))
	l := dial(t, ws)
	ws.Disconnect(1, slackfake.Warning)
	l.next()
	g, err := ws.As(ada.ID).Slash("/ir", "", general.ID)
	l.ack(l.next().EnvelopeID, "")
	if out := outcome(t, g, err); !out.OK() {
		t.Errorf("%+v", out)
	}
}

func TestWelcomes(t *testing.T) {
	t.Parallel()
	ws, _, _ := workspace(t)
	ws.WelcomeStatus(1, http.StatusConflict)
	ws.WelcomeDisconnect(1, slackfake.RefreshRequested)
	ws.WelcomeSilence(1)
	if _, resp, err := dialRaw(t, ws, websocket.Dialer{}); err == nil || resp.StatusCode != http.StatusConflict {
		t.Error(err)
	}
	l := dial(t, ws)
	if e := l.next(); e.Reason != slackfake.RefreshRequested {
		t.Errorf("%+v", e)
	}
	silent, _, err := dialRaw(t, ws, websocket.Dialer{})
	if err != nil {
		t.Fatal(err)
	}
	wait(t, ws, func(st slackfake.State) bool { return len(st.Connections()) == 2 })
	dial(t, ws) // and the next is greeted as usual
	ws.Reset(2)
	if err := silent.ended(); !strings.Contains(err.Error(), "reset") {
		t.Errorf("the silent connection said something: %v", err)
	}
	ws.WelcomeDisconnect(-1, slackfake.Warning)
	ws.WelcomeNormally()
	dial(t, ws)
}

func TestResetAndDown(t *testing.T) {
	t.Parallel()
	ws, _, _ := workspace(t)
	l := dial(t, ws)
	ws.Down()
	if err := l.ended(); err == nil || websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("a reset is no clean end: %v", err)
	}
	resp, err := http.Post(ws.APIURL()+"apps.connections.open", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d", resp.StatusCode)
	}
	ws.Up()
	dial(t, ws)
}

func TestPings(t *testing.T) {
	t.Parallel()
	ws, _, _ := workspace(t, slackfake.WithPing(time.Millisecond))
	l := dial(t, ws)
	go func() { _ = l.ended() }() // reading answers pings
	wait(t, ws, func(st slackfake.State) bool { return st.Connections()[0].Pongs > 2 })
	ws.Stall(0)
	other := dial(t, ws)
	go func() { _ = other.ended() }()
	// Some may have been under way: none comes while the other connection has five.
	for range 20 {
		before := ws.Connections()
		wait(t, ws, func(st slackfake.State) bool { return st.Connections()[1].Pongs >= before[1].Pongs+5 })
		if ws.Connections()[0].Pongs == before[0].Pongs {
			return
		}
	}
	t.Error("pings are answered on a connection that is stalled")
}
