package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// company is what the command is run in: a configuration, an AWS and a store.
type company struct {
	*rig.Rig
	t      *testing.T
	config string
	env    []string
}

func newCompany(t *testing.T) *company {
	t.Helper()
	const hub = "999900002222"
	r, err := rig.New(t.Context(), rig.Options{NoBots: true, Extra: "nlb_map: {regions: [eu-west-1]}\n"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	r.AWS.AddRole(awsfake.Role{Account: rig.Account, Name: "securitybot-read", Trusts: []string{hub}})
	web := r.AWS.AddInstance(rig.Account, rig.Region, awsfake.Instance{ID: "i-0aaaaaaaaaaaaaaa1"})
	group := r.AWS.AddTargetGroup(rig.Account, rig.Region, awsfake.TargetGroup{Name: "web", Port: 8443, Targets: []awsfake.Target{{ID: web}}, VPC: "vpc-00000000000000001"})
	r.AWS.AddListener(rig.Account, rig.Region, awsfake.Listener{Balancer: r.AWS.AddLoadBalancer(rig.Account, rig.Region, awsfake.LoadBalancer{Name: "front"}), Port: 443, Forward: []string{group}})
	redis := miniredis.RunT(t)
	k := r.AWS.User(hub, "operator")
	c := &company{Rig: r, t: t, config: filepath.Join(t.TempDir(), "securitybot.yaml")}
	if err := os.WriteFile(c.config, []byte(r.Config(redis.Addr())), 0o600); err != nil {
		t.Fatal(err)
	}
	c.env = append(r.Setenv(), "AWS_ENDPOINT_URL="+r.AWS.URL, "AWS_ACCESS_KEY_ID="+k.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+k.SecretAccessKey)
	return c
}

// exec runs one command line of the real program.
func (c *company) exec(args ...string) (code int, out, errs string) {
	c.t.Helper()
	self, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(c.t.Context(), self, append(args, "--config", c.config)...)
	cmd.Args[0], cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = "securitybot", c.env, c.t.TempDir(), &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		c.t.Fatal(err)
	}
	return code, stdout.String(), stderr.String()
}

func (c *company) wants(code int, says string, args ...string) {
	c.t.Helper()
	got, out, errs := c.exec(args...)
	if got != code || !strings.Contains(out+errs, says) {
		c.t.Errorf("%v: exit code %d, want %d and %q\n%s%s", args, got, code, says, out, errs)
	}
}

func TestThePortMapAtTheCommandLine(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	look := []string{"nlb-map", "look", rig.Account, rig.Region, "i-0aaaaaaaaaaaaaaa1"}
	port := func(p ...string) []string { return append(append([]string(nil), look...), p...) }
	c.wants(1, "not known, so probes are told: port map: look-up unavailable: 111122223333/eu-west-1 has never been scanned", port("8443")...)
	c.wants(0, "1 read completely, 0 not, 1 entries", "nlb-map", "scan")
	c.wants(0, "explained, so probes are not told: port 8443 is reached through arn:aws:elasticloadbalancing", port("8443")...)
	c.wants(1, "not explained, so probes are told: port 22 is not covered", port("8443", "22")...)
	c.wants(0, `"nlb_covers_ports":true`, port("8443", "--format", "json")...)
	c.AWS.Next("ec2", "", -1, awsfake.Denied())
	c.wants(1, "111122223333/eu-west-1: describe network interfaces", "nlb-map", "scan")
	c.wants(1, "not complete: AWS answered UnauthorizedOperation", port("8443")...)
	for _, bad := range [][]string{look, port("0"), port("web"), {"nlb-map", "look", "1", rig.Region, "i-0aaaaaaaaaaaaaaa1", "80"},
		{"nlb-map", "look", rig.Account, "Ireland", "i-0aaaaaaaaaaaaaaa1", "80"}, {"nlb-map", "look", rig.Account, rig.Region, "web", "80"}, {"nlb-map"}, {"nlb-map", "scan", "now"}} {
		if code, out, _ := c.exec(bad...); code != 2 || out != "" {
			t.Errorf("%v: exit code %d\n%s", bad, code, out)
		}
	}
}
