package awsir

import "github.com/securitybot/securitybot/responders"

// osqueryKind asks a named set of questions. The sets are files in
// documents/osquery; there is no way to send SQL.
func osqueryKind() hostKind {
	return hostKind{
		action: responders.OSQuery, tool: "osqueryi", artifact: KindOSQuery, file: "osquery.json", describes: true,
		params: func(p responders.Params) map[string]string { return map[string]string{"set": p["set"]} },
		does: func(p responders.Params) string {
			return "run the osquery set " + p["set"] + " on the host and store the result"
		},
	}
}
