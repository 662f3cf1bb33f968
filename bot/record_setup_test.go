package bot

import (
	"slices"
	"testing"

	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/responders/thehive"
)

func TestMessagesMayLinkToTheHive(t *testing.T) {
	t.Parallel()
	var cfg config.Config
	cfg.Slack.LinkHosts = []string{"wiki.corp.example"}
	if got := chatConfig(&cfg).LinkHosts; !slices.Contains(got, "wiki.corp.example") || slices.Contains(got, "thehive.corp.example") {
		t.Errorf("without TheHive: %v", got)
	}
	cfg.TheHive.URL = "https://thehive.corp.example/ir"
	if got := chatConfig(&cfg).LinkHosts; !slices.Contains(got, "wiki.corp.example") || !slices.Contains(got, "thehive.corp.example") {
		t.Errorf("with TheHive: %v", got)
	}
}

func TestWithoutTheSectionThereIsNoHive(t *testing.T) {
	t.Parallel()
	if h, err := hiveOf(config.TheHive{}); h != nil || err != nil {
		t.Errorf("%v %v", h, err)
	}
	if h, err := hiveOf(config.TheHive{URL: "https://thehive.corp.example"}); err == nil {
		t.Errorf("without a key: %v", h)
	}
	if got := keptAt("SB-1", recordAt(keptAt("SB-1", thehive.Record{Kind: thehive.AlertRecord, ID: "~1", Number: 2, Case: "~3"}))); got.Kind != "alert" || got.ID != "~1" || got.Number != 2 || got.Case != "~3" {
		t.Errorf("what is stored of a record: %+v", got)
	}
}
