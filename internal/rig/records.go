package rig

import "github.com/securitybot/securitybot/internal/fakes/thehivefake"

// HiveKey is the bot's key to TheHive.
const HiveKey = "2b7e151628aed2a6abf7158809cf4f3c"

// CaseTemplate is what cases in TheHive are made from.
const CaseTemplate = "GuardDuty"

// records adds TheHive to the world, if it is wanted.
func (r *Rig) records(wanted bool) {
	if wanted {
		r.Hive = thehivefake.New(thehivefake.WithKey(HiveKey, "securitybot@corp.example", "security"), thehivefake.WithNow(r.Clock.Now))
	}
}

func (r *Rig) closeRecords() {
	if r.Hive != nil {
		r.Hive.Close()
	}
}

// hiveConfig is the line of the configuration about TheHive.
func (r *Rig) hiveConfig() string {
	if r.Hive == nil {
		return ""
	}
	return `thehive: {url: "` + r.Hive.URL + `", api_key: "${env:HIVE}", case_template: ` + CaseTemplate + `}`
}
