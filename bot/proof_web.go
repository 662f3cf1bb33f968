package bot

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/securitybot/securitybot/inquiries"
	"github.com/securitybot/securitybot/internal/proof"
	"github.com/securitybot/securitybot/responders/mfa/oidc"
)

// proofWeb is where browsers come that prove a "yes" by signing in once more:
// the link from the question, the way back from the company's provider, and the
// form at the end. It knows a person only by what the provider signs.
type proofWeb struct {
	b     *Bot
	c     *oidc.Client
	slots chan struct{}
}

// webSlots bounds how many browsers are served at once: the address is public.
const webSlots = 32

// ProofHandler serves the sign-ins of people; nil when none are configured.
func (b *Bot) ProofHandler() http.Handler {
	c, ok := b.verifier.(*oidc.Client)
	if !ok {
		return nil
	}
	w := &proofWeb{b: b, c: c, slots: make(chan struct{}, webSlots)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+c.Path()+oidc.PathStart+"{ticket}", w.start)
	mux.HandleFunc("GET "+c.Path()+oidc.PathCallback, w.callback)
	mux.HandleFunc("POST "+c.Path()+oidc.PathConfirm, w.confirm)
	return w.guarded(mux)
}

// startProofWeb serves ProofHandler; stop ends it, letting what is under way
// finish.
func (b *Bot) startProofWeb() (stop func(), err error) {
	h := b.ProofHandler()
	if h == nil {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", b.cfg.Proofs.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for sign-ins (mfa.oidc.listen): %w", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 40 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() { _ = server.Serve(l) }()
	b.log.Info("sign-ins for second proofs", "addr", l.Addr().String())
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
		_ = server.Close()
	}, nil
}

// guarded puts what every answer needs around the pages.
func (w *proofWeb) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Robots-Tag", "noindex")
		h.Set("Content-Security-Policy", pagePolicy)
		if w.c.Secure() {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		select {
		case w.slots <- struct{}{}:
			defer func() { <-w.slots }()
		default:
			w.show(rw, http.StatusServiceUnavailable, pageBusy)
			return
		}
		r.Body = http.MaxBytesReader(rw, r.Body, 8<<10)
		ctx, cancel := context.WithTimeout(r.Context(), 30*time.Second)
		defer cancel()
		next.ServeHTTP(rw, r.WithContext(ctx))
	})
}

// waiting loads the question a ticket is for, while its proof is awaited.
func (w *proofWeb) waiting(ctx context.Context, id, ticket string) (inquiries.Inquiry, error) {
	q, known, err := w.b.begin().loadInquiry(ctx, id)
	switch {
	case err != nil:
		return q, err
	case !known, !w.open(q, ticket):
		return q, errLinkOver
	}
	return q, nil
}

func (w *proofWeb) open(q inquiries.Inquiry, ticket string) bool {
	return q.Status == inquiries.StatusVerifying && w.b.clock.Now().Before(q.Proof.By) && q.Proof.Key != "" && oidc.Same(q.Proof.TxID, ticket)
}

var errLinkOver = errors.New("the link does nothing any more")

// start sends a browser to the provider. Nothing is used up by it: chat clients
// open links to preview them.
func (w *proofWeb) start(rw http.ResponseWriter, r *http.Request) {
	id, ticket, ok := oidc.ParseTicket(r.PathValue("ticket"))
	if !ok {
		w.show(rw, http.StatusNotFound, pageOver)
		return
	}
	q, err := w.waiting(r.Context(), id, ticket)
	if err != nil {
		w.failed(rw, err)
		return
	}
	s := oidc.NewSession(id, ticket, q.Proof.Key, w.browser(r))
	to, err := w.c.SignIn(r.Context(), s)
	if err != nil {
		w.failed(rw, err)
		return
	}
	http.SetCookie(rw, &http.Cookie{Name: w.cookie(), Value: s.Browser, Path: "/", MaxAge: int(inquiries.VerifyWait.Seconds()), Secure: w.c.Secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(rw, r, to, http.StatusSeeOther)
}

// cookie is its name. With the prefix, browsers take it from this host only.
func (w *proofWeb) cookie() string {
	if w.c.Secure() {
		return "__Host-securitybot"
	}
	return "securitybot"
}

func (w *proofWeb) browser(r *http.Request) string {
	c, err := r.Cookie(w.cookie())
	if err != nil {
		return ""
	}
	return c.Value
}

// session finds what a state that came back is about. When there is nothing, it
// has told the person.
func (w *proofWeb) session(rw http.ResponseWriter, r *http.Request, state string) (oidc.Session, inquiries.Inquiry, bool) {
	s, ok := oidc.ParseState(state, w.browser(r))
	if !ok {
		w.show(rw, http.StatusForbidden, pageOtherBrowser)
		return s, inquiries.Inquiry{}, false
	}
	q, err := w.waiting(r.Context(), s.ID, s.Ticket)
	if err != nil {
		w.failed(rw, err)
		return s, q, false
	}
	s.Key = q.Proof.Key
	return s, q, true
}

// callback takes a browser back from the provider. Each sign-in is taken once,
// and that is committed before its code is used.
func (w *proofWeb) callback(rw http.ResponseWriter, r *http.Request) {
	s, q, ok := w.session(rw, r, r.FormValue("state"))
	if !ok {
		return
	}
	taken, err := w.apply(r.Context(), s, inquiries.SignedIn{State: s.Once})
	switch {
	case err != nil:
		w.failed(rw, err)
		return
	case !taken:
		w.show(rw, http.StatusForbidden, pageUsed)
		return
	case r.FormValue("error") != "" || r.FormValue("code") == "":
		w.show(rw, http.StatusForbidden, pageNotSignedIn)
		return
	}
	switch err := w.c.Login(r.Context(), s, r.FormValue("code"), q.Proof.User, q.Proof.Began); {
	case errors.Is(err, oidc.ErrSomebodyElse):
		w.b.log.Warn("somebody else than the person asked signed in for a second proof", "case", q.Ref)
		if _, err := w.apply(r.Context(), s, inquiries.StrangeSignIn{}); err != nil {
			w.failed(rw, err)
			return
		}
		w.show(rw, http.StatusForbidden, pageSomebodyElse)
	case err != nil:
		w.failed(rw, err)
	default:
		w.ask(rw, s, q)
	}
}

// confirm takes the answer of whoever has signed in.
func (w *proofWeb) confirm(rw http.ResponseWriter, r *http.Request) {
	s, _, ok := w.session(rw, r, r.PostFormValue("state"))
	if !ok {
		return
	}
	if !s.Confirms(r.PostFormValue("mark")) {
		w.show(rw, http.StatusForbidden, pageUsed)
		return
	}
	event, page := inquiries.Verified{Result: inquiries.VerifyDeny}, pageDenied
	switch r.PostFormValue("answer") {
	case "yes":
		event, page = inquiries.Verified{Result: inquiries.VerifyAllow}, pageConfirmed
	case "no":
	default:
		w.show(rw, http.StatusBadRequest, pageUsed)
		return
	}
	taken, err := w.apply(r.Context(), s, event)
	switch {
	case err != nil:
		w.failed(rw, err)
	case !taken:
		w.show(rw, http.StatusGone, pageOver)
	default:
		w.b.metrics.proofs.WithLabelValues(string(event.Result)).Inc()
		w.show(rw, http.StatusOK, page)
	}
}

// apply commits what happened in a browser, if its ticket still is the one.
func (w *proofWeb) apply(ctx context.Context, s oidc.Session, event inquiries.Event) (bool, error) {
	reply, known, err := w.b.changeInquiry(ctx, s.ID, nil, func(q inquiries.Inquiry) inquiries.Event {
		if !w.open(q, s.Ticket) {
			return inquiries.Clock{}
		}
		return event
	})
	return known && reply.Counted, err
}

// failed tells the person what to do, and the log why.
func (w *proofWeb) failed(rw http.ResponseWriter, err error) {
	var f *proof.Failure
	switch {
	case errors.Is(err, errLinkOver):
		w.show(rw, http.StatusGone, pageOver)
		return
	case errors.As(err, &f):
		w.show(rw, http.StatusBadGateway, pageOutage)
	case errors.Is(err, oidc.ErrUnproved):
		w.show(rw, http.StatusForbidden, pageUnproved)
	default:
		w.show(rw, http.StatusServiceUnavailable, pageBusy)
	}
	w.b.log.Warn("a sign-in did not prove anything", "error", err)
}
