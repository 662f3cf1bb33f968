package thehive_test

import (
	"strings"
	"testing"

	"github.com/securitybot/securitybot/responders/thehive"
)

func TestNames(t *testing.T) {
	for _, name := range []string{"security", "Sécurité", "安全 1", "9", "a ._@/-", strings.Repeat("é", 128)} {
		if !thehive.IsName(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{"", " a", "-a", "a\nb", "a\r", "a:b", "a\x00", "a\xff", "\xff", "a\u200b", strings.Repeat("a", 129)} {
		if thehive.IsName(name) {
			t.Errorf("%q is accepted", name)
		}
	}
}
