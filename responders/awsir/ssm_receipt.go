package awsir

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// receipt is what our script says at its end. It comes from a host under
// suspicion: it is checked here, and what it claims is checked in the store.
type receipt struct {
	Version  int    `json:"securitybot"`
	Job      string `json:"job"`
	Reason   string `json:"reason"`
	Bytes    int64  `json:"bytes"`
	Parts    int    `json:"parts"`
	SHA256   string `json:"sha256"`
	ToolExit int    `json:"tool_exit"`
	Tool     string `json:"tool_sha256"`
}

var (
	sumForm  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	toolForm = regexp.MustCompile(`^([0-9a-f]{64})?$`)
)

// readReceipt finds the receipt in the last line of a command's output.
func readReceipt(stdout, job string) (receipt, error) {
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	var r receipt
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil {
		return receipt{}, fmt.Errorf("the last line is no receipt: %w", err)
	}
	_, known := reasons[r.Reason]
	switch {
	case r.Version != 1 || r.Job != job || !known:
		return receipt{}, fmt.Errorf("the receipt is not for this job")
	case r.Bytes < 0 || r.Parts < 0 || !toolForm.MatchString(r.Tool):
		return receipt{}, fmt.Errorf("the receipt has impossible values")
	}
	return r, nil
}

// evidence says whether there is something to collect.
func (r receipt) evidence() bool { return r.Bytes > 0 && sumForm.MatchString(r.SHA256) }

// reason is one way in which a script ends.
type reason struct {
	text    string // for the person who asked
	partial bool   // what was stored is evidence, if not all of it
}

// reasons are the words scripts use. An empty text is complete success.
var reasons = map[string]reason{
	"ok":               {},
	"time-limit":       {"the time was up before the tool had finished", true},
	"size-limit":       {"the size limit was reached", true},
	"incomplete":       {"the tool failed before it had finished", true},
	"tool-failed":      {"The tool failed at once and gave nothing.", false},
	"tool-missing":     {"The tool is not on the host, and none is configured to be brought there. Configure one for the host's architecture.", false},
	"tool-hash":        {"The tool's hash is not the configured one, so it was not run.", false},
	"tool-download":    {"The host could not fetch the tool. Check that it reaches S3, and that the tool is where the configuration says.", false},
	"missing-programs": {"The host lacks curl or basic tools, which this needs. Take snapshots instead.", false},
	"lockdown":         {"The host's kernel is locked down and shows its memory to nobody. Take snapshots; memory cannot be had this way.", false},
	"no-memory-source": {"The host's kernel offers no way to read its memory. Take snapshots; memory cannot be had this way.", false},
	"disk":             {"The host has no room, in memory or on disk, for the buffer this needs.", false},
	"upload":           {"The host could not store the result. Check that it reaches S3, and that no endpoint policy forbids the evidence bucket.", false},
	"upload-list":      {"The host could not fetch where to store the result. Check that it reaches S3.", false},
	"parameter":        {"The host's agent handed over a value that is not as it was sent. Update the agent; nothing was run.", false},
	"stopped":          {"The script was told to stop on the host.", false},
	"failed":           {"The script ended early on the host. The log has its last words.", false},
}
