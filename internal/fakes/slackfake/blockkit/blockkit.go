// Package blockkit checks blocks and views as Slack does: structure, types,
// lengths and counts, unique ids, and which block may stand on which surface.
package blockkit

import (
	"encoding/json"
	"strings"
)

// Surface is where blocks are shown.
type Surface string

// The surfaces.
const (
	Message Surface = "message"
	Modal   Surface = "modal"
	Home    Surface = "home"
)

// Problem is one thing Slack would not accept.
type Problem struct {
	Pointer string // JSON pointer to the offending value
	Text    string
}

// Result says whether something is acceptable. Code is Slack's error code and
// empty when it is. Filled is the input with the block and action ids that were
// left out.
type Result struct {
	Code     string
	Problems []Problem
	Filled   json.RawMessage
}

// Messages returns the problems as Slack words them.
func (r Result) Messages() []string {
	out := make([]string, len(r.Problems))
	for i, p := range r.Problems {
		out[i] = p.Text + " [json-pointer:" + strings.ReplaceAll(p.Pointer, "//", "/") + "]"
	}
	return out
}
