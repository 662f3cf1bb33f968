package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the .want files of testdata/wrong")

// sections are the parts of a small right configuration. A fixture holds the
// parts it is about; the others are put behind it, so that places stay true.
var sections = []struct{ key, text string }{
	{"slack", "slack:\n  app_token: ${env:APP_TOKEN}\n  bot_token: ${env:BOT_TOKEN}\n"},
	{"channels", "channels:\n  security: C0SECURITY\n"},
	{"sqs", "sqs:\n  queues:\n    - url: https://sqs.eu-west-1.amazonaws.com/111122223333/findings\n      accounts: [\"111122223333\"]\n"},
	{"redis", "redis:\n  addrs: [127.0.0.1:6379]\n"},
	{"pagerduty", "pagerduty:\n  routing_key: ${env:ROUTING_KEY}\n"},
	{"on_call_mention", "on_call_mention: S0ONCALL\n"},
	{"access", "access:\n  responders:\n    groups: [S0RESPONDERS]\n"},
}

// completed returns text with the sections it does not have.
func completed(text string) string {
	for _, s := range sections {
		if !strings.HasPrefix(text, s.key+":") && !strings.Contains(text, "\n"+s.key+":") {
			text += s.text
		}
	}
	return text
}

// canaries are the values of the environment that tests run with. None of them
// may appear in any output.
var canaries = map[string]string{
	"APP_TOKEN":    "xapp-1-CANARY-app",
	"BOT_TOKEN":    "xoxb-CANARY-bot",
	"USER_TOKEN":   "xoxp-CANARY-user",
	"OLD_TOKEN":    "xoxe.xoxb-CANARY-rotated",
	"ROUTING_KEY":  "CANARYrouting0123456789abcdefghi",
	"API_KEY":      "CANARYapi+0123456789",
	"DUO_KEY":      "CANARYduoCANARYduoCANARYduoCANARYduo0123",
	"SHORT_KEY":    "CANARYshort",
	"EMPTY":        "",
	"BLANK":        " \n",
	"SPACED":       " xapp-CANARY ",
	"TWO_LINES":    "xapp-CANARY\nxapp-CANARY",
	"WITH_NEWLINE": "xapp-1-CANARY-app\n",
}

func testLoader() Loader {
	return Loader{LookupEnv: func(name string) (string, bool) {
		v, ok := canaries[name]
		return v, ok
	}}
}

// parseFixture reads text as if it were the file securitybot.yaml.
func parseFixture(text string) (*Config, string) {
	c, err := testLoader().Parse("securitybot.yaml", []byte(text))
	if err == nil {
		return c, c.Warnings.Error()
	}
	return nil, err.Error()
}

func TestEachMistakeIsNamedAtItsPlace(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	if err != nil || len(files) < 40 {
		t.Fatalf("only %d fixtures, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text := string(src)
			if !strings.HasPrefix(filepath.Base(file), "file-") {
				text = completed(text)
			}
			c, got := parseFixture(text)
			if strings.Contains(got, "CANARY") {
				t.Fatalf("a secret shows:\n%s", got)
			}
			isWarning := strings.HasPrefix(filepath.Base(file), "warn-")
			if (c != nil) != isWarning || got == "" {
				t.Fatalf("accepted: %v, expected %v; said %q", c != nil, isWarning, got)
			}
			compare(t, strings.TrimSuffix(file, ".yaml")+".want", got+"\n")
		})
	}
}

func compare(t *testing.T, wantFile, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(wantFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(wantFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-%s +got\n%s", wantFile, diff)
	}
}

func TestAllMistakesAreFoundAtOnce(t *testing.T) {
	t.Parallel()
	text := "slak:\n  x: 1\nslack:\n  app_token: ${env:NOT_THERE}\n  connections: many\n" +
		"redis:\n  addrs: [\"127.0.0.1\"]\n  db: -1\n  db: 2\ninquiries:\n  zone: Mars/Base\n"
	_, err := testLoader().Parse("f.yaml", []byte(text))
	var ps Problems
	if !errors.As(err, &ps) {
		t.Fatalf("not Problems: %v", err)
	}
	var lines []int
	for _, p := range ps {
		lines = append(lines, p.Line)
	}
	want := []int{1, 1, 1, 1, 3, 4, 5, 7, 8, 9, 11}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("lines of the problems (-want +got)\n%s\n%s", diff, err)
	}
}
