package config

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// secretServer speaks the wire protocol of Secrets Manager and Parameter Store.
type secretServer struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string // "operation name region"
}

func newSecretServer(t *testing.T, values map[string]string) *secretServer {
	t.Helper()
	s := &secretServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var in struct {
			SecretID       string `json:"SecretId"`
			Name           string
			WithDecryption bool
		}
		if err := json.Unmarshal(body, &in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		scope := strings.Split(r.Header.Get("Authorization"), "/")
		s.mu.Lock()
		s.asked = append(s.asked, operation+" "+in.SecretID+in.Name+" "+scope[2])
		s.mu.Unlock()
		value, ok := values[in.SecretID+in.Name]
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		switch {
		case !ok:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"ResourceNotFoundException","Message":"not there"}`)
		case operation == "GetSecretValue" && value == "binary":
			_ = json.NewEncoder(w).Encode(map[string]any{"SecretBinary": []byte("CANARY")})
		case operation == "GetSecretValue":
			_ = json.NewEncoder(w).Encode(map[string]any{"SecretString": value})
		case operation == "GetParameter" && in.WithDecryption:
			_ = json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]any{"Value": value}})
		default:
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *secretServer) client() *AWS {
	return NewAWS(aws.Config{Region: "us-east-1", BaseEndpoint: &s.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "SECRET", ""), RetryMaxAttempts: 1})
}

const slackARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:bot/slack-AbCdEf"

func TestSecretsInAWSAreFetchedOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	server := newSecretServer(t, map[string]string{
		slackARN:   `{"app":"xapp-CANARY\n","bot":"xoxb-CANARY","port":5}`,
		"/bot/key": canaries["ROUTING_KEY"],
	})
	text := completed("slack:\n  app_token: ${secretsmanager:" + slackARN + "#app}\n  bot_token: ${secretsmanager:" + slackARN + "#bot}\npagerduty:\n  routing_key: ${ssm:/bot/key}\n")
	c, err := testLoader().Parse("securitybot.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(server.asked) != 0 || !c.NeedsFetch() || !c.Slack.AppToken.Configured() || c.Slack.AppToken.Reveal() != "" {
		t.Fatalf("asked %v, needs fetch %v before Fetch", server.asked, c.NeedsFetch())
	}
	if err := c.Fetch(t.Context(), server.client()); err != nil {
		t.Fatal(err)
	}
	if got := c.Slack.AppToken.Reveal() + " " + c.Slack.BotToken.Reveal() + " " + c.PagerDuty.RoutingKey.Reveal(); got != "xapp-CANARY xoxb-CANARY "+canaries["ROUTING_KEY"] {
		t.Errorf("fetched %q", got)
	}
	asked := strings.Join(server.asked, "\n")
	for _, want := range []string{"GetSecretValue " + slackARN + " eu-west-1", "GetParameter /bot/key us-east-1"} {
		if !strings.Contains(asked, want) {
			t.Errorf("asked\n%s\nwithout %s", asked, want)
		}
	}
}

func TestASecretThatCannotBeFetchedIsNamedAndNotShown(t *testing.T) {
	t.Parallel()
	server := newSecretServer(t, map[string]string{
		slackARN:       `{"app":"xoxb-CANARY","port":5}`,
		slackARN + "2": `xoxb-CANARY`, slackARN + "3": "binary",
		"/two":   "CANARY\nCANARY",
		"/empty": "\n",
	})
	cases := []struct{ setting, ref, want string }{
		{"app_token", "secretsmanager:" + slackARN + "#app", "it needs an app-level token (xapp-…), but the reference holds a bot token"},
		{"app_token", "secretsmanager:" + slackARN + "#none", `the secret has no key "none"`},
		{"app_token", "secretsmanager:" + slackARN + "#port", `the key "port" of the secret is not text`},
		{"bot_token", "secretsmanager:" + slackARN + "2#bot", "the secret is not a JSON object"},
		{"bot_token", "secretsmanager:" + slackARN + "3", "the secret is binary"},
		{"bot_token", "secretsmanager:" + slackARN + "4", "not there"},
		{"bot_token", "ssm:/gone", "not there"},
		{"routing_key", "ssm:/two", "more than one line"},
		{"routing_key", "ssm:/empty", "the secret is empty"},
	}
	for _, k := range cases {
		slack := map[string]string{"app_token": "env:APP_TOKEN", "bot_token": "env:BOT_TOKEN", "routing_key": "env:ROUTING_KEY"}
		slack[k.setting] = k.ref
		text := completed("slack:\n  app_token: ${" + slack["app_token"] + "}\n  bot_token: ${" + slack["bot_token"] + "}\npagerduty:\n  routing_key: ${" + slack["routing_key"] + "}\n")
		c, err := testLoader().Parse("f.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", k.ref, err)
			continue
		}
		err = c.Fetch(t.Context(), server.client())
		if err == nil || !strings.Contains(err.Error(), k.want) || !strings.Contains(err.Error(), k.setting) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v, want …%s", k.ref, err, k.want)
		}
	}
}
