package bot_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/internal/fakes/lookupfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// sourcePatience is how long a source that hangs is waited for: much longer than
// the first answer takes on a slow machine.
const sourcePatience = 5 * time.Second

// online is begin with the bot connected: people type first here.
func online(t *testing.T, o rig.Options) *scene {
	t.Helper()
	s := begin(t, o)
	s.until("the bot does not connect", func(st slackfake.State) bool { return st.Open() > 0 })
	return s
}

// links are the targets of links, which hold addresses as they are.
var links = regexp.MustCompile(`https://[^|"]+`)

// found waits for a private answer that says all of it.
func (s *scene) found(user slackfake.User, says ...string) slackfake.Message {
	s.t.Helper()
	var found slackfake.Message
	s.until(user.Name+" is not shown "+strings.Join(says, ", "), func(st slackfake.State) bool {
		for _, m := range st.Ephemerals(user.ID) {
			if containsAll(m.Text+string(m.Blocks), says) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

func (s *scene) shown(user slackfake.User, part string) int {
	n := 0
	for _, m := range s.Slack.Ephemerals(user.ID) {
		if strings.Contains(m.Text+string(m.Blocks), part) {
			n++
		}
	}
	return n
}

func badHost() lookupfake.Host {
	return lookupfake.Host{ASN: 64500, ASName: "EXAMPLE-HOSTING", Prefix: "203.0.113.0/24", Country: "BR", Holder: "Example Hosting", Tor: true, Malicious: 7, Harmless: 60, Reports: 12, Confidence: 88, Noise: "malicious", NoiseName: "scanner"}
}

// TestAnAddressIsLookedUp: one source hangs and one is broken; our own case
// comes first, and both are named.
func TestAnAddressIsLookedUp(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{Patience: sourcePatience})
	s.Lookups.AddHost("203.0.113.8", badHost())
	s.Lookups.Down("greynoise", lookupfake.Hang())
	s.Lookups.Down("urlscan", lookupfake.Status(500))
	s.Send(rig.Ask(7).SNS())
	s.question(1)
	s.settled()

	out := s.slash(s.Omar, "ip 203[.]0.113[.]8", s.Security.ID)
	first := out.Reply.Text + string(out.Reply.Blocks)
	if !containsAll(first, []string{"Seen by us", "Cases: ", "SB-", "Ana", "Still asking", "GreyNoise"}) {
		t.Errorf("the first answer is %s", first)
	}
	last := s.found(s.Omar, "Complete after")
	text := string(last.Blocks)
	if !containsAll(text, []string{"No answer: ", "GreyNoise (no answer in time)", "urlscan.io (has an error of its own)", "EXAMPLE-HOSTING", "Tor"}) {
		t.Errorf("the last answer is %s", text)
	}
	if strings.Contains(links.ReplaceAllString(text, ""), "203.0.113.8") {
		t.Errorf("an address is shown that chat may turn into a link: %s", text)
	}
	if own, others := strings.Index(text, "Seen by us"), strings.Index(text, "What it is"); own < 0 || own > others {
		t.Errorf("our own history is not first: %s", text)
	}
	if n := s.shown(s.Omar, "Investigation of"); n > 3 {
		t.Errorf("%d messages about one look-up", n)
	}
}

func TestADomainIsLookedUpWithoutItsServersSeeingIt(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{})
	s.Lookups.AddName("evil.example", lookupfake.Name{Registrar: "Example Registrar", Addresses: []string{"203.0.113.8"}, Malicious: 9, Harmless: 50})
	s.slash(s.Omar, "domain hxxp://evil[.]example/x", s.Security.ID)
	s.found(s.Omar, "evil[.]example", "Complete after", "Not asked: DNS")
	if asked := dnsAbout(s, "evil.example"); len(asked) > 0 {
		t.Fatalf("its servers saw %v", asked)
	}

	out := s.slash(s.Omar, "domain evil.example loud", s.Security.ID)
	if !strings.Contains(out.Reply.Text, "Nobody was asked yet") {
		t.Fatalf("the warning is %q", out.Reply.Text)
	}
	if asked := dnsAbout(s, "evil.example"); len(asked) > 0 {
		t.Fatalf("before anybody agreed its servers saw %v", asked)
	}
	word := out.Reply.Buttons()[0].Value
	for user, want := range map[string]string{s.Mei.ID: "Only who typed the command", s.Ana.ID: "Only the security responders"} {
		if r, err := s.Bots[0].Action(s.ctx, chat.Action{Action: "lookup.loud", Value: word, User: user, Team: s.Slack.TeamID}); err != nil || r.After != nil || !strings.Contains(words(r.Message), want) {
			t.Fatalf("%s may give the word: %v %s", user, err, words(r.Message))
		}
	}
	s.click(s.Omar, *out.Reply, "Ask them all the same")
	if r, err := s.Bots[0].Action(s.ctx, chat.Action{Action: "lookup.loud", Value: word, User: s.Omar.ID, Team: s.Slack.TeamID}); err != nil || r.After != nil {
		t.Fatalf("pressed twice it is done twice: %v", err)
	}
	s.until("the warning does not give way to the answer", func(st slackfake.State) bool {
		return slices.ContainsFunc(st.Ephemerals(s.Omar.ID), func(m slackfake.Message) bool {
			return containsAll(string(m.Blocks), []string{"Complete after", "203[.]0[.]113[.]8"})
		})
	})
	if asked := dnsAbout(s, "evil.example"); len(asked) == 0 {
		t.Error("its servers were not asked")
	}
	s.audited("look up an indicator", "evil.example", 2)
}

// dnsAbout lists the questions that reach the servers of a name.
func dnsAbout(s *scene, name string) []string {
	var out []string
	for _, c := range s.Lookups.Calls("resolver") {
		if strings.HasSuffix(strings.TrimSuffix(c.Target, "."), " "+name) {
			out = append(out, c.Target)
		}
	}
	return out
}

// audited waits until the audit log has so many records of an act on something.
func (s *scene) audited(act, object string, want int) {
	s.t.Helper()
	n := 0
	for s.ctx.Err() == nil {
		docs, err := s.Store.Find(s.ctx, "a:0", 0)
		n = 0
		for _, d := range docs {
			if body := string(d.Body); strings.Contains(body, act) && strings.Contains(body, object) {
				n++
			}
		}
		if err == nil && n >= want {
			break
		}
		wait(s.ctx, 10*time.Millisecond)
	}
	if n != want {
		s.t.Errorf("%d records of %q on %s, want %d", n, act, object, want)
	}
}

func TestASharedLookUpIsOneMessage(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{Patience: sourcePatience})
	s.Lookups.AddHost("203.0.113.8", badHost())
	s.Lookups.Down("greynoise", lookupfake.Hang())
	s.slash(s.Omar, "ip 203.0.113.8 share", s.Security.ID)
	m := s.message(s.Security.ID, "Investigation of", "Shared by")
	s.edited(m, "Complete after", "GreyNoise (no answer in time)", "Shared by")
	n := 0
	s.Slack.Look(func(st slackfake.State) {
		for _, m := range st.Messages(s.Security.ID) {
			if strings.Contains(m.Text, "Investigation of") {
				n++
			}
		}
	})
	if n != 1 {
		t.Errorf("%d messages in the channel", n)
	}
}

func TestWhatASourceSaysStaysText(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{})
	s.Lookups.AddHost("203.0.113.8", lookupfake.Host{ASN: 64500, Prefix: "203.0.113.0/24", Holder: "<!channel> *x* <https://evil.example|click>",
		ASName: "<@U0OMAR> \u202eevil", Noise: "malicious", NoiseName: "<!here>", Names: []string{"evil.example"}})
	s.slash(s.Omar, "ip 203.0.113.8", s.Security.ID)
	text := string(s.found(s.Omar, "Complete after").Blocks)
	for _, bad := range []string{"<!channel>", `\u003c!channel`, "<@U0OMAR>", `\u003c@`, "<https://evil", `\u003chttps://evil`, "\u202e", "<!here>"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q reaches Slack: %s", bad, text)
		}
	}
}

func TestOnlyRespondersLookThingsUp(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{})
	s.Lookups.AddHost("203.0.113.8", badHost())
	for _, u := range []slackfake.User{s.Ana, s.Priya, s.Gus} {
		for _, text := range []string{"ip 203.0.113.8", "domain evil.example loud", "whois 203.0.113.8 share", "ip"} {
			out := s.slash(u, text, s.Payments.ID)
			if out.Reply == nil || !strings.Contains(out.Reply.Text, "Only ") || out.View != nil {
				t.Errorf("%s %q: %+v", u.Name, text, out.Reply)
			}
		}
	}
	if asked := s.Lookups.Calls(""); len(asked) > 0 {
		t.Errorf("asked outside: %v", asked)
	}
}

func TestNothingLeavesAboutPrivateAddresses(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{})
	for _, text := range []string{"ip 10.0.1.17", "ip 169.254.169.254 share", "domain build.corp.example", "ip ::ffff:10.0.0.1", "host db.internal"} {
		s.slash(s.Omar, text, s.Security.ID)
	}
	s.found(s.Omar, "10[.]0[.]1[.]17", "Complete after")
	s.message(s.Security.ID, "metadata service")
	s.found(s.Omar, "build.corp.example", "Complete after")
	if asked := s.Lookups.Calls(""); len(asked) > 0 {
		t.Errorf("asked outside: %v", asked)
	}
}

func TestOddInputToLookUpsIsAnswered(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{})
	for _, text := range []string{"ip 999.1.2.3", "ip 203.0.113.0/24", "ip 0x7f000001", "ip 203.0.113.08", "domain javascript:alert(1)", "domain <!channel>", "domain $(id)", "domain ../../etc/passwd",
		"ip d41d8cd98f00b204e9800998ecf8427e", "domain -", "domain http://[::1", "domain a..b", "domain " + strings.Repeat("a", 300) + ".example", "domain 🤖", "ip 203.0.113.9:99999", "domain xn--a.example;rm -rf /"} {
		out := s.slash(s.Omar, text, s.Security.ID)
		if out.Reply == nil || !strings.HasSuffix(strings.TrimSpace(out.Reply.Text), ".") || strings.Contains(out.Reply.Text, "<!channel>") {
			t.Errorf("%q: %+v", text, out.Reply)
		}
	}
	if asked := s.Lookups.Calls(""); len(asked) > 0 {
		t.Errorf("asked outside: %v", asked)
	}
}
