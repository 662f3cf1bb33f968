package commands

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/internal/message"
)

// lab is a desk for look-ups and actions that says exactly what reached it.
type lab struct{ calls int }

func (d *lab) Investigate(_ context.Context, r Request, q Search) (Reply, error) {
	d.calls++
	var what []string
	for _, i := range q.Indicators {
		what = append(what, fmt.Sprintf("%s %s", i.Kind, i))
	}
	t := message.L("looked up " + strings.Join(what, ", "))
	if q.Loud {
		t = t.L(" loudly")
	}
	if r.Share {
		t = t.L(" for all")
	}
	m := message.Message{}.Para(t)
	m.Parts = append(m.Parts, q.Others.Parts...)
	return Say(m), nil
}

func (d *lab) Order(_ context.Context, _ Request, o Order) (message.Message, error) {
	d.calls++
	var params []string
	for _, name := range slices.Sorted(maps.Keys(o.Params)) {
		params = append(params, fmt.Sprintf("%s=%q", name, o.Params[name]))
	}
	return plain(strings.TrimSpace(fmt.Sprintf("%s %q %q %q %q %s", o.Action.ID, o.Instance, o.Account, o.Region, o.Case, strings.Join(params, " ")))), nil
}

// typed is what somebody gets for a line, and whether anything was begun.
func typed(t *testing.T, user, text string) (Reply, string, bool) {
	t.Helper()
	o, d := newOffice(), &lab{}
	out, err := New(o, Desks{Cases: o, Incidents: &room{}, LookUps: d, Actions: d}).Run(t.Context(), Request{Root: "/ir", Text: text, User: user, Team: "T0CORP"})
	if err != nil {
		t.Errorf("%.60q: %v", text, err)
	}
	return out, strings.TrimSpace(flat(out.Message)), d.calls > 0
}

const (
	anInstance = "i-0a1b2c3d4e5f60718"
	dumped     = "tcpdump \"" + anInstance + `" "" "" "" `
	likeThis   = "\nLike this: «/ir tcpdump i-0a1b2c3d4e5f60718 host=203.0.113.9 port=443 seconds=60»."
)

// hostileLines are what people type by mistake or to do harm, each with what
// they get. A line that begins with ! must begin nothing at all.
var hostileLines = map[string]string{
	// Addresses in forms that mean something else to somebody.
	"ip 192.0.2.1:443":                     "looked up ip 192.0.2.1",
	"ip 192[.]0[.]2[.]1":                   "looked up ip 192.0.2.1",
	"ip `192.0.2.1`.":                      "looked up ip 192.0.2.1",
	"ip 1 . 2 . 3 . 4":                     "looked up ip 1.2.3.4",
	"ip [::1]":                             "looked up ip ::1",
	"ip ::ffff:192.0.2.1":                  "looked up ip 192.0.2.1",
	"ip 64:ff9b::a9fe:a9fe":                "looked up ip 169.254.169.254",
	"ip 192。0。2。1":                         "looked up ip 192.0.2.1",
	"ip 192.0.2.1 192.0.2.1":               "looked up ip 192.0.2.1",
	"ip 192.0.2.1,evil.example":            "looked up ip 192.0.2.1, domain evil.example",
	"ip evil.example":                      "looked up domain evil.example",
	"ip 192.0.2.1 LOUD":                    "looked up ip 192.0.2.1 loudly",
	"ip 192.0.2.1 —loud --share":           "looked up ip 192.0.2.1 loudly for all",
	"!ip 01.2.3.4":                         "«01.2.3.4»: A number with a leading zero",
	"!ip 0x7f.1":                           "«0x7f.1»: That is an unusual way to write an address; many programs read it as 127[.]0[.]0[.]1.",
	"!ip 2130706433":                       "«2130706433»: ",
	"!ip 1.2.3":                            "«1.2.3»: ",
	"!ip 192.0.2.0/24":                     "«192.0.2.0/24»: That is a whole network",
	"!ip 0.0.0.0/0":                        "«0.0.0.0/0»: That is a whole network",
	"!ip 192.0.2.1/33":                     "«192.0.2.1/33»: ",
	"!ip fe80::1%eth0":                     "«fe80::1%eth0»: ",
	"!ip １.2.3.4":                          "«１.2.3.4»: ",
	"!ip 192.0.2.1:99999":                  "«192.0.2.1:99999»: ",
	"!ip d41d8cd98f00b204e980099800":       "",
	"!ip d41d8cd98f00b204e9800998ecf8427e": "«d41d8cd98f00b204e9800998ecf8427e»: That is a file hash",
	"!ip " + anInstance:                    "«" + anInstance + "»: That is an EC2 instance id",
	"!ip --force":                          "«--force»: ",
	"!ip <@U0ANA>":                         "«<@U0ANA>»: ",
	"!ip <!channel>":                       "«<!channel>»: ",
	"!ip ,;,":                              "There is nothing in it to look up. Name an IP address or a domain.",
	"!ip 192.0.2.1\x00":                    "There are characters in it that cannot be typed. Please type it again by hand.",
	"!ip \x1b]0;x\x07192.0.2.1":            "There are characters in it that cannot be typed. Please type it again by hand.",
	"!ip " + strings.Repeat("1", 2000):     "That is too long: at most 2000 characters.",
	"ip 1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5 1.1.1.6": "looked up ip 1.1.1.1, ip 1.1.1.2, ip 1.1.1.3, ip 1.1.1.4, ip 1.1.1.5\nAt most 5 are looked up at once; the rest was left out.",

	// Names, URLs and mark-up.
	"domain hxxps[:]//evil[.]example[/]path":            "looked up domain evil.example",
	"domain user[@]evil[.]example":                      "looked up domain evil.example",
	"domain <http://evil.example|good.example>":         "looked up domain evil.example",
	"domain &lt;https://evil.example/a?b=c&amp;d&gt;":   "looked up domain evil.example",
	"domain http://good.example@evil.example/":          "looked up domain evil.example",
	"domain пример.рф":                                  "looked up domain xn--e1afmkfd.xn--p1ai",
	"domain аpple.example":                              "looked up domain xn--pple-43d.example",
	"domain “evil.example”":                             "looked up domain evil.example",
	"domain localhost":                                  "looked up domain localhost",
	"domain 192.0.2.1":                                  "looked up ip 192.0.2.1",
	"domain evil.example share":                         "looked up domain evil.example for all",
	"!domain xn--a.example":                             "«xn--a.example»: ",
	"!domain ev\u200bil.example":                        "",
	"!domain \u202eelpmaxe.live":                        "",
	"!domain -evil.example":                             "«-evil.example»: ",
	"!domain evil":                                      "«evil»: ",
	"!domain a..b":                                      "«a..b»: ",
	"!domain " + strings.Repeat("a", 64) + ".example":   "",
	"!domain javascript:alert(1)":                       "«javascript:alert(1)»: That kind of address leads to no host",
	"!domain file:///etc/passwd":                        "«file:///etc/passwd»: That kind of address leads to no host",
	"!domain $(id).example":                             "«$(id).example»: ",
	"!domain `id`.example|sh":                           "",
	"!domain <#C0SEC|security>":                         "«<#C0SEC|security>»: ",
	"!domain arn:aws:ec2:eu-west-1:111122223333:vpc/v1": "«arn:aws:ec2:eu-west-1:111122223333:vpc/v1»: That is an AWS resource name (ARN)",

	// Incidents: a title is text, whatever is in it; everything else is checked.
	"open Emoji 🤖 and ../..":                  `open "Emoji 🤖 and ../.." cases=[] users=[] unknown=[] page=false`,
	"open <!channel> <https://x|y> $(reboot)": `open "<!channel> <https://x|y> $(reboot)" cases=[] users=[] unknown=[] page=false`,
	"open “Lost laptop” —page":                `open "Lost laptop" cases=[] users=[] unknown=[] page=true`,
	"open UPPER case=sb-7f3k7qxa CASE=x":      "«x» is not a reference: those look like «SB-7F3K9QXA».",
	"open x case=SB-7F3K7QXA;id":              "«SB-7F3K7QXA;id» is not a reference: those look like «SB-7F3K9QXA».",
	"open \"":                                 `open "\"" cases=[] users=[] unknown=[] page=false`,
	"open ''":                                 `open "" cases=[] users=[] unknown=[] page=false`,
	"open --":                                 `open "--" cases=[] users=[] unknown=[] page=false`,
	"open <@U0ANA> <@W0X> <@UX":               `open "<@UX" cases=[] users=[U0ANA W0X] unknown=[] page=false`,
	"open \xff\xfe":                           "There are characters in it that cannot be typed. Please type it again by hand.",
	"open a\u0000b":                           "There are characters in it that cannot be typed. Please type it again by hand.",

	// Packet captures: typed values or a refusal, never text for a shell.
	"tcpdump " + anInstance:                                                   dumped + `megabytes="100" packets="100000" seconds="60"`,
	"tcpdump `I-0A1B2C3D4E5F60718` PORT=443 proto=TCP":                        dumped + `megabytes="100" packets="100000" port="443" proto="tcp" seconds="60"`,
	"tcpdump " + anInstance + " host=2001:DB8::1 seconds=007":                 dumped + `host="2001:db8::1" megabytes="100" packets="100000" seconds="7"`,
	"tcpdump " + anInstance + " host=203.0.113.0/24":                          dumped + `host="203.0.113.0/24" megabytes="100" packets="100000" seconds="60"`,
	"tcpdump i-123;id account=111122223333 region=eu-west-1 case=SB-7F3K7QXA": `tcpdump "i-123;id" "111122223333" "eu-west-1" "SB-7F3K7QXA" megabytes="100" packets="100000" seconds="60"`,
	"!tcpdump":                                             "Which instance? Like this: «/ir tcpdump i-0a1b2c3d4e5f60718 host=203.0.113.9 port=443 seconds=60»",
	"!tcpdump " + anInstance + " -z id":                    `«"-z" is not a parameter of tcpdump; it takes host=ADDRESS port=1…65535 proto=tcp|udp|icmp seconds=1…600 packets=1…1000000 megabytes=1…1000».` + likeThis,
	"!tcpdump " + anInstance + " --":                       `«"--" is not a parameter of tcpdump;`,
	"!tcpdump " + anInstance + " port=443;id":              `«port is a whole number from 1 to 65535, not "443;id"».` + likeThis,
	"!tcpdump " + anInstance + " port==443":                `«port is a whole number from 1 to 65535, not "=443"».` + likeThis,
	"!tcpdump " + anInstance + " port=$(id)":               `«port is a whole number from 1 to 65535, not "$(id)"».` + likeThis,
	"!tcpdump " + anInstance + " port=`id`":                "«port is a whole number from 1 to 65535, not \"`id`\"»." + likeThis,
	"!tcpdump " + anInstance + " port=0":                   `«port is a whole number from 1 to 65535, not "0"».` + likeThis,
	"!tcpdump " + anInstance + " port=65536":               `«port is a whole number from 1 to 65535, not "65536"».` + likeThis,
	"!tcpdump " + anInstance + " port=４４３":                 `«port is a whole number from 1 to 65535, not "４４３"».` + likeThis,
	"!tcpdump " + anInstance + " port=443 port=1":          "«port is given twice»." + likeThis,
	"!tcpdump " + anInstance + " seconds=-1":               `«seconds is a whole number from 1 to 600, not "-1"».` + likeThis,
	"!tcpdump " + anInstance + " seconds=1e9":              `«seconds is a whole number from 1 to 600, not "1e9"».` + likeThis,
	"!tcpdump " + anInstance + " seconds=1,5":              `«seconds is a whole number from 1 to 600, not "1,5"».` + likeThis,
	"!tcpdump " + anInstance + " seconds=∞":                `«seconds is a whole number from 1 to 600, not "∞"».` + likeThis,
	"!tcpdump " + anInstance + " seconds=601":              `«seconds is a whole number from 1 to 600, not "601"».` + likeThis,
	"!tcpdump " + anInstance + " host=0.0.0.0/0":           `«host is an address such as 203.0.113.9 or a network such as 203.0.113.0/24, not "0.0.0.0/0"».` + likeThis,
	"!tcpdump " + anInstance + " host=evil.example or 1=1": `«host is an address such as 203.0.113.9 or a network such as 203.0.113.0/24, not "evil.example"».` + likeThis,
	"!tcpdump " + anInstance + " host=fe80::1%eth0":        `«host is an address such as 203.0.113.9 or a network such as 203.0.113.0/24, not "fe80::1%eth0"».` + likeThis,
	"!tcpdump " + anInstance + " proto=tcp|udp":            `«proto is one of tcp, udp, icmp, not "tcp|udp"».` + likeThis,
	"!tcpdump " + anInstance + " reason=x port=1":          `«"reason=x" is not a parameter of tcpdump;`,
	"!tcpdump " + anInstance + " $IFS\x00id":               "There are characters in it that cannot be typed. Please type it again by hand.",
}

// TestHostileLines: each line of the matrix of bad input has its answer, and
// what is refused begins nothing.
func TestHostileLines(t *testing.T) {
	t.Parallel()
	if len(hostileLines) < 90 {
		t.Fatalf("only %d lines", len(hostileLines))
	}
	for line, want := range hostileLines {
		text, refused := strings.CutPrefix(line, "!")
		_, got, begun := typed(t, "U0OMAR", text)
		// Our own sentences are not repeated here in full; what was made of the
		// input is.
		if !strings.HasPrefix(got, want) {
			t.Errorf("%.60q\n got  %s\n want %s", text, got, want)
		}
		if refused && begun {
			t.Errorf("%.60q was begun: %s", text, got)
		}
		if refused && !strings.HasSuffix(got, ".") {
			t.Errorf("%.60q is not answered with a sentence: %s", text, got)
		}
		if _, got, begun := typed(t, "U0ANA", text); got != "refused" && !unreadable(got) || begun {
			t.Errorf("somebody who may not types %.60q: %s", text, got)
		}
	}
}

// unreadable says whether a line was not even cut into words.
func unreadable(answer string) bool {
	return strings.HasPrefix(answer, "There are characters in it") || strings.HasPrefix(answer, "That is too long")
}

// TestAnActionTakesWhereAndWhy: what narrows the instance down is read anywhere
// before the reason, and the reason keeps everything after it.
func TestAnActionTakesWhereAndWhy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"isolate " + anInstance + " account=111122223333 REGION=eu-west-1 reason=it mines account=444455556666 coins": `isolate "` + anInstance + `" "111122223333" "eu-west-1" "" reason="it mines account=444455556666 coins"`,
		"contain " + anInstance + " reason=x case=SB-7F3K7QXA":                                                        `isolate "` + anInstance + `" "" "" "" reason="x case=SB-7F3K7QXA"`,
		"unisolate " + anInstance + " case=SB-7F3K7QXA reason=ok":                                                     `release "` + anInstance + `" "" "" "SB-7F3K7QXA" reason="ok"`,
		"snap *" + strings.ToUpper(anInstance) + "*":                                                                  `snapshot "` + anInstance + `" "" "" ""`,
		"osquery " + anInstance + " SET=network":                                                                      `osquery "` + anInstance + `" "" "" "" set="network"`,
		"mem " + anInstance + " minutes=5":                                                                            `memory "` + anInstance + `" "" "" "" minutes="5"`,
		"isolate " + anInstance:                                                                                       "«reason is missing: why, for the record; comes last».\nLike this: «/ir isolate i-0a1b2c3d4e5f60718 reason=…».",
		"isolate " + anInstance + " because it mines":                                                                 "«\"because\" is not a parameter of isolate; it takes reason=…».\nLike this: «/ir isolate i-0a1b2c3d4e5f60718 reason=…».",
		"isolate " + anInstance + " reason=\u202ereversed":                                                            "«reason has characters in it that cannot be typed».\nLike this: «/ir isolate i-0a1b2c3d4e5f60718 reason=…».",
		"snapshot " + anInstance + " $(reboot)":                                                                       "«\"$(reboot)\" is not a parameter of snapshot; it takes none».\nLike this: «/ir snapshot i-0a1b2c3d4e5f60718».",
		"osquery " + anInstance + " set=SELECT":                                                                       "«set is one of triage, processes, network, persistence, users, containers, not \"SELECT\"».\nLike this: «/ir osquery i-0a1b2c3d4e5f60718 set=triage».",
		"release":                                                                                                     "Which instance? Like this: «/ir release i-0a1b2c3d4e5f60718 reason=…»\nThe instance is on the network again.\nWhen no case is about the instance, add «account=… region=…».",
	} {
		_, got, _ := typed(t, "U0OMAR", text)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got)\n%s", text, diff)
		}
	}
}

// TestALookUpWithoutWordsIsADialog, and one is never shown to a channel.
func TestALookUpWithoutWordsIsADialog(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"ip", "domain", "ip loud", "ip share", "whois loud share"} {
		out, got, begun := typed(t, "U0OMAR", text)
		if out.Modal == nil || out.Modal.Callback != LookUpDialog || out.Share || got != "" || begun {
			t.Errorf("%q: %+v", text, out)
		}
	}
}

// TestWhatMayBeShownToAll: answers go to the channel only when asked for, and
// only those that are about no single person.
func TestWhatMayBeShownToAll(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"ip 192.0.2.1": false, "ip 192.0.2.1 share": true, "ip 192.0.2.1 -s": true, "list": false, "list share": true, "case SB-7F3K7QXA --share": true,
		"status share": true, "verify SB-7F3K7QXA share": false, "help share": false, "isolate " + anInstance + " reason=x share": false,
		"tcpdump " + anInstance + " share": false, "note we should share": false, "open We should share": false, "oncall share": true,
	} {
		if out, got, _ := typed(t, "U0OMAR", text); out.Share != want {
			t.Errorf("%q: shown to all %v: %s", text, out.Share, got)
		}
	}
	if out, got, _ := typed(t, "U0ANA", "list share"); out.Share || got != "refused" {
		t.Errorf("a refusal is shown to all: %s", got)
	}
}
