package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/securitybot/securitybot/findings"
)

func write(t *testing.T, dir, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAFileThatCannotBeReadSafelyIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	dangling := filepath.Join(dir, "dangling")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("gone.yaml", dangling); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ path, want string }{
		{filepath.Join(dir, "nothing.yaml"), "does not exist"},
		{dir, "is a directory"},
		{pipe, "is not a regular file but a named pipe"},
		{dangling, "is a symbolic link to gone.yaml, which does not exist"},
		{write(t, dir, "open.yaml", "log: {}\n", 0o666), "can be changed by everybody on this machine; run: chmod o-w"},
		{write(t, dir, "huge.yaml", strings.Repeat("# ", 600<<10), 0o600), "is larger than 1024 KiB"},
		{"/dev/zero", "is not a regular file but a device"},
	}
	for _, c := range cases {
		_, err := Load(c.path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), c.path+":1:1: ") {
			t.Errorf("Load(%s): %v, want …%s", c.path, err, c.want)
		}
	}
}

func TestAFileMayBeALinkAndHaveOtherLineEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "real.yaml", "\ufeff"+strings.ReplaceAll(completed(""), "\n", "\r\n"), 0o640)
	link := filepath.Join(dir, "securitybot.yaml")
	if err := os.Symlink("real.yaml", link); err != nil {
		t.Fatal(err)
	}
	c, err := testLoader().Load(link)
	if err != nil {
		t.Fatal(err)
	}
	if c.Channels.Security != "C0SECURITY" || len(c.Warnings) != 0 {
		t.Errorf("security %q, warnings %v", c.Channels.Security, c.Warnings)
	}
}

func TestATextFarTooLargeIsRefusedQuickly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		strings.Repeat("#", maxSize+1):               "1:1: the file is larger than 1 MiB",
		strings.Repeat("a: [b, c, d, e, f]\n", 6000): ": the file has more than 60000 words and signs",
	} {
		_, err := testLoader().Parse("f.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%.20s…: %.300v, want %s", text, err, want)
		}
	}
}

func TestAnArchiveOrPolicyThatOthersMayChangeIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "archive"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "archive"), 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "policy.yaml", "version: 1\nrules:\n  - {id: default, then: ticket}\n", 0o666)
	_, err := testLoader().Load(write(t, dir, "f.yaml", completed("archive: {dir: archive}\npolicy: policy.yaml\n"), 0o600))
	for _, want := range []string{"f.yaml:1:16: archive.dir: ", "f.yaml:2:9: policy: "} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "can be changed by everybody") != 2 {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestSecretsComeFromFilesBesideTheConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "app", "xapp-1-CANARY\r\n", 0o400)
	write(t, dir, "open", "xoxb-CANARY", 0o602)
	write(t, dir, "empty", "\n", 0o600)
	bot := write(t, dir, "bot", "xoxb-CANARY\n", 0o400)
	path := write(t, dir, "good.yaml", completed("slack:\n  app_token: ${file:app}\n  bot_token: ${file:"+bot+"}\n"), 0o600)
	c, err := testLoader().Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Slack.AppToken.Reveal() + " " + c.Slack.BotToken.Reveal(); got != "xapp-1-CANARY xoxb-CANARY" {
		t.Errorf("tokens %q", got)
	}
	path = write(t, dir, "bad.yaml", completed("slack:\n  app_token: ${file:empty}\n  bot_token: ${file:open}\n"), 0o600)
	_, err = testLoader().Load(path)
	for _, want := range []string{
		path + ":2:14: slack.app_token: the secret file " + dir + "/empty is empty",
		path + ":3:14: slack.bot_token: the secret file " + dir + "/open can be changed by everybody",
	} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestWhatTheFileDoesNotSayHasASafeDefault(t *testing.T) {
	t.Parallel()
	c, err := testLoader().Parse("securitybot.yaml", []byte(completed("slack:\n  app_token: ${env:WITH_NEWLINE}\n  bot_token: ${env:BOT_TOKEN}\nlog:\n")))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Channels = Channels{Security: "C0SECURITY", Announcements: "C0SECURITY", Fallback: "C0SECURITY"}
	want.SQS.Queues = []Queue{{URL: "https://sqs.eu-west-1.amazonaws.com/111122223333/findings", Region: "eu-west-1", Accounts: []string{"111122223333"}}}
	want.Redis.Addrs = []string{"127.0.0.1:6379"}
	want.Enrich.CatchAll.Channel = "C0SECURITY"
	want.OnCallMention = "S0ONCALL"
	want.Access.Responders.Groups = []string{"S0RESPONDERS"}
	want.Incidents.Groups = []string{"S0RESPONDERS"}
	if diff := cmp.Diff(want, c, cmpopts.IgnoreTypes(Secret{}), cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if c.Slack.AppToken.Reveal() != "xapp-1-CANARY-app" {
		t.Error("the line end after a secret was kept")
	}
	if host, _, _ := strings.Cut(c.HTTP.Addr, ":"); !loopback(host) {
		t.Errorf("the default address %s is open to others", c.HTTP.Addr)
	}
}

func TestWhatTheFileSaysIsTaken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "policy.yaml", "version: 1\nrules:\n  - {id: default, then: ticket}\n", 0o600)
	text := completed(`policy: policy.yaml
archive: {dir: .}
inquiries:
  zone: Europe/Berlin
  timeouts: {high: 20m, low: 24h}
redis:
  addrs: [redis-1.corp.example:6379, "redis-2.corp.example:6379"]
  sentinel_master: bot
  tls: true
  db: 3
  durability: replicated
  replicas: 1
  strict: true
sqs:
  wait: 5s
  queues:
    - url: https://sqs-fips.us-gov-west-1.amazonaws.com/111122223333/a
      verify_sns: true
      accounts: ["012345678901"]
      topics: ["arn:aws-us-gov:sns:us-gov-west-1:111122223333:guardduty"]
    - url: http://localhost:9324/111122223333/b
      region: eu-west-1
      accounts:
        - '111122223333'
`)
	c, err := testLoader().Load(write(t, dir, "f.yaml", text, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.Policy, c.Archive.Dir, c.Inquiries.Timeouts, c.Redis.DB, c.Redis.Strict, c.SQS.Wait, c.SQS.Queues[0].Region, c.SQS.Queues[0].Accounts, c.SQS.Queues[1].Region, c.SQS.Workers}
	want := []any{
		filepath.Join(dir, "policy.yaml"), dir, map[findings.Level]time.Duration{findings.High: 20 * time.Minute, findings.Low: 24 * time.Hour},
		3, true, 5 * time.Second, "us-gov-west-1", []string{"012345678901"}, "eu-west-1", 2,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings %v", c.Warnings)
	}
}
