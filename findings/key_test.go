package findings

import (
	"strings"
	"testing"
	"time"
)

func TestKeyIsTheSameForAllVersions(t *testing.T) {
	t.Parallel()
	want := "gd:111122223333:eu-west-1:5b22539a9d8246393e3e09787f03dd46:0ac2a7bcd9d9a2b1c3d4e5f6a7b8c9d0"
	for _, body := range [][]byte{
		sample(t, "portprobe.json"), sample(t, "portprobe.sns.json"), sample(t, "securityhub.json"),
		with(t, "portprobe.json", map[string]any{"service.count": 99, "updatedAt": "2026-10-01T00:00:00Z", "severity": 8, "title": "x"}),
	} {
		if got := only(t, body).Key(); got != want {
			t.Errorf("%q", got)
		}
	}
}

func TestKeysDoNotCollide(t *testing.T) {
	t.Parallel()
	seen := map[string]Finding{}
	for _, f := range []Finding{
		{Account: "1", Region: "r", Detector: "d", ID: "a:b"},
		{Account: "1", Region: "r", Detector: "d:a", ID: "b"},
		{Account: "1", Region: "r", Detector: "d", ID: "a%3Ab"},
		{Account: "1", Region: "r", Detector: "d", ID: "a"},
		{Account: "1", Region: "", Detector: "rd", ID: "a"},
		{Account: "1", Region: "r", Detector: "", ID: "d/a"},
		{Account: "1", Region: "r", Detector: "d", ID: "A"},
		{Account: "1", Region: "r", Detector: "d", ID: "a\n"},
		{Account: "1", Region: "r", Detector: "d", ID: "a "},
		{Account: "1", Region: "r", Detector: "d", ID: "é"},
		{Account: "1", Region: "r", Detector: "d", ID: "e\u0301"},
		{Kind: KindTamper, Account: "1", Region: "r", Detector: "d", ID: "a"},
		{Kind: KindCoverage, Account: "1", Region: "r", Detector: "d", ID: "a"},
	} {
		k := f.Key()
		if other, ok := seen[k]; ok {
			t.Errorf("%+v and %+v share %q", f, other, k)
		}
		seen[k] = f
		if strings.Count(k, ":") != 4 || strings.ContainsAny(k, " \n*{}") {
			t.Errorf("%q", k)
		}
	}
}

func TestCauseKey(t *testing.T) {
	t.Parallel()
	iam := func(set map[string]any) string { return only(t, with(t, "createuser.json", set)).CauseKey() }
	base := iam(nil)
	elsewhere := iam(map[string]any{"id": "other", "region": "us-east-1", "arn": "arn:aws:guardduty:us-east-1:111122223333:detector/x/finding/other"})
	if base == "" || base != elsewhere {
		t.Errorf("one call seen in two Regions: %q and %q", base, elsewhere)
	}
	for name, other := range map[string]string{
		"account":    iam(map[string]any{"accountId": "444455556666"}),
		"type":       iam(map[string]any{"type": "Discovery:IAMUser/AnomalousBehavior"}),
		"person":     iam(map[string]any{"resource.accessKeyDetails.principalId": "AROA987654321EXAMPLE:john.doe@example.com"}),
		"access key": iam(map[string]any{"resource.accessKeyDetails.accessKeyId": "ASIAI44QH8DHBEXAMPLE"}),
	} {
		if other == base || other == "" {
			t.Errorf("another %s has the cause key %q", name, other)
		}
	}
	for name, none := range map[string]string{
		"regional service": iam(map[string]any{"service.action.awsApiCallAction.serviceName": "ec2.amazonaws.com"}),
		"no principal":     iam(map[string]any{"resource.accessKeyDetails.principalId": ""}),
		"no account":       iam(map[string]any{"accountId": drop, "arn": drop}),
		"port probe":       only(t, sample(t, "portprobe.json")).CauseKey(),
		"tampering":        only(t, sample(t, "trail.json")).CauseKey(),
		"attack sequence":  only(t, sample(t, "sequence.json")).CauseKey(),
	} {
		if none != "" {
			t.Errorf("%s: %q", name, none)
		}
	}
	root := only(t, sample(t, "root.json")).CauseKey()
	again := only(t, with(t, "root.json", map[string]any{"id": "another", "resource.accessKeyDetails.accessKeyId": "ASIAI44QH8DHBEXAMPLE"})).CauseKey()
	if root == "" || root != again {
		t.Errorf("root used twice: %q and %q", root, again)
	}
}

func TestNewer(t *testing.T) {
	t.Parallel()
	now := at("2026-09-14T08:00:00Z")
	f := &Finding{UpdatedAt: now, Count: 5}
	for _, c := range []struct {
		known time.Time
		count int
		want  bool
	}{
		{now, 5, false}, {now, 4, true}, {now, 6, false},
		{now.Add(-time.Second), 9, true}, {now.Add(time.Second), 1, false}, {time.Time{}, 0, true},
		{now.In(time.FixedZone("x", 3600)), 5, false},
	} {
		if got := f.Newer(c.known, c.count); got != c.want {
			t.Errorf("newer than %v and %d: %v", c.known, c.count, got)
		}
	}
}

func TestLevelOf(t *testing.T) {
	t.Parallel()
	for s, want := range map[float64]Level{0: Low, 3.9: Low, 4: Medium, 6.9: Medium, 7: High, 8.9: High, 9: Critical, 10: Critical} {
		if got := LevelOf(s); got != want {
			t.Errorf("%v: %s", s, got)
		}
	}
}
