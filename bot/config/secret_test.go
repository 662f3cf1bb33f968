package config

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func TestASecretShowsItselfToNobody(t *testing.T) {
	t.Parallel()
	const canary = "xoxb-CANARY"
	type hidden struct{ token Secret }
	secret := NewSecret(canary)
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, nil))
	log.Info("x", "secret", secret, "in", hidden{secret}, "at", &secret, "map", map[string]any{"k": secret})
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "secret", secret, "in", struct{ T Secret }{secret})
	asJSON, err1 := json.Marshal(map[string]any{"a": secret, "b": &secret, "c": []Secret{secret}})
	asYAML, err2 := yaml.Marshal(Slack{BotToken: secret})
	asXML, err3 := xml.Marshal(Document{T: secret})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	shown := []string{logged.String(), string(asJSON), string(asYAML), string(asXML)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%T"} {
		for _, v := range []any{secret, &secret, hidden{secret}, &hidden{secret}, []Secret{secret}, map[string]Secret{"k": secret}, Slack{AppToken: secret}} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
	}
	shown = append(shown, fmt.Errorf("do x with %v: %w", secret, fmt.Errorf("%s", secret)).Error(), panicText(secret))
	for _, text := range shown {
		if strings.Contains(text, "CANARY") || strings.Contains(text, fmt.Sprintf("%x", canary)) || strings.Contains(text, "120 111 120 98") {
			t.Errorf("the secret shows in %q", text)
		}
	}
	if !strings.Contains(shown[0], redacted) || !strings.Contains(shown[1], redacted) || !strings.Contains(shown[2], redacted) {
		t.Errorf("a secret is replaced by %q, not left out: %q", redacted, shown[:3])
	}
	if secret.Reveal() != canary {
		t.Errorf("Reveal() = %q", secret.Reveal())
	}
}

// Document has a name because XML wants one.
type Document struct{ T Secret }

func panicText(v any) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	panic(v)
}

func TestAnAbsentSecretIsEmptyAndSaysSo(t *testing.T) {
	t.Parallel()
	var s Secret
	if s.Configured() || s.Reveal() != "" || s.String() != "" || fmt.Sprintf("%v|%d", s, s) != "|" {
		t.Errorf("configured %v, %q, %q", s.Configured(), s.Reveal(), s)
	}
}
