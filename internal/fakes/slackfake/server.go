package slackfake

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/wire"
)

// Server is a fake Slack workspace with one installed app. All methods may be
// called at the same time from several goroutines.
type Server struct {
	URL      string // scheme and host, without a final slash
	AppToken string // the app-level token (xapp-…) with connections:write
	BotToken string // the bot token (xoxb-…)
	TeamID   string
	AppID    string
	BotID    string // the bot_id of the app's messages
	BotUser  string // the user id of the bot

	set  settings
	http *http.Server
	done chan struct{}
	wg   sync.WaitGroup

	mu      sync.Mutex
	closing bool
	offset  time.Duration
	ids     int
	lastTS  int64
	notify  chan struct{}
	subs    map[int]*subscriber
	seq     int

	tokens   map[string]*Token
	users    []*User
	channels []*Channel
	groups   []*Usergroup
	messages map[string][]*Message // by channel, oldest first, ephemerals included
	byRef    map[Ref]*Message
	posted   []*Message         // of the app, in order
	threads  map[Ref][]*Message // replies that are not deleted, by the message they reply to
	views    map[string]*View
	stacks   map[string][]string // open modals of a user, the visible one last
	homes    map[string]string   // home tab view of a user
	triggers map[string]*trigger
	hooks    map[string]*hook
	calls    []Call
	faults   []*scripted
	limits   limiter
	sock     sockets

	canvases []*Canvas
	noCanvas string // the code that refuses canvases
	files    []*File
	uploads  string // another host for uploads
}

// New starts a workspace. It panics when no loopback port can be opened, which
// in a test or a demo nobody could handle better.
func New(opts ...Option) *Server {
	set := defaults()
	for _, o := range opts {
		o(&set)
	}
	ln, err := wire.ListenAt(set.addr)
	if err != nil {
		panic(fmt.Sprintf("slackfake: listen on %s: %v", set.addr, err))
	}
	s := &Server{
		URL:      "http://" + ln.Addr().String(),
		AppToken: "xapp-1-A0SECBOT1-fake-app-token", BotToken: "xoxb-fake-bot-token",
		TeamID: "T0CORP0001", AppID: "A0SECBOT1", BotID: "B0SECBOT1", BotUser: "U0SECBOT1",
		set: set, done: make(chan struct{}), notify: make(chan struct{}), subs: map[int]*subscriber{},
		tokens: map[string]*Token{}, messages: map[string][]*Message{}, byRef: map[Ref]*Message{}, threads: map[Ref][]*Message{},
		views: map[string]*View{}, stacks: map[string][]string{}, homes: map[string]string{},
		triggers: map[string]*trigger{}, hooks: map[string]*hook{},
		limits: limiter{buckets: map[string]*bucket{}}, sock: sockets{open: map[int]*socket{}, tickets: map[string]time.Time{}, pending: map[string]*delivery{}},
	}
	s.tokens[s.AppToken] = &Token{Value: s.AppToken, App: true, Scopes: []string{"connections:write"}}
	s.tokens[s.BotToken] = &Token{Value: s.BotToken, Scopes: set.scopes}
	s.users = append(s.users, &User{ID: s.BotUser, TeamID: s.TeamID, Name: "securitybot", RealName: "SecurityBot", Bot: true, TZ: "Europe/London", Locale: "en-GB"})
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.wg.Add(1)
	go func() { defer s.wg.Done(); _ = s.http.Serve(ln) }()
	return s
}

// APIURL returns the address of the Web API with the final slash client
// libraries need.
func (s *Server) APIURL() string { return s.URL + "/api/" }

// Close cuts every connection and ends every goroutine of the server.
func (s *Server) Close() {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return
	}
	s.closing = true
	close(s.done)
	for _, d := range s.sock.pending {
		d.stopTimer()
	}
	for _, c := range s.sock.open {
		c.reset()
	}
	s.changed(Change{Kind: "closed"})
	s.mu.Unlock()
	_ = s.http.Close()
	s.wg.Wait()
}

// ServeHTTP serves the Web API, the Socket Mode address, the response URLs and the
// addresses files are uploaded to.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		return
	}
	defer s.wg.Done()
	switch path := r.URL.Path; {
	case len(path) > 5 && path[:5] == "/api/":
		s.serveAPI(w, r, path[5:])
	case path == "/link/":
		s.serveSocket(w, r)
	case len(path) > 7 && path[:7] == "/hooks/":
		s.serveHook(w, r, path[7:])
	case len(path) > 11 && path[:11] == "/upload/v1/":
		s.serveUpload(w, r, path[11:])
	default:
		http.NotFound(w, r)
	}
}

// Now is the time of the workspace: that of the clock, moved by Advance and
// SetNow.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

func (s *Server) now() time.Time { return s.set.clock().Add(s.offset) }

// Advance moves the workspace's time forward by d at once: trigger ids and
// response URLs age, later messages carry later timestamps.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset += d
	s.changed(Change{Kind: "time"})
}

// SetNow makes the time of the workspace t; it goes on from there.
func (s *Server) SetNow(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset = t.Sub(s.set.clock())
	s.changed(Change{Kind: "time"})
}

// id makes up an identifier with the given first letter. Callers hold mu.
func (s *Server) id(letter string) string {
	s.ids++
	return fmt.Sprintf("%s0%08d", letter, s.ids)
}

// timestamp makes up a message timestamp, unique and growing like Slack's.
// Callers hold mu.
func (s *Server) timestamp() string {
	us := s.now().UnixMicro()
	if us <= s.lastTS {
		us = s.lastTS + 1
	}
	s.lastTS = us
	return fmt.Sprintf("%d.%06d", us/1e6, us%1e6)
}

// enter counts a goroutine that Close waits for; it is false after Close.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		s.wg.Add(1)
	}
	return !s.closing
}
