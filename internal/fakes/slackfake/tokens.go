package slackfake

import (
	"slices"
	"strings"
)

// Token is a credential of the app.
type Token struct {
	Value   string
	App     bool // an app-level token (xapp-…), not a bot token
	Scopes  []string
	Refused string // when set, every call with it fails with this code: token_revoked, account_inactive, token_expired …
}

// AddToken adds a further token.
func (s *Server) AddToken(t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Scopes = slices.Clone(t.Scopes)
	s.tokens[t.Value] = &t
}

// RefuseToken makes every call with the token fail with code ("token_revoked",
// "account_inactive", "token_expired" …) until it is called with "".
func (s *Server) RefuseToken(value, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tokens[value]; t != nil {
		t.Refused = code
	}
}

// SetScopes replaces the scopes of a token.
func (s *Server) SetScopes(value string, scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tokens[value]; t != nil {
		t.Scopes = scopes
	}
}

// authenticate checks the token, its kind and the scope of the method.
func (req *request) authenticate(value string, m method) error {
	if value == "" {
		return refuse("not_authed")
	}
	t := req.s.tokens[value]
	if t == nil {
		return refuse("invalid_auth")
	}
	if t.Refused != "" {
		return refuse(t.Refused)
	}
	req.token = t
	if t.App != m.app {
		return refuse("not_allowed_token_type")
	}
	if m.scope != "" {
		return req.need(m.scope)
	}
	return nil
}

// need refuses the call when the token has none of the scopes.
func (req *request) need(anyOf ...string) error {
	for _, scope := range anyOf {
		if slices.Contains(req.token.Scopes, scope) {
			return nil
		}
	}
	return &apiError{
		code:   "missing_scope",
		needed: strings.Join(anyOf, ","), provided: strings.Join(req.token.Scopes, ","),
	}
}

// needFor refuses the call when the token lacks what is needed to do verb
// ("read", "history", "write") in conversations of this kind.
func (req *request) needFor(kind ChannelKind, verb string) error {
	family := map[ChannelKind]string{Public: "channels", Private: "groups", DM: "im", GroupDM: "mpim"}[kind]
	if verb == "write" && kind == Public {
		return req.need("channels:manage")
	}
	return req.need(family + ":" + verb)
}
