package intake_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/securitybot/securitybot/findings/intake"
)

const queueURL = "https://sqs.eu-west-1.amazonaws.com/111122223333/findings"

func TestConfigMistakesAreNamed(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*intake.Config){
		"":                      func(*intake.Config) {},
		"queue URL":             func(c *intake.Config) { c.QueueURL = "findings" },
		"queue URL must":        func(c *intake.Config) { c.QueueURL = "https://user:pw@sqs.example.com/1/q" },
		"FIFO":                  func(c *intake.Config) { c.QueueURL += ".fifo" },
		"workers":               func(c *intake.Config) { c.Workers = 65 },
		"messages in hand":      func(c *intake.Config) { c.MaxInHand = 9 },
		"bytes in hand":         func(c *intake.Config) { c.MaxBytesInHand = 1 },
		"visibility must":       func(c *intake.Config) { c.Visibility = time.Millisecond },
		"wait must":             func(c *intake.Config) { c.Wait = 21 * time.Second },
		"longest hold":          func(c *intake.Config) { c.MaxHold = time.Second },
		"below SQS's 12 h":      func(c *intake.Config) { c.MaxHold = 12 * time.Hour },
		"drain":                 func(c *intake.Config) { c.Drain = -time.Second },
		"unhealthy":             func(c *intake.Config) { c.UnhealthyAfter = time.Second },
		"quarantine":            func(c *intake.Config) { c.QuarantineAfter = -1 },
		`account "12345678901"`: func(c *intake.Config) { c.Accounts = []string{"111122223333", "12345678901"} },
		`region "eu"`:           func(c *intake.Config) { c.Regions = []string{"eu"} },
		`topic "findings"`:      func(c *intake.Config) { c.Topics = []string{"findings"} },
		"SNS host is not known": func(c *intake.Config) { c.Topics = []string{"arn:aws-moon:sns:eu-west-1:111122223333:t"} },
	} {
		c := intake.Config{QueueURL: queueURL}
		change(&c)
		switch err := c.Validate(); {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: got %v", want, err)
		case err != nil && strings.Contains(err.Error(), "pw"):
			t.Errorf("%v shows the password", err)
		}
	}
	c := intake.Config{QueueURL: "x", Workers: -1, Regions: []string{"y"}}
	if err := c.Validate(); strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all three mistakes: %v", err)
	}
	if _, err := intake.New(c, nil, nil, nil, nil, nil); err == nil {
		t.Error("New took it")
	}
	if _, err := intake.New(intake.Config{QueueURL: queueURL}, nil, nil, nil, nil, nil); err == nil {
		t.Error("New needs no client")
	}
}

func TestWarningsSayWhatIsAcceptedUnchecked(t *testing.T) {
	t.Parallel()
	open := strings.Join(intake.Config{QueueURL: "http://localhost:1/2/q"}.Warnings(), "\n")
	if !containsAll(open, "accounts is empty", "regions is empty", "topics is empty", "verify_sns is off", "not https") {
		t.Errorf("warnings:\n%s", open)
	}
	shut := intake.Config{QueueURL: queueURL, Accounts: []string{"1"}, Regions: []string{"r"}, Topics: []string{"t"}, VerifySNS: true}
	if w := shut.Warnings(); len(w) != 0 {
		t.Errorf("warnings: %q", w)
	}
	shut.AllowRaw = true
	if w := shut.Warnings(); len(w) != 2 {
		t.Errorf("warnings: %q", w)
	}
}

func TestMetricsStartAtZeroAndAreRegisteredOnce(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	c := intake.Config{QueueURL: queueURL}
	client := c.NewClient(aws.Config{Region: "eu-west-1"})
	if _, err := intake.New(c, client, &handler{}, &parker{}, nil, reg); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	kinds := 0
	for _, f := range families {
		if f.GetName() == "securitybot_intake_parked_total" {
			kinds = len(f.GetMetric())
		}
	}
	if len(families) != 11 || kinds != len(intake.Kinds()) {
		t.Errorf("%d metrics, %d kinds", len(families), kinds)
	}
	if _, err := intake.New(c, client, &handler{}, &parker{}, nil, reg); err == nil {
		t.Error("registered twice")
	}
}

func TestClientIsOfTheQueuesRegion(t *testing.T) {
	t.Parallel()
	c := intake.Config{QueueURL: queueURL, Region: "eu-north-1"}
	if got := c.NewClient(aws.Config{Region: "us-east-1"}).Options().Region; got != "eu-north-1" {
		t.Errorf("region %q", got)
	}
}
