package bot_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// visitor is a person's browser.
type visitor struct {
	t *testing.T
	c *http.Client
}

func (s *scene) browser() *visitor { return &visitor{s.t, s.Browser()} }

// sees is a page: where it is, what it says.
type sees struct {
	status int
	at     *url.URL
	text   string
}

func (v *visitor) read(resp *http.Response, err error) sees {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	h := resp.Header
	if !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("Cache-Control") != "no-store" || h.Get("X-Frame-Options") != "DENY" {
		v.t.Errorf("headers of %s: %v", resp.Request.URL.Path, h)
	}
	return sees{resp.StatusCode, resp.Request.URL, string(raw)}
}

func (v *visitor) visit(address string) sees {
	v.t.Helper()
	return v.read(v.c.Get(address))
}

var hidden = regexp.MustCompile(`name="(state|mark)" value="([^"]+)"`)

// form reads what the page would send.
func (p sees) form(answer string) url.Values {
	out := url.Values{"answer": {answer}}
	for _, m := range hidden.FindAllStringSubmatch(p.text, -1) {
		out.Set(m[1], m[2])
	}
	return out
}

func (v *visitor) press(p sees, answer string) sees {
	v.t.Helper()
	return v.read(v.c.PostForm(p.at.Scheme+"://"+p.at.Host+"/verify/confirm", p.form(answer)))
}

var signInLink = regexp.MustCompile(`https://securitybot\.corp\.example/verify/[A-Za-z0-9]+\.[A-Za-z0-9_-]{43}`)

// signingIn is a scene in which Ana has said "yes" and has the link.
func signingIn(t *testing.T, o rig.Options) (*scene, slackfake.Message, string) {
	t.Helper()
	o.Policy, o.Proofs = policyFile(t, proofPolicy), "oidc"
	s := begin(t, o)
	s.OIDC.SignsIn(claimsOf(s.Ana))
	s.Send(rig.Ask(1).SNS())
	m := s.question(1)
	s.click(s.Ana, m, "Yes, this was me")
	s.shows(m, "Sign in once more", "/verify/")
	now, _ := s.Slack.Message(m.Ref())
	return s, m, signInLink.FindString(now.Text + string(now.Blocks))
}

func claimsOf(u slackfake.User) map[string]any {
	return map[string]any{"email": u.Email, "email_verified": true, "acr": "phr", "amr": []string{"hwk"}}
}

func expect(t *testing.T, p sees, status int, says string) {
	t.Helper()
	if p.status != status || !strings.Contains(p.text, says) {
		t.Errorf("the page is %d, want %d with %q:\n%s", p.status, status, says, p.text)
	}
}

func TestAYesIsProvedByANewSignIn(t *testing.T) {
	t.Parallel()
	s, m, link := signingIn(t, rig.Options{Replica: 2}) // every request goes to another replica
	v := s.browser()
	v.visit(link) // as a preview does
	asked := v.visit(link)
	expect(t, asked, http.StatusOK, "It is about this: ")
	q := s.OIDC.Asked()[1]
	if q.Get("max_age") != "0" || q.Get("prompt") != "login" || q.Get("acr_values") != "phr" || q.Get("nonce") == s.OIDC.Asked()[0].Get("nonce") {
		t.Errorf("asked for %v", q)
	}
	s.settled()
	if now, _ := s.Slack.Message(m.Ref()); strings.Contains(now.Text, "Thank you") {
		t.Fatal("proved before the person confirmed")
	}
	expect(t, v.press(asked, "yes"), http.StatusOK, "Thank you")
	s.shows(m, "You confirmed that it was you")
	expect(t, v.press(asked, "no"), http.StatusGone, "does nothing any more")
	expect(t, v.visit(link), http.StatusGone, "does nothing any more")
	s.pages(0)
}

func TestANoAfterTheSignInPages(t *testing.T) {
	t.Parallel()
	s, m, link := signingIn(t, rig.Options{})
	v := s.browser()
	expect(t, v.press(v.visit(link), "no"), http.StatusOK, "we have called the security team")
	s.incidents("a refusal does not page", open(1))
	s.shows(m, "You refused the request for a second proof")
	s.pages(1)
}

func TestARestartInTheMiddleOfASignIn(t *testing.T) {
	t.Parallel()
	s, m, link := signingIn(t, rig.Options{})
	v := s.browser()
	asked := v.visit(link)
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, v.press(asked, "yes"), http.StatusOK, "Thank you")
	s.shows(m, "You confirmed that it was you")
	s.pages(0)
}

// Somebody else's sign-in proves nothing, and the case says so. The person
// asked can still prove it.
func TestAnotherPersonsSignInIsRefused(t *testing.T) {
	t.Parallel()
	s, m, link := signingIn(t, rig.Options{})
	s.OIDC.SignsIn(claimsOf(s.Omar))
	expect(t, s.browser().visit(link), http.StatusForbidden, "for somebody else")
	lives, err := s.Bots[0].Lives(s.ctx, 1)
	if err != nil || !strings.Contains(fmt.Sprint(lives[0].Timeline), "somebody else than the person asked signed in") {
		t.Errorf("lives %+v %v", lives, err)
	}
	s.OIDC.SignsIn(claimsOf(s.Ana))
	v := s.browser()
	v.press(v.visit(link), "yes")
	s.shows(m, "You confirmed that it was you")
	s.pages(0)
}

// What comes back from the provider counts once, and in the browser it began in.
func TestAReplayedSignInIsRefused(t *testing.T) {
	t.Parallel()
	s, _, link := signingIn(t, rig.Options{Replica: 2})
	v := s.browser()
	asked := v.visit(link)
	expect(t, v.visit(asked.at.String()), http.StatusForbidden, "was used already")
	expect(t, s.browser().visit(asked.at.String()), http.StatusForbidden, "start again from chat")
	expect(t, s.browser().press(asked, "yes"), http.StatusForbidden, "start again from chat")
	forged := asked
	forged.text = strings.NewReplacer(asked.form("")["mark"][0], strings.Repeat("A", 43)).Replace(asked.text)
	expect(t, v.press(forged, "yes"), http.StatusForbidden, "was used already")
	expect(t, v.visit(link[:len(link)-1]+"_"), http.StatusGone, "does nothing any more")
	expect(t, v.visit(rig.PagesURL+"/verify/x"), http.StatusNotFound, "does nothing any more")
	s.settled()
	if lives, err := s.Bots[0].Lives(s.ctx, 1); err != nil || lives[0].Status != "asked" {
		t.Errorf("lives %+v %v", lives, err)
	}
}

// A link that was not used in time escalates, and proves nothing afterwards.
func TestASignInThatComesTooLate(t *testing.T) {
	t.Parallel()
	s, m, link := signingIn(t, rig.Options{})
	v := s.browser()
	asked := v.visit(link)
	s.Forward(5*time.Minute + time.Second)
	s.incidents("no sign-in does not page", open(1))
	s.shows(m, "did not arrive in time")
	expect(t, v.press(asked, "yes"), http.StatusGone, "does nothing any more")
	s.pages(1)
}

// Each of these is a sign-in that says too little.
func TestASignInThatProvesNothing(t *testing.T) {
	t.Parallel()
	s, m, link := signingIn(t, rig.Options{})
	// Seven tries: one question leads to a few sign-ins only.
	for name, change := range map[string]func(map[string]any){
		"an old session": func(c map[string]any) { c["auth_time"] = s.Clock.Now().Add(-time.Hour).Unix() }, "no auth_time": func(c map[string]any) { delete(c, "auth_time") },
		"a weak one": func(c map[string]any) { c["acr"] = "pwd" }, "another nonce": func(c map[string]any) { c["nonce"] = "x" }, "another client": func(c map[string]any) { c["aud"] = "x" },
		"an address not verified": func(c map[string]any) { delete(c, "email_verified") }, "expired": func(c map[string]any) { c["exp"] = 1 },
	} {
		s.OIDC.Tamper(change)
		p := s.browser().visit(link)
		if p.status != http.StatusForbidden || !strings.Contains(p.text, "The sign-in was not enough") {
			t.Errorf("%s: %d\n%s", name, p.status, p.text)
		}
	}
	s.OIDC.Tamper(nil)
	s.OIDC.SignsIn(nil)
	expect(t, s.browser().visit(link), http.StatusForbidden, "You are not signed in")
	expect(t, s.browser().visit(link), http.StatusForbidden, "was used already") // enough tries
	if now, _ := s.Slack.Message(m.Ref()); strings.Contains(now.Text, "Thank you") {
		t.Error("something was proved")
	}
}

func TestAnOutageOfTheSignInRaisesAttention(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Policy: policyFile(t, proofPolicy), Proofs: "oidc"})
	s.OIDC.Fail("/.well-known/openid-configuration", 503)
	s.Send(rig.Ask(1).SNS())
	m := s.question(1)
	s.click(s.Ana, m, "Yes, this was me")
	s.shows(m, "One more step")
	s.Forward(time.Minute + time.Second)
	s.incidents("an outage does not page", open(1))
	s.pages(1)
}
