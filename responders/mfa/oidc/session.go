package oidc

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"regexp"
	"strings"
)

// Session is one way from the link to the provider and back, in one browser.
type Session struct {
	ID      string // of the question
	Ticket  string // of the link
	Once    string // of this sign-in
	Browser string // secret of the browser, in its cookie
	Key     string // secret of the question; never leaves the bot
}

// NewSession begins a sign-in. browser is the cookie's value, or empty for a
// browser that has none yet.
func NewSession(id, ticket, key, browser string) Session {
	if !token.MatchString(browser) {
		browser = random()
	}
	return Session{ID: id, Ticket: ticket, Once: random(), Browser: browser, Key: key}
}

var (
	token    = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	question = regexp.MustCompile(`^[A-Za-z0-9]{1,64}$`)
)

// ParseTicket reads what a link ends with.
func ParseTicket(s string) (id, ticket string, ok bool) {
	id, ticket, ok = strings.Cut(s, ".")
	return id, ticket, ok && question.MatchString(id) && token.MatchString(ticket)
}

// State is what the provider hands back: the question, the ticket, this sign-in,
// and which browser it began in.
func (s Session) State() string {
	return strings.Join([]string{s.ID, s.Ticket, s.Once, s.mark()}, ".")
}

// ParseState reads a state that came back to a browser, and refuses one that
// began in another: a link to our callback proves nothing in a browser that
// did not ask for it. The caller adds the key.
func ParseState(state, browser string) (Session, bool) {
	parts := strings.Split(state, ".")
	if len(parts) != 4 || !question.MatchString(parts[0]) || !token.MatchString(parts[1]) || !token.MatchString(parts[2]) || !token.MatchString(browser) {
		return Session{}, false
	}
	s := Session{ID: parts[0], Ticket: parts[1], Once: parts[2], Browser: browser}
	return s, same(parts[3], s.mark())
}

func (s Session) mark() string {
	sum := sha256.Sum256([]byte("browser|" + s.Once + "|" + s.Browser))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (s Session) nonce() string    { return s.derive("nonce") }
func (s Session) verifier() string { return s.derive("pkce") }

// Confirmed is what the form carries that is shown after the sign-in, so that
// nobody can send it without one.
func (s Session) Confirmed() string { return s.derive("confirm") }

// Confirms says whether a form comes from a sign-in.
func (s Session) Confirms(mark string) bool { return s.Key != "" && same(mark, s.Confirmed()) }

func (s Session) derive(what string) string {
	mac := hmac.New(sha256.New, []byte(s.Key))
	mac.Write([]byte(strings.Join([]string{what, s.ID, s.Ticket, s.Once, s.Browser}, "|")))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Same compares secrets in constant time.
func Same(a, b string) bool { return a != "" && same(a, b) }

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
