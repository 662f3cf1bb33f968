package main

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/securitybot/securitybot/internal/rig"
)

//go:embed web
var web embed.FS

// demo is the page's server.
type demo struct {
	world *rig.Rig
	mu    sync.Mutex
	last  map[string]string // id of the latest finding of a card

	atWork atomic.Bool // an operation waits for AWS
}

func newDemo(world *rig.Rig) *demo { return &demo{world: world, last: map[string]string{}} }

// actTimeout bounds one thing a person does on the page.
const actTimeout = 8 * time.Second

func (d *demo) handler() http.Handler {
	files, err := fs.Sub(web, "web")
	if err != nil {
		panic(err) // the files are embedded
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /api/state", d.serveState)
	mux.HandleFunc("GET /api/events", d.serveEvents)
	mux.HandleFunc("GET /api/file/{place}/{id...}", d.serveFile)
	for name, act := range d.acts() {
		mux.HandleFunc("POST /api/"+name, d.serveAct(act))
	}
	return mux
}

func (d *demo) serveState(w http.ResponseWriter, r *http.Request) {
	p, err := d.state(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, http.StatusOK, p)
}

// serveEvents tells the page to look again: at each change in the workspace,
// and at least every two seconds while something is under way.
func (d *demo) serveEvents(w http.ResponseWriter, r *http.Request) {
	flush, ok := w.(http.Flusher)
	if !ok {
		http.Error(w, "streaming is not possible here", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	chat, stopChat := d.world.Slack.Subscribe()
	defer stopChat()
	beat := time.NewTicker(2 * time.Second)
	defer beat.Stop()
	for {
		pager := d.world.Pager.Changed()
		select {
		case <-r.Context().Done():
			return
		case c, ok := <-chat:
			if !ok {
				return
			}
			if c.Kind == "call" || c.Kind == "socket" || c.Kind == "envelope" || c.Kind == "ack" {
				continue
			}
		case <-pager:
		case <-beat.C:
		}
		if _, err := fmt.Fprint(w, "data: look\n\n"); err != nil {
			return
		}
		flush.Flush()
	}
}

// request is what the page asks for; which fields count depends on the act.
type request struct {
	As      string            `json:"as"`
	Sample  string            `json:"sample"`
	Channel string            `json:"channel"`
	TS      string            `json:"ts"`
	Label   string            `json:"label"`
	Text    string            `json:"text"`
	View    string            `json:"view"`
	Key     string            `json:"key"`
	Do      string            `json:"do"`
	Seconds int               `json:"seconds"`
	To      string            `json:"to"`
	Values  map[string]string `json:"values"`
}

type act func(ctx context.Context, r request) (any, error)

// maxRequest bounds what the page may send.
const maxRequest = 64 << 10

func (d *demo) serveAct(do act) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		// Only the page itself: another site in the same browser can send neither
		// this content type nor this fetch mode without asking first.
		if site := r.Header.Get("Sec-Fetch-Site"); (site != "" && site != "same-origin") || r.Header.Get("Content-Type") != "application/json" {
			answer(w, http.StatusForbidden, map[string]string{"error": "Only the demo's own page may do this."})
			return
		}
		var in request
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&in); err != nil {
			answer(w, http.StatusBadRequest, map[string]string{"error": "This request cannot be read."})
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), actTimeout)
		defer cancel()
		out, err := do(ctx, in)
		if err != nil {
			answer(w, http.StatusConflict, map[string]string{"error": err.Error()})
			return
		}
		if out == nil {
			out = map[string]bool{"ok": true}
		}
		answer(w, http.StatusOK, out)
	}
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
