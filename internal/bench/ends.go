package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// ends are the far ends of a measurement: as fast as they can be, so that the
// program in the middle is what is measured. The strict fakes of the tests
// would cost more than the bot.
type ends struct {
	server *httptest.Server

	mu        sync.Mutex
	delay     time.Duration
	rate      float64 // Slack posts a second; 0 for no throttle
	burst     float64
	tokens    float64
	last      time.Time
	posts     int
	refused   int
	open      int
	mostOpen  int
	bodies    []string       // of posts, until somebody asks what they say
	texts     map[string]int // what was said, to find doubles and losses
	keys      map[string]int // message keys: a key twice is a double
	triggers  map[string]int // PagerDuty triggers by dedup key
	firstPost time.Time
	lastPost  time.Time
	lastPage  time.Time
	start     time.Time
}

func newEnds() *ends {
	e := &ends{}
	e.reset(0, 0, 0)
	mux := http.NewServeMux()
	mux.HandleFunc("/api/", e.slack)
	mux.HandleFunc("/link", e.socket)
	mux.HandleFunc("/v2/enqueue", e.pager)
	e.server = httptest.NewServer(mux)
	return e
}

// reset forgets what was counted and sets the throttle and the latency.
func (e *ends) reset(rate, burst float64, delay time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rate, e.burst, e.tokens, e.delay = rate, burst, burst, delay
	e.last, e.start = time.Now(), time.Now()
	e.posts, e.refused, e.open, e.mostOpen, e.bodies = 0, 0, 0, 0, nil
	e.texts, e.keys, e.triggers = map[string]int{}, map[string]int{}, map[string]int{}
	e.firstPost, e.lastPost, e.lastPage = time.Time{}, time.Time{}, time.Time{}
}

func (e *ends) slack(w http.ResponseWriter, r *http.Request) {
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	body, _ := io.ReadAll(r.Body)
	switch method {
	case "apps.connections.open":
		reply(w, map[string]any{"ok": true, "url": "ws" + strings.TrimPrefix(e.server.URL, "http") + "/link"})
	case "auth.test":
		reply(w, map[string]any{"ok": true, "team_id": "T0BENCH", "user_id": "U0BOT", "bot_id": "B0BOT", "team": "bench", "user": "bot", "url": e.server.URL})
	case "chat.postMessage":
		e.post(w, r, string(body))
	default:
		reply(w, map[string]any{"ok": true, "ts": e.ts(), "channel": "C0SECURITY"})
	}
}

// post takes or refuses one message.
func (e *ends) post(w http.ResponseWriter, r *http.Request, body string) {
	e.mu.Lock()
	e.open++
	e.mostOpen = max(e.mostOpen, e.open)
	delay, refused := e.delay, !e.take()
	e.mu.Unlock()
	time.Sleep(delay) // the far end's latency is what is simulated here
	e.mu.Lock()
	e.open--
	if refused {
		e.refused++
		e.mu.Unlock()
		w.Header().Set("Retry-After", "1")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"ok":false,"error":"ratelimited"}`)
		return
	}
	e.posts++
	e.lastPost = time.Now()
	if e.firstPost.IsZero() {
		e.firstPost = e.lastPost
	}
	e.bodies = append(e.bodies, body)
	e.mu.Unlock()
	reply(w, map[string]any{"ok": true, "ts": e.ts(), "channel": "C0SECURITY"})
}

// take is the throttle: a bucket as Slack's method limits behave.
func (e *ends) take() bool {
	if e.rate == 0 {
		return true
	}
	now := time.Now()
	e.tokens = min(e.burst, e.tokens+now.Sub(e.last).Seconds()*e.rate)
	e.last = now
	if e.tokens < 1 {
		return false
	}
	e.tokens--
	return true
}

func (e *ends) pager(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Action string `json:"event_action"`
		Key    string `json:"dedup_key"`
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	e.mu.Lock()
	delay := e.delay
	if in.Action == "trigger" {
		e.triggers[in.Key]++
		e.lastPage = time.Now()
	}
	e.mu.Unlock()
	time.Sleep(delay)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, `{"status":"success","message":"Event processed","dedup_key":%q}`, in.Key)
}

func (e *ends) socket(w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	c, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.WriteJSON(map[string]any{"type": "hello", "num_connections": 1, "connection_info": map[string]any{"app_id": "A0BENCH"}})
	go func() {
		for {
			if _, _, err := c.ReadMessage(); err != nil {
				return
			}
		}
	}()
	for {
		time.Sleep(5 * time.Second)
		if c.WriteControl(websocket.PingMessage, []byte("p"), time.Now().Add(time.Second)) != nil {
			return
		}
	}
}

func (e *ends) ts() string {
	return strconv.FormatFloat(float64(time.Now().UnixMicro())/1e6, 'f', 6, 64)
}

func reply(w http.ResponseWriter, v any) {
	body, _ := json.Marshal(v)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}
