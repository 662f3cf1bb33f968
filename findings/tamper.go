package findings

import "strings"

// wireRequest is the requestParameters of the GuardDuty calls that matter
// (GuardDuty API reference).
type wireRequest struct {
	Detector  text    `json:"detectorId"`
	Name      text    `json:"name"`
	Enable    tri     `json:"enable"`
	Action    text    `json:"action"`
	Activate  tri     `json:"activate"`
	Location  text    `json:"location"`
	Accounts  texts   `json:"accountIds"`
	AutoOn    tri     `json:"autoEnable"`
	AutoWho   text    `json:"autoEnableOrganizationMembers"`
	AdminID   acct    `json:"adminAccountId"`
	Frequency text    `json:"findingPublishingFrequency"`
	Sources   rawBits `json:"dataSources"`
	Features  many[struct {
		Name   text `json:"name"`
		Status text `json:"status"`
		Auto   text `json:"autoEnable"`
	}] `json:"features"`
}

func (r *wireRequest) accounts() []string {
	l := r.Accounts
	if a := accountID(string(r.AdminID)); a != "" {
		l = append(l, a)
	}
	return l[:min(len(l), maxResource)]
}

// verdict is what one call means for GuardDuty's ability to see.
type verdict struct {
	severity   float64
	harmless   bool
	title, why string
}

func (v verdict) prefix() string {
	if v.harmless {
		return "Audit:GuardDuty/"
	}
	return "Tamper:GuardDuty/"
}

// The severities of a call about GuardDuty. A fatal one blinds it at once; a
// suspicious one can hide things and is often ordinary work; an attempt failed.
const (
	fatal      = 8.0
	grave      = 6.0
	suspicious = 5.0
	odd        = 4.0
	ordinary   = 1.0
)

// judge weighs one call by its name, its parameters and whether it worked.
func judge(t *wireTrail) verdict {
	sev, why := weighCall(string(t.Name), bool(t.ReadOnly), &t.Request.v, t.Request.ok)
	v := verdict{severity: sev, harmless: sev < odd, title: "GuardDuty was changed", why: why}
	switch {
	case sev < odd:
		v.title = "A GuardDuty call that changes nothing about what it sees"
	case sev >= fatal:
		v.title = "GuardDuty was switched off or cut off"
	}
	if v.harmless {
		return v
	}
	if n := len(t.Request.v.Accounts); t.Error == "" && n > 0 && len(t.Response.v.Unprocessed) >= n {
		t.Error = "UnprocessedAccounts"
	}
	if t.Error != "" {
		v.severity = min(v.severity, suspicious)
		v.title = "Somebody tried to weaken GuardDuty and failed"
		v.why += "; the call was refused"
	}
	return v
}

// weighCall is the table of calls. Names that are not in it are judged by
// their verb, so that a new way of switching things off is not overlooked.
func weighCall(name string, readOnly bool, r *wireRequest, known bool) (float64, string) {
	switch name {
	case "DeleteDetector":
		return fatal, "the detector was deleted: GuardDuty no longer watches this account and Region"
	case "StopMonitoringMembers":
		return fatal, "member accounts are no longer watched"
	case "DisassociateMembers", "DeleteMembers":
		return fatal, "member accounts were cut off from the administrator account"
	case "DisassociateFromMasterAccount", "DisassociateFromAdministratorAccount":
		return fatal, "this account was cut off from its administrator account"
	case "DisableOrganizationAdminAccount":
		return fatal, "the organization no longer has a GuardDuty administrator"
	case "UpdateDetector", "UpdateMemberDetectors":
		return weighDetector(r, known)
	case "UpdateOrganizationConfiguration":
		if !known || r.AutoOn == no || r.AutoWho == "NONE" || r.switchesOff() {
			return grave, "new member accounts may no longer be watched automatically"
		}
		return ordinary, "what new member accounts get was changed, nothing was switched off"
	case "CreateFilter", "UpdateFilter":
		return weighFilter(name, r)
	case "ArchiveFindings":
		return odd, "findings were archived by hand"
	case "CreatePublishingDestination":
		return odd, "findings are exported to one more place"
	case "UpdatePublishingDestination":
		return suspicious, "findings are exported to another place"
	case "DeletePublishingDestination":
		return grave, "findings are no longer exported"
	case "DeclineInvitations", "DeleteInvitations":
		return odd, "an invitation by an administrator account was refused"
	case "AcceptInvitation", "AcceptAdministratorInvitation", "EnableOrganizationAdminAccount":
		return suspicious, "another account became the GuardDuty administrator"
	case "UpdateMalwareProtectionPlan", "UpdateMalwareScanSettings":
		return odd, "malware scanning was changed"
	case "DeleteMalwareProtectionPlan":
		return grave, "malware scanning of uploads was switched off"
	case "CreateDetector":
		if r.Enable == no {
			return odd, "a detector was made that watches nothing"
		}
		return ordinary, "GuardDuty was switched on"
	}
	if sev, why, ok := weighList(name, r); ok {
		return sev, why
	}
	return weighVerb(name, readOnly)
}

func weighDetector(r *wireRequest, known bool) (float64, string) {
	switch {
	case r.Enable == no:
		return fatal, "GuardDuty was suspended"
	case r.switchesOff():
		return fatal, "part of what GuardDuty watches was switched off"
	case !known:
		return suspicious, "settings of GuardDuty were changed, it is not recorded which"
	case r.Frequency == "SIX_HOURS":
		return ordinary, "updates of findings come less often"
	}
	return ordinary, "settings were changed, nothing was switched off"
}

// switchesOff reports whether a feature or, in the older form, a data source
// is being disabled.
func (r *wireRequest) switchesOff() bool {
	for _, f := range r.Features {
		if f.Status == "DISABLED" || f.Auto == "NONE" {
			return true
		}
	}
	return bool(r.Sources)
}

func weighFilter(name string, r *wireRequest) (float64, string) {
	switch {
	case r.Action == "ARCHIVE":
		return grave, "findings that match a rule are hidden from now on"
	case r.Action == "NOOP", r.Action == "" && name == "CreateFilter":
		return ordinary, "a view on findings was saved, nothing is hidden"
	}
	return odd, "a rule that may hide findings was changed"
}

// weighList judges the lists of trusted and of bad addresses and names:
// trusting more, or fearing less, is blinding without deletion.
func weighList(name string, r *wireRequest) (float64, string, bool) {
	list, ok := strings.CutSuffix(name, "Set")
	if !ok {
		return 0, "", false
	}
	trusted := strings.HasSuffix(list, "IP") || strings.HasSuffix(list, "TrustedEntity")
	if !trusted && !strings.HasSuffix(list, "ThreatIntel") && !strings.HasSuffix(list, "ThreatEntity") {
		return 0, "", false
	}
	del, create := strings.HasPrefix(list, "Delete"), strings.HasPrefix(list, "Create")
	switch {
	case strings.HasPrefix(list, "Get") || strings.HasPrefix(list, "List"):
		return ordinary, "lists were read", true
	case trusted && (del || r.Activate == no && !create):
		return ordinary, "addresses are no longer trusted", true
	case trusted && r.Activate == yes:
		return grave, "findings about the addresses on a list are no longer made", true
	case trusted:
		return odd, "a list of trusted addresses was prepared or changed", true
	case del || r.Activate == no && !create:
		return suspicious, "a list of bad addresses is no longer used", true
	case create:
		return ordinary, "a list of bad addresses was added", true
	}
	return odd, "a list of bad addresses was changed", true
}

func weighVerb(name string, readOnly bool) (float64, string) {
	has := func(verbs ...string) bool {
		for _, v := range verbs {
			if strings.HasPrefix(name, v) {
				return true
			}
		}
		return false
	}
	switch {
	case has("Get", "List", "Describe"):
		return ordinary, "settings or findings were read"
	case has("CreateSampleFindings"):
		return ordinary, "sample findings were made: a burst of them follows"
	case has("StartMonitoringMembers", "CreateMembers", "InviteMembers", "UnarchiveFindings", "TagResource", "UntagResource",
		"UpdateFindingsFeedback", "DeleteFilter", "CreateMalwareProtectionPlan", "StartMalwareScan", "SendObjectMalwareScan",
		"CreateCustomDetectionRule", "EnableCustomDetectionRule"):
		return ordinary, "ordinary work on GuardDuty, nothing was switched off"
	case has("Delete", "Disable", "Disassociate", "Stop", "Decline"):
		return grave, "something of GuardDuty was removed or switched off"
	case readOnly:
		return ordinary, "settings or findings were read"
	}
	return odd, "a call that changes GuardDuty in a way that is not known here"
}
