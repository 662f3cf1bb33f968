package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/securitybot/securitybot/bot"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/fakes/sqsfake"
	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
	"github.com/securitybot/securitybot/internal/rig"
	"github.com/securitybot/securitybot/responders/awsir"
)

const detectorID = "1ab23cd45ef67ab89cd01ef23ab45cd6"

// hospital is a world without a bot, and the program as a process of its own.
type hospital struct {
	*rig.Rig
	redis  *miniredis.Miniredis
	config string
}

func newHospital(t *testing.T) *hospital {
	t.Helper()
	r, err := rig.New(t.Context(), rig.Options{NoBots: true, Records: true, Proofs: "duo"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	r.AWS.SetDetector(rig.Account, rig.Region, detectorID, true)
	h := &hospital{Rig: r, redis: miniredis.RunT(t)}
	h.config = r.Config(h.redis.Addr())
	r.SQS.CreateQueue(rig.Queue+"-deep", sqsfake.QueueOptions{DLQ: rig.Dead, MaxReceive: 20})
	h.config = strings.Replace(h.config, r.SQS.QueueURL(rig.Queue), r.SQS.QueueURL(rig.Queue+"-deep"), 1)
	return h
}

// command runs the program to its end.
func (h *hospital) command(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "securitybot.yaml")
	if err := os.WriteFile(file, []byte(h.config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := exec.CommandContext(t.Context(), self, append(args, "--config", file)...)
	p.Args[0] = "securitybot"
	p.Env = h.Setenv()
	var o, e bytes.Buffer
	p.Stdout, p.Stderr = &o, &e
	err = p.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode(), o.String(), e.String()
}

// examine runs doctor and returns what it says.
func (h *hospital) examine(t *testing.T) (int, []bot.Check) {
	t.Helper()
	code, out, errs := h.command(t, "doctor", "--format", "json")
	var all []bot.Check
	for line := range strings.Lines(out) {
		var c bot.Check
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		t.Fatalf("nothing was said: %s", errs)
	}
	for _, secret := range []string{h.Slack.AppToken, h.Slack.BotToken, rig.RoutingKey, rig.FallbackKey, rig.OnCallToken, rig.HiveKey, rig.ProofSecret} {
		if strings.Contains(out+errs, secret) {
			t.Error("a secret is shown")
		}
	}
	return code, all
}

func TestDoctorContactsEverythingAndChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHospital(t)
	code, all := h.examine(t)
	parts := map[string]bool{}
	for _, c := range all {
		parts[c.Part] = true
		if c.Level == bot.CheckFail {
			t.Errorf("%+v", c)
		}
		if (c.Do == "") != (c.Level == bot.CheckOK) {
			t.Errorf("what to do about it: %+v", c)
		}
	}
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, p := range []string{"slack", "pagerduty", "thehive", "mfa", "queue", "redis", "aws", "guardduty", "documents", "evidence"} {
		if !parts[p] {
			t.Errorf("nothing about %s", p)
		}
	}
	for _, c := range h.Slack.Calls("") {
		if !slices.Contains([]string{"auth.test", "apps.connections.open", "conversations.info", "usergroups.users.list"}, c.Method) {
			t.Errorf("Slack was asked for %s", c.Method)
		}
	}
	if n := len(h.Pager.Calls()) + len(h.Duo.Pushes()); n > 0 {
		t.Errorf("%d events and pushes", n)
	}
	if writes := h.AWS.Writes(); len(writes) > 0 {
		t.Errorf("%d writes to AWS, the first %s", len(writes), writes[0].Op)
	}
	for action, n := range h.SQS.Counts() {
		if action != "GetQueueAttributes" {
			t.Errorf("%d of %s", n, action)
		}
	}
	if keys := h.redis.Keys(); len(keys) > 0 {
		t.Errorf("written to Redis: %v", keys)
	}
	for _, c := range h.AWS.CallsOf("sts", "AssumeRole") {
		if !strings.HasSuffix(c.Params["RoleArn"], "-read") && !strings.Contains(c.Params["Policy"], `"Deny"`) {
			t.Errorf("a session that could do something: %v", c.Params["RoleArn"])
		}
	}
}

func TestDoctorSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	roles := func(h *hospital, role string) {
		h.AWS.AddRole(awsfake.Role{Account: rig.Account, Name: "securitybot-" + role, Trusts: []string{"000000000000"}})
	}
	for name, tc := range map[string]struct {
		spoil func(*hospital)
		level bot.CheckLevel
		part  string
		says  string // in of and says
	}{
		"bot token revoked": {func(h *hospital) { h.Slack.RefuseToken(h.Slack.BotToken, "token_revoked") }, bot.CheckFail, "slack", "token_revoked"},
		"app token revoked": {func(h *hospital) { h.Slack.RefuseToken(h.Slack.AppToken, "invalid_auth") }, bot.CheckFail, "slack", "app token"},
		"a scope is missing": {func(h *hospital) {
			h.Slack.SetScopes(h.Slack.BotToken, without(slackfake.BotScopes(), "files:write")...)
		}, bot.CheckFail, "slack", "files:write"},
		"a scope too many": {func(h *hospital) { h.Slack.SetScopes(h.Slack.BotToken, append(slackfake.BotScopes(), "admin")...) }, bot.CheckWarn, "slack", "admin"},
		"not in the channel": {func(h *hospital) {
			h.Slack.AddChannel(slackfake.Channel{ID: "C0ALONE", Name: "alone"})
			h.security("C0ALONE")
		}, bot.CheckFail, "slack", "not in #alone"},
		"no such channel": {func(h *hospital) { h.security("C0NOWHERE") }, bot.CheckFail, "slack", "channel_not_found"},
		"no such group":   {func(h *hospital) { h.replace("groups: [S0ONCALL]", "groups: [S0NOBODY]") }, bot.CheckFail, "slack", "S0NOBODY"},
		"nobody on call":  {func(h *hospital) { h.Pager.SetRota() }, bot.CheckFail, "pagerduty", "nobody is on call"},
		"REST key refused": {func(h *hospital) {
			h.Pager.SetRota(pagerdutyfake.Shift{})
			h.replace(`api_token: "${env:ONCALL}"`, `api_token: "${env:VIRUSTOTAL}"`)
		}, bot.CheckFail, "pagerduty", "api_token"},
		"a key of other form":  {func(h *hospital) { h.replace(`routing_key: "${env:KEY}"`, `routing_key: "${env:VIRUSTOTAL}"`) }, bot.CheckFail, "pagerduty", "routing_key"},
		"no fallback key":      {func(h *hospital) { h.replace(`, fallback_routing_key: "${env:KEY2}"`, "") }, bot.CheckWarn, "pagerduty", "fallback_routing_key"},
		"pages go nowhere":     {func(h *hospital) { h.replace("events_url: "+h.Pager.URL, "events_url: http://127.0.0.1:1") }, bot.CheckFail, "pagerduty", "does not answer"},
		"TheHive refuses":      {func(h *hospital) { h.Hive.Down(thehivefake.Status(401)) }, bot.CheckFail, "thehive", "401"},
		"TheHive is down":      {func(h *hospital) { h.Hive.Down(thehivefake.Status(503)) }, bot.CheckWarn, "thehive", "503"},
		"Duo refuses":          {func(h *hospital) { h.replace("DIWJ8X6AEYOR5OMC6TQ1", "DIWJ8X6AEYOR5OMC6TQ2") }, bot.CheckFail, "mfa", "401"},
		"no such queue":        {func(h *hospital) { h.replace("findings-deep", "findings-gone") }, bot.CheckFail, "queue", "NonExistentQueue"},
		"no dead letters":      {func(h *hospital) { h.replace("findings-deep", rig.Dead) }, bot.CheckFail, "queue", "no dead-letter queue"},
		"few receives":         {func(h *hospital) { h.replace("findings-deep", rig.Queue) }, bot.CheckWarn, "queue", "after 5 receives"},
		"dead letters":         {func(h *hospital) { h.SQS.Send(rig.Dead, "hello") }, bot.CheckWarn, "queue", "1 messages that nobody could read"},
		"no Redis":             {func(h *hospital) { h.redis.SetError("LOADING Redis is loading the dataset in memory") }, bot.CheckFail, "redis", ""},
		"Redis is not durable": {func(h *hospital) { h.replace("redis: {", "redis: {strict: true, ") }, bot.CheckFail, "redis", "durability"},
		"a role is missing":    {func(h *hospital) { roles(h, "contain") }, bot.CheckFail, "aws", "securitybot-contain cannot be assumed"},
		"no GuardDuty":         {func(h *hospital) { h.replace("regions: [eu-west-1]", "regions: [eu-west-1, us-east-1]") }, bot.CheckFail, "guardduty", "us-east-1"},
		"GuardDuty is off":     {func(h *hospital) { h.AWS.SetDetector(rig.Account, rig.Region, detectorID, false) }, bot.CheckFail, "guardduty", "switched off"},
		"no permission": {func(h *hospital) {
			h.ReadRole(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}`)
		}, bot.CheckFail, "guardduty", "AccessDenied"},
		"documents are old": {func(h *hospital) {
			h.AWS.SetDetector(rig.Account, "eu-west-2", detectorID, true)
			h.replace("regions: [eu-west-1]", "regions: [eu-west-1, eu-west-2]")
		}, bot.CheckWarn, "documents", "eu-west-2"},
		"bucket is gone": {func(h *hospital) { h.replace("bucket: "+rig.Bucket, "bucket: another-bucket") }, bot.CheckFail, "evidence", "NoSuchBucket"},
		"no versions":    {func(h *hospital) { h.bucket(awsfake.Bucket{Lock: true, Unversioned: true}) }, bot.CheckFail, "evidence", "no versions"},
		"no lock":        {func(h *hospital) { h.bucket(awsfake.Bucket{}) }, bot.CheckFail, "evidence", "Object Lock is off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHospital(t)
			tc.spoil(h)
			code, all := h.examine(t)
			if !slices.ContainsFunc(all, func(c bot.Check) bool {
				return c.Level == tc.level && c.Part == tc.part && strings.Contains(c.Of+" "+c.Says, tc.says) && c.Do != ""
			}) {
				t.Errorf("no %s about %s with %q: %+v", tc.level, tc.part, tc.says, all)
			}
			if (tc.level == bot.CheckFail) != (code == exitNo) {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

func without(all []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == one })
}

func (h *hospital) replace(old, with string) { h.config = strings.Replace(h.config, old, with, 1) }

func (h *hospital) security(id string) { h.replace("security: "+h.Security.ID, "security: "+id) }

func (h *hospital) bucket(b awsfake.Bucket) {
	b.Account, b.Region, b.Name = "999900001111", rig.Region, rig.Bucket
	h.AWS.AddBucket(b)
}

// A document in an account that somebody changed has our version's name, and
// another hash.
func TestDoctorFindsAChangedDocument(t *testing.T) {
	t.Parallel()
	h := newHospital(t)
	docs, err := awsir.Documents()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		h.AWS.AddDocument(rig.Account, "eu-west-2", d.Name, d.VersionName, strings.Replace(string(d.Content), "#!/bin/sh", "#!/bin/sh -x", 1))
	}
	h.AWS.SetDetector(rig.Account, "eu-west-2", detectorID, true)
	h.replace("regions: [eu-west-1]", "regions: [eu-west-1, eu-west-2]")
	code, all := h.examine(t)
	changed := 0
	for _, c := range all {
		if c.Part == "documents" && c.Level == bot.CheckFail && strings.Contains(c.Of, "eu-west-2") && strings.Contains(c.Says, "the hash is different") {
			changed++
		}
	}
	if code != exitNo || changed != len(docs) {
		t.Errorf("exit code %d, %d of %d: %+v", code, changed, len(docs), all)
	}
}

func TestDoctorInPlainText(t *testing.T) {
	t.Parallel()
	h := newHospital(t)
	h.Hive.Down(thehivefake.Status(401))
	code, out, errs := h.command(t, "doctor")
	if code != exitNo || errs != "" || !strings.Contains(out, "fail  thehive: ") || !strings.Contains(out, "      → give the key") || !strings.Contains(out, " wrong\n") {
		t.Errorf("%d\n%s\n%s", code, out, errs)
	}
	h.config += "nonsense: 1\n"
	if code, out, errs = h.command(t, "doctor"); code != exitNo || out != "" || !strings.Contains(errs, "nonsense") {
		t.Errorf("%d\n%s\n%s", code, out, errs)
	}
}
