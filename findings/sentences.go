package findings

import "strings"

// AskSentence says what was seen, to the person whose access or system it is:
// plain words of our own, nothing from the finding, no capital and no full
// stop.
func (f *Finding) AskSentence() string { return f.sentence(true) }

// TellSentence says what was seen, to owners and responders, in the same way.
func (f *Finding) TellSentence() string { return f.sentence(false) }

func (f *Finding) sentence(ask bool) string {
	switch f.Kind {
	case KindTamper:
		return tamperSentence(f, ask)
	case KindCoverage, KindScan, KindAnnouncement:
		return eventSentence(f)
	case KindDrill:
		return "DRILL: nothing has happened, the way of a page is being tried"
	}
	if s := byRole(f, ask); s != "" {
		return s
	}
	s := unlistedSentence(f, ask)
	if e, ok := Lookup(f.Type); ok {
		s = e.Tell
		if ask {
			s = e.Ask
		}
	}
	return failed(s, f.ErrorCode)
}

// failed makes a sentence about a call that was refused truthful.
func failed(s, errorCode string) string {
	if errorCode == "" || strings.Contains(s, "used to try to ") {
		return s
	}
	return strings.Replace(s, "access was used to ", "access was used to try to ", 1)
}

// byRole tells the two meanings of a type apart where the role decides: our
// host attacks, or somebody knocks.
func byRole(f *Finding, ask bool) string {
	goal := ""
	switch f.Type {
	case "UnauthorizedAccess:EC2/SSHBruteForce":
		goal = "log in to "
	case "UnauthorizedAccess:EC2/RDPBruteForce":
		goal = "open the remote screen of "
	case "Impact:EC2/WinRMBruteForce":
		goal = "control from afar "
	}
	ours := "a server"
	if ask {
		ours = "a server you look after"
	}
	switch {
	case goal == "":
		return ""
	case f.Role == "ACTOR":
		return ours + " is trying many passwords to " + goal + "another computer"
	case f.Role == "TARGET":
		return "somebody is trying many passwords to " + goal + ours
	}
	return ""
}

func tamperSentence(f *Finding, ask bool) string {
	whose := "somebody's"
	if ask {
		whose = "your"
	}
	what := "change settings of the alarm system GuardDuty"
	switch {
	case strings.HasPrefix(f.Type, "Audit:"):
		what = "do ordinary work on the alarm system GuardDuty"
	case f.ErrorCode != "":
		return whose + " AWS access was used to try to weaken the alarm system GuardDuty, and was refused"
	case f.Severity >= fatal:
		what = "switch off or cut off the alarm system GuardDuty"
	case f.Severity >= grave:
		what = "hide things from the alarm system GuardDuty"
	}
	return whose + " AWS access was used to " + what
}

func eventSentence(f *Finding) string {
	switch f.Type {
	case "Coverage:Runtime/Unhealthy":
		return "the alarm system GuardDuty can no longer watch what runs on a server or container cluster"
	case "Coverage:Runtime/Healthy":
		return "the alarm system GuardDuty watches what runs on a server or container cluster again"
	case "Scan:S3/ThreatsFound":
		return "harmful software was found in a stored file"
	case "Scan:S3/NoThreatsFound":
		return "a stored file was checked and nothing harmful was found"
	case "Scan:Protection/Active":
		return "stored files are being checked for harmful software"
	case "Scan:Protection/Warning", "Scan:Protection/Error":
		return "stored files are not or not fully checked for harmful software"
	case "Scan:Protection/TaggingFailed":
		return "a checked file could not be marked with the result"
	}
	if f.Kind == KindScan {
		return "a stored file could not be checked for harmful software"
	}
	if f.Unlisted {
		return "AWS announced something new that the alarm system GuardDuty can find"
	}
	return "AWS announced a change to the alarm system GuardDuty"
}

// unlistedSentence is made from purpose and resource, for a type that is newer
// than the catalogue.
func unlistedSentence(f *Finding, ask bool) string {
	purpose, resource, _ := splitType(f.Type)
	where := place(resource, f.ResourceType)
	own := ""
	if ask {
		own = " you look after"
	}
	if where == "" {
		who := "somebody's AWS access"
		if ask {
			who = "your AWS access"
		}
		return who + " was used in a way that " + aim(purpose)
	}
	return "something was seen on " + where + own + " that " + aim(purpose)
}

// place names a resource in plain words; it is empty where it is about a
// person's access.
func place(resource, kind string) string {
	switch resource {
	case "IAMUser", "IAM":
		return ""
	case "EC2":
		return "a server"
	case "S3":
		return "stored files"
	case "RDS":
		return "a database"
	case "Lambda":
		return "a cloud function"
	case "Kubernetes", "EKS", "ECS":
		return "a container cluster"
	case "Container":
		return "a container"
	case "Runtime":
		return "a server or container"
	}
	switch resourceType(kind) {
	case "AccessKey":
		return ""
	case "Instance":
		return "a server"
	case "S3Bucket", "S3Object":
		return "stored files"
	case "EKSCluster", "ECSCluster", "Container":
		return "a container cluster"
	case "RDSDBInstance", "RDSLimitlessDB":
		return "a database"
	}
	return "a part of the account"
}

// aim says what a purpose, the first word of a type, means (GuardDuty user
// guide, "GuardDuty finding format").
func aim(purpose string) string {
	switch purpose {
	case "Backdoor", "Trojan", "Execution", "Object":
		return "points to harmful software"
	case "CryptoCurrency":
		return "points to making digital money such as Bitcoin"
	case "CredentialAccess":
		return "may be about stealing passwords or keys"
	case "DefenseEvasion", "DefenseImpairment", "Stealth":
		return "may be about hiding traces or switching off protection"
	case "Discovery", "Recon":
		return "looks like somebody looking around before an attack"
	case "Exfiltration":
		return "may be about copying data out"
	case "Impact":
		return "may do damage"
	case "InitialAccess", "UnauthorizedAccess":
		return "looks like somebody getting in who should not"
	case "LateralMovement":
		return "looks like somebody moving on from one system to the next"
	case "Persistence":
		return "may be about keeping a way in"
	case "PrivilegeEscalation":
		return "may be about gaining more rights"
	case "PenTest":
		return "looks like a test of how to break in"
	case "Policy":
		return "breaks a rule of safe work"
	case "AttackSequence":
		return "looks like several steps of one attack"
	}
	return "is unusual and has no description here yet"
}
