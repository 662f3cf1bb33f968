package lookup_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/findings/lookup"
	"github.com/securitybot/securitybot/internal/fakes/lookupfake"
	"github.com/securitybot/securitybot/internal/message"
)

var update = flag.Bool("update", false, "write the golden files")

// marked shows a message with the kind of every span: ‹outside text›, *ours*.
func marked(m message.Message) string {
	var b strings.Builder
	for _, p := range m.Parts {
		b.WriteString("[" + string(p.Kind) + "] ")
		for _, s := range p.Text {
			switch s.Kind {
			case message.Literal:
				b.WriteString(s.S)
			case message.Strong:
				b.WriteString("*" + s.S + "*")
			case message.Link:
				b.WriteString("<" + s.S + " " + s.URL + ">")
			case message.Instant:
				b.WriteString("{" + s.At.UTC().Format(time.RFC3339) + "}")
			default:
				b.WriteString("‹" + s.S + "›")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", name, diff)
	}
}

func TestTheReportFitsOneScreen(t *testing.T) {
	t.Parallel()
	history := records{says: "3 findings this week, the last one open"}
	w := newWorld(t, func(c *lookup.Config) { c.History = history })
	w.Down("greynoise", lookupfake.Status(503))
	full := w.ask("198.51.100.7", true)
	golden(t, "address.txt", marked(full.Message()))
	golden(t, "domain.txt", marked(w.ask("login.shop.example", false).Message()))
	golden(t, "private.txt", marked(w.ask("10.1.2.3", false).Message()))
	w.clock.Advance(30 * time.Minute)
	golden(t, "again.txt", marked(w.ask("198.51.100.7", true).Message()))
	for _, r := range []lookup.Report{full} {
		if n := strings.Count(marked(r.Message()), "\n"); n > 40 {
			t.Errorf("%d lines", n)
		}
	}
}

func TestTheFirstReportSaysWhoIsStillAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *lookup.Config) { short(c); c.History = records{err: errors.New("the store is away")} })
	for _, s := range []string{"virustotal", "urlscan", "abuseipdb"} {
		w.Down(s, lookupfake.Hang())
	}
	var shown []lookup.Report
	began := time.Now()
	w.Investigate(context.Background(), lookup.Query{Indicator: indicator(t, "198.51.100.7")}, func(r lookup.Report) { shown = append(shown, r) })
	t.Logf("took %v", time.Since(began))
	first, last := marked(shown[0].Message()), marked(shown[len(shown)-1].Message())
	for _, want := range []string{"Still asking: ", "VirusTotal", "Our own records: could not be reached. This part is missing."} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is missing from\n%s", want, first)
		}
	}
	if want := "No answer: VirusTotal (no answer in time), AbuseIPDB (no answer in time), urlscan.io (no answer in time)."; !strings.Contains(last, want) || strings.Contains(last, "Still asking") {
		t.Errorf("%q is missing from\n%s", want, last)
	}
}

// What a source says reaches the screen as a value only.
func TestOutsideTextIsNeverOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	evil := "<!channel> *bold*"
	w.AddHost("203.0.113.66", lookupfake.Host{ASN: 64502, ASName: evil, Prefix: "203.0.113.0/24", Country: evil, Holder: evil, Abuse: evil, AWSService: evil, AWSRegion: evil,
		SBL: evil, Noise: evil, NoiseName: evil, Vulns: []string{evil}, Ports: []int{1}, Names: []string{"evil"}, Reports: 1, Confidence: 1})
	w.AddName("evil.example", lookupfake.Name{Registered: w.clock.Now(), Registrar: evil, Servers: []string{"evil"}, Text: []string{evil}})
	values := 0
	for _, in := range []string{"203.0.113.66", "evil.example"} {
		for _, p := range w.ask(in, true).Message().Parts {
			for _, s := range p.Text {
				if !strings.Contains(s.S, "channel>") {
					continue
				}
				values++
				if s.Kind != message.Value && s.Kind != message.Code {
					t.Errorf("%s: %q is %s", in, s.S, s.Kind)
				}
			}
		}
	}
	if values < 8 {
		t.Errorf("only %d values were shown", values)
	}
}

func TestDefangBreaksWhatWouldBecomeALink(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"http://evil.example/a.b": "hxxp[:]//evil[.]example/a.b", "HTTPS://x.test": "HxxPS[:]//x[.]test", "192.0.2.1": "192[.]0[.]2[.]1", "2001:db8::1": "2001[:]db8[:][:]1",
		"ana@corp.example": "ana[@]corp[.]example", "OpenSSH 8.9": "OpenSSH 8.9", "12:30:05": "12:30:05", "plain": "plain", "xn--e1afmkfd.xn--p1ai": "xn--e1afmkfd[.]xn--p1ai",
		"ftp://x.test": "ftp[:]//x[.]test", "198.51.100.0/25": "198[.]51[.]100[.]0/25",
	} {
		if got := lookup.Defang(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}
