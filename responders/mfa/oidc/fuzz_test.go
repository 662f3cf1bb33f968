package oidc

import (
	"strings"
	"testing"
)

// Whatever an address holds, what is taken of it has the form of ours.
func FuzzAddress(f *testing.F) {
	s := NewSession("Q1", strings.Repeat("t", 43), "k", "")
	f.Add(s.State(), s.Browser)
	f.Add("Q1."+s.Ticket, "")
	f.Add("a.b.c.d", "\x00")
	f.Fuzz(func(t *testing.T, text, cookie string) {
		if id, ticket, ok := ParseTicket(text); ok && (!question.MatchString(id) || !token.MatchString(ticket)) {
			t.Errorf("ticket %q %q", id, ticket)
		}
		if got, ok := ParseState(text, cookie); ok && (got.State() != text || got.Browser != cookie || got.Key != "") {
			t.Errorf("state %q became %+v", text, got)
		}
		if b := NewSession("Q1", s.Ticket, "k", cookie).Browser; !token.MatchString(b) {
			t.Errorf("browser %q", b)
		}
	})
}
