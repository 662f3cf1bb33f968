package findings

import (
	"strings"
	"testing"
)

func TestTamper(t *testing.T) {
	t.Parallel()
	m := func(kv ...any) map[string]any {
		o := map[string]any{}
		for i := 0; i < len(kv); i += 2 {
			o[kv[i].(string)] = kv[i+1]
		}
		return o
	}
	features := func(status string) map[string]any {
		return m("enable", true, "features", []any{m("name", "S3_DATA_EVENTS", "status", "ENABLED"), m("name", "RUNTIME_MONITORING", "status", status)})
	}
	for _, c := range []struct {
		name     string
		request  any
		severity float64
	}{
		{"DeleteDetector", m("detectorId", "d"), fatal},
		{"StopMonitoringMembers", m("accountIds", []any{"444455556666"}), fatal},
		{"DisassociateMembers", nil, fatal},
		{"DeleteMembers", nil, fatal},
		{"DisassociateFromMasterAccount", nil, fatal},
		{"DisassociateFromAdministratorAccount", nil, fatal},
		{"DisableOrganizationAdminAccount", m("adminAccountId", "444455556666"), fatal},
		{"UpdateDetector", m("enable", false), fatal},
		{"UpdateDetector", m("enable", "false"), fatal},
		{"UpdateDetector", m("enable", true, "findingPublishingFrequency", "SIX_HOURS"), ordinary},
		{"UpdateDetector", features("ENABLED"), ordinary},
		{"UpdateDetector", features("DISABLED"), fatal},
		{"UpdateDetector", m("dataSources", m("s3Logs", m("enable", false))), fatal},
		{"UpdateDetector", m("dataSources", m("s3Logs", m("enable", true))), ordinary},
		{"UpdateDetector", nil, suspicious},
		{"UpdateMemberDetectors", features("DISABLED"), fatal},
		{"UpdateOrganizationConfiguration", m("autoEnable", false), grave},
		{"UpdateOrganizationConfiguration", m("autoEnableOrganizationMembers", "NONE"), grave},
		{"UpdateOrganizationConfiguration", m("autoEnableOrganizationMembers", "ALL"), ordinary},
		{"UpdateOrganizationConfiguration", m("features", []any{m("name", "X", "autoEnable", "NONE")}), grave},
		{"UpdateOrganizationConfiguration", nil, grave},
		{"CreateFilter", m("action", "ARCHIVE"), grave},
		{"CreateFilter", m("action", "NOOP"), ordinary},
		{"CreateFilter", m("name", "x"), ordinary},
		{"UpdateFilter", m("action", "ARCHIVE"), grave},
		{"UpdateFilter", m("rank", 1), odd},
		{"DeleteFilter", m("filterName", "x"), ordinary},
		{"ArchiveFindings", m("findingIds", []any{"1"}), odd},
		{"UnarchiveFindings", nil, ordinary},
		{"CreateIPSet", m("activate", true), grave},
		{"CreateIPSet", m("activate", false), odd},
		{"UpdateIPSet", m("activate", true), grave},
		{"UpdateIPSet", m("location", "s3://x"), odd},
		{"UpdateIPSet", m("activate", false), ordinary},
		{"DeleteIPSet", nil, ordinary},
		{"CreateTrustedEntitySet", m("activate", true), grave},
		{"DeleteThreatIntelSet", nil, suspicious},
		{"UpdateThreatIntelSet", m("activate", false), suspicious},
		{"UpdateThreatIntelSet", m("location", "s3://x"), odd},
		{"CreateThreatIntelSet", m("activate", true), ordinary},
		{"DeleteThreatEntitySet", nil, suspicious},
		{"GetIPSet", nil, ordinary},
		{"CreatePublishingDestination", nil, odd},
		{"UpdatePublishingDestination", nil, suspicious},
		{"DeletePublishingDestination", nil, grave},
		{"DeleteMalwareProtectionPlan", nil, grave},
		{"UpdateMalwareProtectionPlan", nil, odd},
		{"DeclineInvitations", nil, odd},
		{"DeleteInvitations", nil, odd},
		{"AcceptAdministratorInvitation", nil, suspicious},
		{"CreateDetector", m("enable", true), ordinary},
		{"CreateDetector", m("enable", false), odd},
		{"CreateSampleFindings", m("findingTypes", []any{"x"}), ordinary},
		{"GetDetector", m("detectorId", "d"), ordinary},
		{"ListFindings", nil, ordinary},
		{"DisableCustomDetectionRule", nil, grave},
		{"UpdateCustomDetectionRule", nil, odd},
		{"DoSomethingNew", nil, odd},
	} {
		f := only(t, with(t, "trail.json", map[string]any{"eventName": c.name, "requestParameters": c.request}))
		prefix := "Tamper:GuardDuty/"
		if c.severity < odd {
			prefix = "Audit:GuardDuty/"
		}
		if f.Kind != KindTamper || f.Severity != c.severity || f.Type != prefix+c.name {
			t.Errorf("%s %v: %s with severity %v, want %v", c.name, c.request, f.Type, f.Severity, c.severity)
		}
		failed := only(t, with(t, "trail.json", map[string]any{"eventName": c.name, "requestParameters": c.request, "errorCode": "AccessDenied"}))
		if want := min(c.severity, suspicious); failed.Severity != want || failed.Type != f.Type {
			t.Errorf("%s refused: %s with severity %v, want %v", c.name, failed.Type, failed.Severity, want)
		}
		if c.severity >= odd && !strings.Contains(failed.AskSentence(), "was refused") {
			t.Errorf("%s refused: %q", c.name, failed.AskSentence())
		}
	}
}

func TestTamperRecord(t *testing.T) {
	t.Parallel()
	f := only(t, sample(t, "trail.json"))
	if f.Account != "111122223333" || f.Region != "eu-west-1" || f.Detector != "5b22539a9d8246393e3e09787f03dd46" || f.Source != "cloudtrail" ||
		f.ID != "4c7cdb33-0adb-514d-d2ca-ea55ea0b13f5" || f.API != "guardduty:DeleteDetector" || f.RemoteIP().String() != "203.0.113.61" ||
		f.Principal.Session != "mallory@example.com" || f.Principal.Name != "Admin" || f.Envelope.ActorName != "mallory@example.com" ||
		!f.UpdatedAt.Equal(at("2026-09-14T08:04:58Z")) || f.Envelope.Form != "cloudtrail" || f.Key() != "tamper:111122223333:eu-west-1:5b22539a9d8246393e3e09787f03dd46:"+f.ID {
		t.Errorf("%+v", f)
	}
	event := append(append([]byte(`{"version":"0","id":"e","detail-type":"AWS API Call via CloudTrail","source":"aws.guardduty","account":"999988887777","region":"eu-west-1","time":"2026-09-14T08:05:00Z","detail":`), sample(t, "trail.json")...), '}')
	if g := only(t, event); g.Key() != f.Key() || g.Envelope.Account != "999988887777" || g.Envelope.Form != "eventbridge" {
		t.Errorf("%+v", g)
	}
	if items := Parse(append(append([]byte(`{"Records":[`), sample(t, "trail.json")...), `,{"eventSource":"iam.amazonaws.com","eventName":"CreateUser"}]}`...)); len(items) != 2 || items[0].Finding == nil || items[1].Err == nil {
		t.Errorf("%+v", items)
	}
	a := only(t, with(t, "trail.json", map[string]any{"eventID": drop, "requestID": drop}))
	b := only(t, with(t, "trail.json", map[string]any{"eventID": drop, "requestID": drop, "eventName": "DeleteMembers"}))
	if a.ID == "" || a.ID == b.ID || a.ID != only(t, with(t, "trail.json", map[string]any{"eventID": drop, "requestID": drop})).ID {
		t.Errorf("ids made up: %q, %q", a.ID, b.ID)
	}
}

func TestUnprocessedAccounts(t *testing.T) {
	t.Parallel()
	two := []any{"444455556666", "777788889999"}
	left := func(n int) map[string]any {
		l := []any{}
		for _, a := range two[:n] {
			l = append(l, map[string]any{"accountId": a, "result": "no"})
		}
		return map[string]any{"eventName": "StopMonitoringMembers", "requestParameters": map[string]any{"accountIds": two}, "responseElements": map[string]any{"unprocessedAccounts": l}}
	}
	for n, want := range []float64{fatal, fatal, suspicious} {
		f := only(t, with(t, "trail.json", left(n)))
		if f.Severity != want || len(f.Resources) != 2 {
			t.Errorf("%d of 2 not done: severity %v, want %v; %v", n, f.Severity, want, f.Resources)
		}
	}
}
