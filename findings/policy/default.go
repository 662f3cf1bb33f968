package policy

import _ "embed" // for default.yaml

//go:embed default.yaml
var defaultSource string

// DefaultSource returns the text of the policy that ships with the program: a
// start to copy and edit.
func DefaultSource() []byte { return []byte(defaultSource) }

// Default compiles the policy that ships with the program. An error would be a
// defect of the program.
func Default() (*Policy, error) { return Compile("default.yaml", DefaultSource()) }
