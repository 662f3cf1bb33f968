package intake

import (
	"errors"
	"testing"

	"github.com/securitybot/securitybot/findings"
)

// TestWhatAQueueTakes: account, region and topic, of the finding and of its
// envelope, each on its own.
func TestWhatAQueueTakes(t *testing.T) {
	t.Parallel()
	const topic = "arn:aws:sns:eu-west-1:111122223333:guardduty"
	listed := Config{Accounts: []string{"111122223333"}, Regions: []string{"eu-west-1"}, Topics: []string{topic}}
	raw := listed
	raw.AllowRaw = true
	for name, c := range map[string]struct {
		config Config
		change func(*findings.Finding)
		want   string // kind of refusal
	}{
		"as listed":                           {listed, func(*findings.Finding) {}, ""},
		"another account":                     {listed, func(f *findings.Finding) { f.Account = "444455556666" }, KindAccount},
		"an envelope of another account":      {listed, func(f *findings.Finding) { f.Envelope.Account = "444455556666" }, KindAccount},
		"an envelope without an account":      {listed, func(f *findings.Finding) { f.Envelope.Account = "" }, ""},
		"no account":                          {listed, func(f *findings.Finding) { f.Account, f.Envelope.Account = "", "" }, KindAccount},
		"an account in the envelope alone":    {listed, func(f *findings.Finding) { f.Account = "" }, KindAccount},
		"another region":                      {listed, func(f *findings.Finding) { f.Region = "us-east-1" }, KindRegion},
		"an envelope of another region":       {listed, func(f *findings.Finding) { f.Envelope.Region = "us-east-1" }, KindRegion},
		"no region":                           {listed, func(f *findings.Finding) { f.Region, f.Envelope.Region = "", "" }, KindRegion},
		"another topic":                       {listed, func(f *findings.Finding) { f.Envelope.Topic = topic + "2" }, KindTopic},
		"no topic":                            {listed, func(f *findings.Finding) { f.Envelope.Topic = "" }, KindTopic},
		"no topic, where that is allowed":     {raw, func(f *findings.Finding) { f.Envelope.Topic = "" }, ""},
		"another topic, where none is needed": {raw, func(f *findings.Finding) { f.Envelope.Topic = topic + "2" }, KindTopic},
		"an announcement from nowhere":        {listed, func(f *findings.Finding) { f.Kind = findings.KindAnnouncement; f.Account, f.Region = "", "" }, ""},
		"an announcement from elsewhere":      {listed, func(f *findings.Finding) { f.Kind = findings.KindAnnouncement; f.Account = "444455556666" }, KindAccount},
		"a SIEM alert from nowhere":           {listed, func(f *findings.Finding) { f.Source, f.Account, f.Region = "siem", "", "" }, ""},
		"a SIEM alert about another region":   {listed, func(f *findings.Finding) { f.Source, f.Region = "siem", "us-east-1" }, KindRegion},
		"anything where nothing is listed":    {Config{}, func(f *findings.Finding) { f.Account, f.Region, f.Envelope.Topic = "", "us-east-1", "x" }, ""},
	} {
		f := &findings.Finding{Account: "111122223333", Region: "eu-west-1"}
		f.Envelope.Account, f.Envelope.Region, f.Envelope.Topic = "111122223333", "eu-west-1", topic
		c.change(f)
		got := ""
		if no := newAllowed(c.config).item(findings.Item{Finding: f}); no != nil {
			got = no.kind
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		byHand := c.want == "" || c.want == KindTopic // Allows does not look at the topic
		if c.config.Allows(f) != byHand {
			t.Errorf("%s: allowed past the queue: %v", name, !byHand)
		}
	}
	for name, it := range map[string]findings.Item{"an error": {Err: errors.New("x"), Finding: &findings.Finding{}}, "nothing": {}} {
		if no := newAllowed(Config{}).item(it); no == nil || no.kind != KindRefused {
			t.Errorf("%s: %v", name, no)
		}
	}
}

func TestTopicsAndRegionsHaveTheirForm(t *testing.T) {
	t.Parallel()
	for arn, ok := range map[string]bool{
		"arn:aws:sns:eu-west-1:111122223333:guardduty": true, "arn:aws-us-gov:sns:us-gov-west-1:111122223333:x": true,
		"arn:aws:sns:eu-west-1:111122223333": false, "arn:aws:sns:eu-west-1:111122223333:x:y": false, "xrn:aws:sns:eu-west-1:111122223333:x": false,
		"arn:aws:sqs:eu-west-1:111122223333:x": false, "arn:aws:sns:eu-west:111122223333:x": false, "arn:aws:sns:-:111122223333:x": false,
		"arn:aws:sns:a-b-:111122223333:x": false, "arn:aws:sns:EU-WEST-1:111122223333:x": false, "": false,
		"arn:aws:sns:aaaaaaaaaaaaaaaa-aaaaaaaaaaaaaaaa-1:111122223333:x": false,
	} {
		if _, err := parseTopic(arn); (err == nil) != ok {
			t.Errorf("%q: %v", arn, err)
		}
	}
}
