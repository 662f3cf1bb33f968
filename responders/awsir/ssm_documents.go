package awsir

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/securitybot/securitybot/responders"
)

//go:embed documents/*.sh documents/osquery/*.sql
var documentFiles embed.FS

// Document is an SSM command document of ours. What it does is in documents/;
// values from outside reach it only as typed parameters.
type Document struct {
	Action      responders.ID
	Name        string // the same in every account and region
	VersionName string // made from the hash; SSM gives the version's number
	SHA256      string // of Content, hex; pinned when a command is sent
	Content     []byte // JSON, schema 2.2
}

// maxDocument is the largest document SSM stores, in bytes (AWS Systems Manager
// endpoints and quotas).
const maxDocument = 64 << 10

// Documents returns the documents of all actions that run on the host.
func Documents() ([]Document, error) {
	var out []Document
	for _, a := range responders.Catalogue() {
		if !a.OnHost {
			continue
		}
		d, err := documentOf(a.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

func documentOf(id responders.ID) (Document, error) {
	shape, ok := documentShapes()[id]
	if !ok {
		return Document{}, fmt.Errorf("there is no document for %s", id)
	}
	script, err := documentScript(id)
	if err != nil {
		return Document{}, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	err = enc.Encode(ssmDocument{
		SchemaVersion: "2.2", Description: "SecurityBot: " + shape.about,
		Parameters: shape.params,
		MainSteps: []ssmStep{{
			Action: "aws:runShellScript", Name: string(id),
			Precondition: map[string][]string{"StringEquals": {"platformType", "Linux"}},
			Inputs:       ssmInputs{TimeoutSeconds: fmt.Sprint(int(shape.limit.Seconds())), RunCommand: strings.Split(script, "\n")},
		}},
	})
	if err != nil {
		return Document{}, fmt.Errorf("encode document %s: %w", id, err)
	}
	if b.Len() > maxDocument {
		return Document{}, fmt.Errorf("document %s has %d bytes, more than SSM stores (%d)", id, b.Len(), maxDocument)
	}
	sum := sha256.Sum256(b.Bytes())
	hash := hex.EncodeToString(sum[:])
	return Document{Action: id, Name: "securitybot-" + string(id), VersionName: "v-" + hash[:16], SHA256: hash, Content: b.Bytes()}, nil
}

type ssmDocument struct {
	SchemaVersion string              `json:"schemaVersion"`
	Description   string              `json:"description"`
	Parameters    map[string]ssmParam `json:"parameters"`
	MainSteps     []ssmStep           `json:"mainSteps"`
}

// ssmParam is a parameter. With ENV_VAR the agent hands its value over in an
// environment variable instead of writing it into the script (Systems Manager
// User Guide, "Data elements and parameters").
type ssmParam struct {
	Type              string  `json:"type"`
	Description       string  `json:"description"`
	Default           *string `json:"default,omitempty"`
	AllowedPattern    string  `json:"allowedPattern"`
	InterpolationType string  `json:"interpolationType"`
}

type ssmStep struct {
	Action       string              `json:"action"`
	Name         string              `json:"name"`
	Precondition map[string][]string `json:"precondition"`
	Inputs       ssmInputs           `json:"inputs"`
}

type ssmInputs struct {
	TimeoutSeconds string   `json:"timeoutSeconds"`
	RunCommand     []string `json:"runCommand"`
}

// documentScript puts the script of an action together from its files.
func documentScript(id responders.ID) (string, error) {
	common, err := documentFiles.ReadFile("documents/common.sh")
	if err != nil {
		return "", fmt.Errorf("read document: %w", err)
	}
	own, err := documentFiles.ReadFile("documents/" + string(id) + ".sh")
	if err != nil {
		return "", fmt.Errorf("read document: %w", err)
	}
	script := "#!/bin/sh\n" + string(common)
	if id == responders.OSQuery {
		sets, err := osquerySets()
		if err != nil {
			return "", err
		}
		script += sets
	}
	script += string(own)
	if strings.Contains(script, "{{") {
		return "", fmt.Errorf("document %s contains braces that SSM would replace", id)
	}
	return strings.TrimRight(withoutComments(script), "\n"), nil
}

// withoutComments keeps documents below SSM's limit. Only whole lines of
// comments go; the first line stays.
func withoutComments(script string) string {
	var out []string
	for i, line := range strings.Split(script, "\n") {
		if t := strings.TrimSpace(line); i > 0 && (t == "" || strings.HasPrefix(t, "#")) {
			continue
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

var queryName = regexp.MustCompile(`^-- name: ([a-z0-9_]{1,40})$`)

// osquerySets makes one shell function of each file in documents/osquery. The
// questions are quoted here-documents: the shell reads nothing in them.
func osquerySets() (string, error) {
	var b strings.Builder
	for _, set := range responders.OSQuerySets {
		queries, err := queriesOf(set)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "set_%s() {\n", set)
		for _, q := range queries {
			fmt.Fprintf(&b, "ask %s <<'END_OF_SQL'\n%s\nEND_OF_SQL\n", q.name, q.sql)
		}
		b.WriteString("}\n")
	}
	return b.String(), nil
}

type query struct{ name, sql string }

// queriesOf reads a file of questions: a line "-- name: word", then SQL.
func queriesOf(set string) ([]query, error) {
	text, err := documentFiles.ReadFile("documents/osquery/" + set + ".sql")
	if err != nil {
		return nil, fmt.Errorf("read set %s: %w", set, err)
	}
	var out []query
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if m := queryName.FindStringSubmatch(line); m != nil {
			out = append(out, query{name: m[1]})
			continue
		}
		if len(out) == 0 || line == "" {
			return nil, fmt.Errorf("set %s: %q is not below a name", set, line)
		}
		q := &out[len(out)-1]
		q.sql = strings.TrimSpace(q.sql + " " + line)
	}
	return out, nil
}
