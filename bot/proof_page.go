package bot

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"strings"

	"github.com/securitybot/securitybot/inquiries"
	"github.com/securitybot/securitybot/responders/mfa/oidc"
)

// page is what a browser shows.
type page struct {
	Title, Text string
	// Of the form after a sign-in; Act is empty on other pages.
	Who, Act, Ref, Action, State, Mark string
}

// The pages. Words for a tired employee: what happened, what to do.
var (
	pageOver         = page{Title: "This link does nothing any more", Text: "The question was answered, or the time for it is over. Chat shows how it stands. If something worries you, please tell the security team."}
	pageUsed         = page{Title: "This was used already", Text: "Each sign-in counts once. If the question in chat is still open, please follow its link again."}
	pageOtherBrowser = page{Title: "Please start again from chat", Text: "This sign-in was not begun in this browser, or it was too long ago. Please follow the link in the question that you got in chat. If you did not get any, close this page: nothing was confirmed."}
	pageNotSignedIn  = page{Title: "You are not signed in", Text: "The sign-in was not finished, so nothing was confirmed. Please follow the link in chat again."}
	pageSomebodyElse = page{Title: "This question is for somebody else", Text: "You signed in, but the question was put to another person, so nothing was confirmed. This is noted for the security team. If somebody sent you this link, please tell them who."}
	pageUnproved     = page{Title: "The sign-in was not enough", Text: "Nothing was confirmed. Please follow the link in chat again and sign in anew, with your second proof. If it goes on like this, do nothing more: the security team looks into it."}
	pageOutage       = page{Title: "The sign-in does not work at the moment", Text: "The company's sign-in did not answer. Please follow the link in chat again in a minute. If it goes on like this, do nothing more: the security team looks into it."}
	pageBusy         = page{Title: "This does not work at the moment", Text: "Please follow the link in chat again in a minute."}
	pageConfirmed    = page{Title: "Thank you", Text: "You confirmed that it was you. You can close this page; chat shows what happens next."}
	pageDenied       = page{Title: "Thank you, we have called the security team", Text: "The security engineer on duty has been called and gets in touch with you. You are not in trouble and need do nothing else. You can close this page."}
)

const pageStyle = `body{font:18px/1.5 system-ui,sans-serif;max-width:34em;margin:3em auto;padding:0 1em;color:#1d1c1d;background:#fff}h1{font-size:1.4em}` +
	`button{font:inherit;padding:.6em 1.2em;margin:.4em .6em .4em 0;border:2px solid #1d1c1d;border-radius:.4em;background:#fff;color:#1d1c1d}small{color:#555}`

// pagePolicy lets the pages show our own style and send their form to us, and
// nothing else.
var pagePolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}()

// html writes the page. Every outside value is escaped, and stands in text or in
// a quoted attribute only. A template package would keep the linker from leaving
// out what the AWS clients do not use: it more than doubles the program.
func (p page) html() string {
	e := html.EscapeString
	var b strings.Builder
	b.WriteString(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>` + e(p.Title) + `</title><style>` + pageStyle + `</style></head>
<body><main><h1>` + e(p.Title) + "</h1>\n")
	if p.Action == "" {
		b.WriteString("<p>" + e(p.Text) + "</p>")
	} else {
		b.WriteString(`<p>You signed in as ` + e(p.Who) + `. It is about this: ` + e(p.Act) + `.</p>
<form method="post" action="` + e(p.Action) + `"><input type="hidden" name="state" value="` + e(p.State) + `"><input type="hidden" name="mark" value="` + e(p.Mark) + `">
<button name="answer" value="yes">Yes, this was me</button> <button name="answer" value="no">No, this wasn't me</button></form>
<p>If somebody else sent you here or asked you to sign in, press No: we then call the security engineer on duty.</p>
<p><small>Reference ` + e(p.Ref) + `</small></p>`)
	}
	b.WriteString("\n</main></body></html>\n")
	return b.String()
}

// ask shows whoever has signed in what they are about to confirm. A link that
// was passed on by somebody else is noticed here, by the person themselves.
func (w *proofWeb) ask(rw http.ResponseWriter, s oidc.Session, q inquiries.Inquiry) {
	w.show(rw, http.StatusOK, page{Title: "Was this you?", Who: q.Proof.User, Act: inquiries.Sentence(q), Ref: q.Ref,
		Action: w.c.Path() + oidc.PathConfirm, State: s.State(), Mark: s.Confirmed()})
}

func (w *proofWeb) show(rw http.ResponseWriter, status int, p page) {
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(status)
	if _, err := io.WriteString(rw, p.html()); err != nil {
		w.b.log.Warn("a page was not shown", "error", err)
	}
}
