package awsir

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/responders"
)

const fakeOSQuery = `for a; do sql=$a; done
case "$sql" in *FROM\ system_info*) printf '[{"hostname":"web-1"}]\n' ;; *FROM\ iptables*) echo boom >&2; exit 1 ;; *) printf '[]\n' ;; esac
`

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func TestOSQueryEndsWithAnswersInTheStore(t *testing.T) {
	t.Parallel()
	for _, twice := range []bool{false, true} {
		for _, shell := range []string{"sh", "bash"} {
			w := newHostWorld(t)
			w.machine.shell = shell
			w.machine.tool("osqueryi", fakeOSQuery)
			j := w.job(responders.OSQuery)
			if err := w.run(j, twice); err != nil {
				t.Fatalf("twice %v, %s: %v; log %v", twice, shell, err, j.Log)
			}
			o := w.cloud.Objects(hostBucket)["cases/SB-7/"+hostJob+"/osquery.json"]
			var got struct {
				Set, Job string
				Queries  []struct {
					Query string
					Exit  int
					Rows  []map[string]string
				}
			}
			if err := json.Unmarshal(o.Body, &got); err != nil {
				t.Fatalf("%v in %s", err, o.Body)
			}
			if got.Set != "triage" || len(got.Queries) < 10 || got.Queries[0].Rows[0]["hostname"] != "web-1" {
				t.Errorf("%+v", got)
			}
			if n := len(w.cloud.Commands(hostMember, hostRegion)); n != 1 {
				t.Errorf("%d commands were sent", n)
			}
			a := j.Manifest.Artifacts
			if len(a) != 3 || a[0].SHA256 != sum(o.Body) || a[0].Size != int64(len(o.Body)) || a[0].URI != "s3://"+hostBucket+"/cases/SB-7/"+hostJob+"/osquery.json" || a[1].Kind != "description" || a[2].Kind != "manifest" {
				t.Errorf("artifacts %+v", a)
			}
			if o.LockMode != "GOVERNANCE" || o.RetainUntil == "" {
				t.Errorf("lock %s %s", o.LockMode, o.RetainUntil)
			}
		}
	}
}

func TestOSQueryNamesWhatFailed(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	w.machine.tool("osqueryi", fakeOSQuery)
	j := w.job(responders.OSQuery, "set=network")
	if err := w.run(j, false); err != nil {
		t.Fatal(err, j.Log)
	}
	if a := j.Manifest.Artifacts[0]; !strings.Contains(a.Note, "failed before") {
		t.Errorf("the artifact does not say that a question failed: %+v", a)
	}
	if len(j.Manifest.Skipped) != 1 {
		t.Errorf("skipped %v", j.Manifest.Skipped)
	}
}

func TestMemoryStreamsInParts(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"sh", "bash"} {
		memoryStreamsInParts(t, shell)
	}
}

func memoryStreamsInParts(t *testing.T, shell string) {
	t.Helper()
	w := newHostWorld(t)
	w.machine.shell = shell
	w.machine.tool("avml", `[ "$1" = /dev/stdout ] || exit 9
head -c 12000000 /dev/zero | tr '\0' m >"$1"`)
	j := w.job(responders.Memory)
	if err := w.run(j, true); err != nil {
		t.Fatal(err, j.Log)
	}
	want := bytes.Repeat([]byte("m"), 12000000)
	o := w.cloud.Objects(hostBucket)["cases/SB-7/"+hostJob+"/memory.lime"]
	if !bytes.Equal(o.Body, want) || o.PartsUploaded != 3 || o.LockMode != "GOVERNANCE" || o.Metadata["job"] != hostJob {
		t.Errorf("%d bytes in %d parts, lock %q", len(o.Body), o.PartsUploaded, o.LockMode)
	}
	if a := j.Manifest.Artifacts[0]; a.SHA256 != sum(want) || a.Note != "" || a.Kind != "memory" {
		t.Errorf("%+v", a)
	}
	if left := w.cloud.Uploads(hostBucket); len(left) != 0 {
		t.Errorf("uploads left: %v", left)
	}
}

func TestMemoryThatStopsEarlyIsKeptAndSaidToBePartial(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, tool, note string }{
		{"the tool fails", `head -c 6000000 /dev/zero; exit 1`, "failed before"},
		{"it is too big", `head -c 30000000 /dev/zero`, "size limit"},
	} {
		w := newHostWorld(t)
		w.machine.tool("avml", c.tool)
		j := w.job(responders.Memory)
		if err := w.run(j, false); err != nil {
			t.Fatal(c.name, err, j.Log)
		}
		if a := j.Manifest.Artifacts[0]; !strings.Contains(a.Note, c.note) || a.Size < 6000000 || len(j.Manifest.Skipped) != 1 {
			t.Errorf("%s: %+v", c.name, a)
		}
	}
}

func TestTCPDumpGetsExactlyTheTypedFilter(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	w.machine.tool("tcpdump", `for a; do printf '<%s>' "$a"; done`)
	j := w.job(responders.TCPDump, "host=203.0.113.0/24", "port=443", "proto=tcp", "seconds=5")
	if err := w.run(j, false); err != nil {
		t.Fatal(err, j.Log)
	}
	o := w.cloud.Objects(hostBucket)["cases/SB-7/"+hostJob+"/capture.pcap"]
	want := "<-i><any><-n><-p><-U><-s><0><-c><100000><-w><-><--><tcp><and><port><443><and><net><203.0.113.0/24>"
	if string(o.Body) != want {
		t.Errorf("tcpdump ran as\n%s\nwant\n%s", o.Body, want)
	}
}

func TestTCPDumpStopsAtItsLimits(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	w.machine.tool("tcpdump", `cat /dev/zero`)
	j := w.job(responders.TCPDump, "megabytes=6", "seconds=30")
	if err := w.run(j, false); err != nil {
		t.Fatal(err, j.Log)
	}
	if a := j.Manifest.Artifacts[0]; a.Size != 6_000_000 || !strings.Contains(a.Note, "size limit") {
		t.Errorf("%+v", a)
	}
}

func TestTheHostsReasonsAreToldInPlainWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		setup func(*hostWorld)
		says  string
	}{
		{"no tool", func(*hostWorld) {}, "not on the host"},
		{"the kernel is locked down", func(w *hostWorld) {
			w.machine.tool("avml", "")
			w.machine.tool("cat", `case "$1" in /sys/*) echo 'none integrity [confidentiality]' ;; *) exec /bin/cat "$@" ;; esac`)
			w.machine.edit = func(s string) string { return s }
		}, "locked down"},
		{"nothing to read", func(w *hostWorld) {
			w.machine.tool("avml", "")
			w.machine.edit = func(s string) string {
				return strings.NewReplacer("/sys/kernel/security/lockdown", "/nonexistent", "/proc/kcore", "/nonexistent", "/dev/crash", "/nonexistent", "/dev/mem", "/nonexistent").Replace(s)
			}
		}, "no way to read its memory"},
		{"the tool fails at once", func(w *hostWorld) { w.machine.tool("avml", "echo unable >&2; exit 1") }, "gave nothing"},
		{"no curl", func(w *hostWorld) {
			w.machine.tool("avml", "")
			w.machine.edit = func(s string) string {
				return strings.ReplaceAll(s, "for need in curl", "for need in curl-is-not-here")
			}
		}, "lacks curl"},
		{"no room", func(w *hostWorld) {
			w.machine.tool("avml", "")
			w.machine.tool("df", `printf 'a b c d\n1 1 1 10\n'`)
		}, "no room"},
		{"no way to S3", func(w *hostWorld) {
			w.machine.tool("avml", "echo x")
			w.machine.ca = "/nonexistent"
		}, "reaches S3"},
	} {
		w := newHostWorld(t)
		c.setup(w)
		j := w.job(responders.Memory)
		err := w.run(j, false)
		if !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; log %v", c.name, err, j.Log)
		}
	}
}

func TestTCPDumpFilters(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                                   "<-->",
		"port=53":                            "<--><port><53>",
		"host=2001:db8::1":                   "<--><host><2001:db8::1>",
		"proto=icmp host=203.0.113.9":        "<--><(><icmp><or><icmp6><)><and><host><203.0.113.9>",
		"proto=udp host=2001:db8::/32":       "<--><udp><and><net><2001:db8::/32>",
		"proto=tcp port=22 packets=7":        "<--><tcp><and><port><22>",
		"host=203.0.113.9 port=80 seconds=1": "<--><port><80><and><host><203.0.113.9>",
	} {
		for _, shell := range []string{"sh", "bash"} {
			w := newHostWorld(t)
			w.machine.shell = shell
			w.machine.tool("tcpdump", `for a; do printf '<%s>' "$a"; done`)
			if err := w.run(w.job(responders.TCPDump, strings.Fields(args)...), false); err != nil {
				t.Fatal(args, err)
			}
			o := w.cloud.Objects(hostBucket)["cases/SB-7/"+hostJob+"/capture.pcap"]
			if !strings.HasSuffix(string(o.Body), "<-w><->"+want) {
				t.Errorf("%s under %s: %s", args, shell, o.Body)
			}
		}
	}
	w := newHostWorld(t)
	if err := w.run(w.job(responders.TCPDump, "proto=icmp", "port=80"), false); !errors.Is(err, responders.ErrRefused) || len(w.cloud.Calls()) != 0 {
		t.Errorf("icmp with a port: %v", err)
	}
}
