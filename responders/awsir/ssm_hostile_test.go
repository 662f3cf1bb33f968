package awsir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

// hostile are values that would do something if anything read them as text of
// a command, as an option or as SQL.
func hostile(mark string) []string {
	return []string{
		"; touch " + mark, "$(touch " + mark + ")", "`touch " + mark + "`", "| touch " + mark, "&& touch " + mark, "& touch " + mark, "\ntouch " + mark + "\n",
		"443\ntouch " + mark, "443;touch " + mark, "'; touch " + mark + "; '", `"; touch ` + mark + `; "`, "> " + mark, "< /etc/passwd", "${IFS}touch${IFS}" + mark,
		"-w " + mark, "-z touch", "-Z root", "-F /etc/passwd", "-r /etc/shadow", "-V /etc/passwd", "--", "-", "--help", "-i", "tcp or not tcp", "port 22 or 1=1", "(", ")", "!",
		"SELECT * FROM curl WHERE url='http://169.254.169.254/'", "triage; SELECT 1", "triage' --", "../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "http://203.0.113.9/x",
		"{{job}}", "{{ ssm:parameter }}", "%s%n", "\x00", "a\x00b", "\u202e", "\u200b443", "４４３", "443 ", " 443", "+443", "0x1bb", "1e3", "0443", "-1", "0", "65536", "99999999999999999999",
		"203.0.113.9/33", "203.0.113.9/24", "0.0.0.0/0", "::/0", "fe80::1%eth0", "203.0.113.9:443", "203.0.113.9,203.0.113.10", "localhost", "attacker.example.com", "01.2.3.4", "2130706433",
		strings.Repeat("9", 5000), strings.Repeat("a", 5000), "*", "?", "~", "~root", "\\", "\\n", "#", "TCP\r", "tcp\ttcp",
	}
}

// What a person types becomes a typed value or is refused: nothing else gets
// to SSM, and what gets there is what was parsed, byte for byte.
func TestHostileParametersAreRefusedOrArriveAsTypedValues(t *testing.T) {
	t.Parallel()
	mark := filepath.Join(t.TempDir(), "mark")
	d := documents(t)
	tried, taken := 0, 0
	for _, row := range responders.Catalogue() {
		if !row.OnHost {
			continue
		}
		h := map[responders.ID]hostKind{responders.OSQuery: osqueryKind(), responders.Memory: memoryKind(), responders.TCPDump: tcpdumpKind()}[row.ID]
		for _, p := range row.Params {
			for _, v := range hostile(mark) {
				tried++
				params, err := row.Parse([]string{p.Name + "=" + v})
				if err != nil {
					continue
				}
				taken++
				got := h.params(params)
				if got[p.Name] != params[p.Name] || row.Check(params) != nil {
					t.Errorf("%s %s=%q arrives as %q", row.ID, p.Name, v, got[p.Name])
				}
				if strings.ContainsAny(got[p.Name], " \t\r\n;|&$`'\"<>(){}!*?~\\#%-") {
					t.Errorf("%s %s=%q was taken as %q", row.ID, p.Name, v, got[p.Name])
				}
				if !strings.Contains(string(d[row.ID].Content), `"`+p.Name+`"`) {
					t.Errorf("%s has no parameter %s in its document", row.ID, p.Name)
				}
			}
		}
	}
	if tried < 600 || taken == 0 || taken > tried/10 {
		t.Errorf("%d values tried, %d taken: is the list still hostile?", tried, taken)
	}
}

// A job that did not come through the parser (a stored or a forged one) is
// checked again, and nothing is called.
func TestForgedJobsAreRefusedWithoutACall(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	for _, row := range responders.Catalogue() {
		for _, p := range row.Params {
			if p.Kind == responders.Words {
				continue // not for a command
			}
			for _, v := range hostile("/nonexistent/mark") {
				params, err := row.Parse(nil)
				if err != nil {
					t.Fatal(err)
				}
				params[p.Name] = v
				if row.Check(params) == nil {
					continue // it is a fine value
				}
				j := responders.Job{ID: hostJob, Action: row.ID, Target: responders.Target{Account: hostMember, Region: hostRegion, Instance: hostID}, Params: params, By: "x"}
				if _, err := w.actor.Step(t.Context(), &j); err == nil {
					t.Errorf("%s %s=%q was taken", row.ID, p.Name, v)
				}
			}
		}
	}
	if n := len(w.cloud.Calls()); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

// Should a hostile value get to the host all the same, past SSM's own check,
// the script refuses it before it does anything.
func TestHostileValuesOnTheHostExecuteNothing(t *testing.T) {
	t.Parallel()
	mark := filepath.Join(t.TempDir(), "mark")
	fine := map[responders.ID]map[string]string{
		responders.OSQuery: {"job": hostJob, "toolUrl": "", "toolSha256": "", "set": "triage", "put": "https://127.0.0.1:1/x"},
		responders.Memory:  {"job": hostJob, "toolUrl": "", "toolSha256": "", "minutes": "5", "parts": "https://127.0.0.1:1/x", "partBytes": "5242880"},
		responders.TCPDump: {"job": hostJob, "toolUrl": "", "toolSha256": "", "host": "", "port": "", "proto": "", "seconds": "1", "packets": "1", "megabytes": "1",
			"parts": "https://127.0.0.1:1/x", "partBytes": "5242880"},
	}
	// Two shells and a sample keep this quick; every value meets every
	// parameter in the pattern test below.
	sample := []string{"; touch " + mark, "$(touch " + mark + ")", "`touch " + mark + "`", "443\ntouch " + mark, "'; touch " + mark + "; '", "-w " + mark, "{{job}}"}
	for id, d := range documents(t) {
		for name := range fine[id] {
			for i, v := range sample {
				m := newMachine(t, nil)
				m.shell = []string{"sh", "bash"}[i%2]
				for _, tool := range []string{"osqueryi", "avml", "tcpdump", "curl"} {
					m.tool(tool, "touch "+mark)
				}
				params := map[string]string{}
				for k, x := range fine[id] {
					params[k] = x
				}
				params[name] = v
				out := m.script(string(d.Content), params)
				if out.Code != 64 || !strings.Contains(out.Stdout, `"reason":"parameter"`) {
					t.Errorf("%s %s=%q under %s: exit %d, %s%s", id, name, v, m.shell, out.Code, out.Stdout, out.Stderr)
				}
			}
		}
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a hostile value was executed")
	}
}

func TestSSMRefusesHostileValues(t *testing.T) {
	t.Parallel()
	for id, shape := range documentShapes() {
		for name, p := range shape.params {
			for _, v := range hostile("/tmp/mark") {
				// The value as SSM checks it.
				if awsfake.MatchesPattern(p.AllowedPattern, v) && strings.ContainsAny(v, " \t\r\n;|&$`'\"<>(){}!*?~\\#\x00") {
					t.Errorf("%s %s takes %q", id, name, v)
				}
			}
		}
	}
}
