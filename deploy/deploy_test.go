package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/deploy"
)

// scopes is what the bot's calls need, by method. It asks for nothing else.
var scopes = map[string][]string{
	"commands":         {"a slash command"},
	"chat:write":       {"chat.postMessage", "chat.postEphemeral", "chat.update"},
	"im:write":         {"conversations.open"},
	"im:history":       {"conversations.history", "conversations.replies"},
	"channels:history": {"conversations.history", "conversations.replies"},
	"groups:history":   {"conversations.history", "conversations.replies"},
	"users:read":       {"users.info"},
	"users:read.email": {"users.lookupByEmail"},
	"usergroups:read":  {"usergroups.users.list"},
	"groups:write":     {"conversations.create", "conversations.invite", "conversations.setTopic", "conversations.setPurpose", "conversations.archive", "conversations.unarchive"},
	"channels:manage":  {"conversations.create", "conversations.invite", "conversations.setTopic", "conversations.setPurpose", "conversations.archive", "conversations.unarchive"},
	"groups:read":      {"users.conversations", "conversations.members", "conversations.info"},
	"channels:read":    {"users.conversations", "conversations.members", "conversations.info"},
	"pins:write":       {"pins.add"},
	"canvases:write":   {"conversations.canvases.create", "canvases.edit"},
	"files:write":      {"files.getUploadURLExternal", "files.completeUploadExternal"},
}

type manifest struct {
	Display struct {
		Name        string `yaml:"name"`
		Description string `yaml:"description"`
		Color       string `yaml:"background_color"`
		Long        string `yaml:"long_description"`
	} `yaml:"display_information"`
	Features struct {
		BotUser struct {
			DisplayName  string `yaml:"display_name"`
			AlwaysOnline bool   `yaml:"always_online"`
		} `yaml:"bot_user"`
		Commands []struct {
			Command     string `yaml:"command"`
			Description string `yaml:"description"`
			Hint        string `yaml:"usage_hint"`
			Escape      bool   `yaml:"should_escape"`
		} `yaml:"slash_commands"`
	} `yaml:"features"`
	OAuth struct {
		Scopes struct {
			Bot []string `yaml:"bot"`
		} `yaml:"scopes"`
	} `yaml:"oauth_config"`
	Settings struct {
		SocketMode    bool `yaml:"socket_mode_enabled"`
		Interactivity struct {
			Enabled bool `yaml:"is_enabled"`
		} `yaml:"interactivity"`
		OrgDeploy bool `yaml:"org_deploy_enabled"`
		Rotation  bool `yaml:"token_rotation_enabled"`
	} `yaml:"settings"`
}

// free methods need no scope of the bot token.
var free = []string{"auth.test", "views.open", "apps.connections.open", "chat.getPermalink"}

var method = regexp.MustCompile(`"((?:apps|auth|canvases|chat|conversations|files|pins|usergroups|users|views)\.[A-Za-z.]+)"`)

func TestTheScopesAreThoseOfTheMethodsTheBotCalls(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../bot/chat/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of bot/chat: %v", err)
	}
	called := map[string]bool{}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range method.FindAllStringSubmatch(string(src), -1) {
			called[m[1]] = called[m[1]] || !strings.HasSuffix(file, "_test.go")
		}
	}
	needed := map[string]bool{}
	for scope, methods := range scopes {
		for _, m := range methods {
			needed[m] = true
			if strings.Contains(m, ".") && !called[m] {
				t.Errorf("%s is for %s, which is not called", scope, m)
			}
		}
	}
	for m, inProduct := range called {
		if inProduct && !needed[m] && !slices.Contains(free, m) {
			t.Errorf("%s is called, but no scope is known for it", m)
		}
	}
}

func TestTheManifestAsksForWhatTheBotUsesAndNoMore(t *testing.T) {
	t.Parallel()
	var m manifest
	if err := yaml.UnmarshalWithOptions([]byte(deploy.SlackManifest), &m, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	var want []string
	for scope := range scopes {
		want = append(want, scope)
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(m.OAuth.Scopes.Bot))); diff != "" {
		t.Errorf("scopes (-needed +asked for)\n%s", diff)
	}
	if !m.Settings.SocketMode || !m.Settings.Interactivity.Enabled || m.Settings.OrgDeploy || m.Settings.Rotation {
		t.Errorf("settings %+v", m.Settings)
	}
	if len(m.Features.Commands) != 1 || m.Features.Commands[0].Command != "/ir" || !m.Features.Commands[0].Escape {
		t.Errorf("commands %+v", m.Features.Commands)
	}
	// Slack's limits: api.slack.com/reference/manifests.
	if n := len(m.Display.Name); n == 0 || n > 35 {
		t.Errorf("the name has %d characters", n)
	}
	if n := len(m.Display.Description); n > 140 {
		t.Errorf("the description has %d characters", n)
	}
	if n := len(m.Display.Long); n < 174 || n > 4000 {
		t.Errorf("the long description has %d characters", n)
	}
}

// explainedWithTheLast are scopes that stand in a row under one explanation.
var explainedWithTheLast = regexp.MustCompile(`:history$|- (groups:write|groups:read|pins:write)$`)

// forbidden scopes would let the bot, or who has its token, do what people must
// be able to rely on that it cannot.
func TestTheManifestExplainsEachScopeAndLeavesOutTheDangerousOnes(t *testing.T) {
	t.Parallel()
	_, list, _ := strings.Cut(deploy.SlackManifest, "    bot:\n")
	list, _, _ = strings.Cut(list, "settings:")
	explained := false
	for _, line := range strings.Split(list, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "- ") && !explained {
			t.Errorf("%s is not explained", line)
		}
		explained = strings.HasPrefix(line, "#") || (explained && explainedWithTheLast.MatchString(line))
	}
	for _, bad := range []string{"chat:write.public", "chat:write.customize", "admin", "files:read", "remote_files:", "canvases:read", "channels:join", "search:", "users:write"} {
		if regexp.MustCompile(`(?m)^ *- ` + regexp.QuoteMeta(bad)).MatchString(list) {
			t.Errorf("the bot asks for %s", bad)
		}
	}
}

func TestTheContainerIsStaticAndUnprivileged(t *testing.T) {
	t.Parallel()
	for file, wanted := range map[string][]string{
		"Dockerfile":   {"CGO_ENABLED=0", "\nFROM scratch\n", "USER 65532:65532"},
		"compose.yaml": {"read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "stop_grace_period: 30s", "appendfsync, always", "noeviction"},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wanted {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s lacks %q", file, want)
			}
		}
		if file == "compose.yaml" {
			var anything map[string]any
			if err := yaml.UnmarshalWithOptions(text, &anything, yaml.Strict()); err != nil {
				t.Error(err)
			}
		}
	}
}
