package findings

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCoverage(t *testing.T) {
	t.Parallel()
	lost, back := only(t, sample(t, "unhealthy.json")), only(t, sample(t, "healthy.json"))
	if lost.Kind != KindCoverage || lost.Type != "Coverage:Runtime/Unhealthy" || lost.Severity != 5 || lost.Account != "111122223333" ||
		lost.Envelope.Account != "999988887777" || lost.ResourceType != "EKSCluster" || !cmp.Equal(lost.Resources, []string{"prod"}) ||
		!lost.UpdatedAt.Equal(at("2026-09-14T08:05:12.004Z")) || lost.Description != "the add-on was removed" {
		t.Errorf("%+v", lost)
	}
	if back.Type != "Coverage:Runtime/Healthy" || back.Severity != 1 || back.Key() != lost.Key() {
		t.Errorf("%+v", back)
	}
	other := only(t, with(t, "unhealthy.json", map[string]any{"detail.resourceDetails": map[string]any{"resourceType": "EC2", "ec2InstanceDetails": map[string]any{"instanceId": "i-1"}}}))
	if other.Key() == lost.Key() || other.Instance.ID != "i-1" || other.ResourceType != "Instance" {
		t.Errorf("%+v", other)
	}
	ms := only(t, with(t, "unhealthy.json", map[string]any{"detail.lastUpdatedAt": 1789373112004}))
	if !ms.UpdatedAt.Equal(lost.UpdatedAt) {
		t.Errorf("13 digits: %v, 16 digits: %v", ms.UpdatedAt, lost.UpdatedAt)
	}
	nameless := only(t, with(t, "unhealthy.json", map[string]any{"detail.resourceDetails": nil}))
	if nameless.ID != "7e706286-0e00-7515-f2be-0793fd3092d9" {
		t.Errorf("id %q", nameless.ID)
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	f := only(t, sample(t, "scan.json"))
	if f.Kind != KindScan || f.Type != "Scan:S3/ThreatsFound" || f.Severity != 8 || f.ResourceType != "S3Object" ||
		!cmp.Equal(f.Resources, []string{"arn:aws:s3:::uploads/in/file.pdf"}) || !strings.HasPrefix(f.Description, "EICAR") {
		t.Errorf("%+v", f)
	}
	for status, want := range map[string]string{
		"NO_THREATS_FOUND": "Scan:S3/NoThreatsFound", "UNSUPPORTED": "Scan:S3/Unsupported", "ACCESS_DENIED": "Scan:S3/AccessDenied",
		"FAILED": "Scan:S3/Failed", "SOMETHING": "Scan:S3/Unknown",
	} {
		f := only(t, with(t, "scan.json", map[string]any{"detail.scanResultDetails": map[string]any{"scanResultStatus": status, "threats": nil}}))
		if f.Type != want {
			t.Errorf("%s: %s", status, f.Type)
		}
	}
	for kind, want := range map[string]string{
		"GuardDuty Malware Protection Resource Status Active":  "Scan:Protection/Active",
		"GuardDuty Malware Protection Resource Status Warning": "Scan:Protection/Warning",
		"GuardDuty Malware Protection Resource Status Error":   "Scan:Protection/Error",
		"GuardDuty Malware Protection Post Scan Action Failed": "Scan:Protection/TaggingFailed",
	} {
		if f := only(t, with(t, "scan.json", map[string]any{"detail-type": kind})); f.Type != want {
			t.Errorf("%s: %s", kind, f.Type)
		}
	}
}

func TestAnnouncements(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		typ      string
		unlisted bool
		says     string
	}{
		"news.findings.json": {"NEW_FINDINGS", true, "A new one."},
		"news.updated.json":  {"UPDATED_FINDINGS", false, "Severity from 5 to 8."},
		"news.features.json": {"NEW_FEATURES", false, "A new feature with finding types."},
		"news.general.json":  {"GENERAL", false, "Things change."},
	} {
		f := only(t, sample(t, name))
		if f.Kind != KindAnnouncement || f.Type != "Announcement:GuardDuty/"+c.typ || f.Unlisted != c.unlisted || f.Severity != 1 ||
			!strings.Contains(f.Description, c.says) || !strings.Contains(f.Description, "https://docs.example.com/") || f.Region != "us-west-2" || f.Account != "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	news := only(t, sample(t, "news.findings.json"))
	if !cmp.Equal(news.Resources, []string{"Impact:EC2/SomethingNew", "UnauthorizedAccess:EC2/TorClient"}) {
		t.Errorf("%v", news.Resources)
	}
	if a, b := news.Key(), only(t, sample(t, "news.updated.json")).Key(); a == b {
		t.Error("two announcements with one message id share a key")
	}
	elsewhere := only(t, with(t, "news.findings.json", map[string]any{"TopicArn": "arn:aws:sns:us-east-1:242987662583:GuardDutyAnnouncements"}))
	if elsewhere.Key() != news.Key() {
		t.Error("one announcement by two Regions' topics has two keys")
	}
	other := only(t, with(t, "news.general.json", map[string]any{"Message": `{"version":"1","type":"SOMETHING_ELSE","message":[{"title":"t","body":"b"}]}`}))
	if other.Kind != KindAnnouncement || other.Type != "Announcement:GuardDuty/SOMETHING_ELSE" {
		t.Errorf("%+v", other)
	}
}
