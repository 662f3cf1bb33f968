package awsir

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/responders"
)

func documents(t *testing.T) map[responders.ID]Document {
	t.Helper()
	all, err := Documents()
	if err != nil {
		t.Fatal(err)
	}
	out := map[responders.ID]Document{}
	for _, d := range all {
		out[d.Action] = d
	}
	if len(out) != 3 {
		t.Fatalf("%d documents, want those of the three actions on the host", len(out))
	}
	return out
}

func TestDocumentsTakeOnlyTypedParameters(t *testing.T) {
	t.Parallel()
	for id, d := range documents(t) {
		var doc ssmDocument
		if err := json.Unmarshal(d.Content, &doc); err != nil {
			t.Fatal(err)
		}
		if doc.SchemaVersion != "2.2" || len(doc.MainSteps) != 1 || doc.MainSteps[0].Action != "aws:runShellScript" {
			t.Errorf("%s: schema %s with %d steps", id, doc.SchemaVersion, len(doc.MainSteps))
		}
		for name, p := range doc.Parameters {
			if p.Type != "String" || p.InterpolationType != "ENV_VAR" {
				t.Errorf("%s: parameter %s is %s, %s", id, name, p.Type, p.InterpolationType)
			}
			if !strings.HasPrefix(p.AllowedPattern, "^") || !strings.HasSuffix(p.AllowedPattern, "$") {
				t.Errorf("%s: the pattern of %s is open: %s", id, name, p.AllowedPattern)
			}
			form, err := regexp.Compile(p.AllowedPattern)
			if err != nil {
				t.Fatal(err)
			}
			if (p.Default != nil) != form.MatchString("") {
				t.Errorf("%s: %s may be empty: %v, but has a default: %v", id, name, form.MatchString(""), p.Default != nil)
			}
			for _, bad := range []string{"$(id)", "`id`", "a;id", "a|id", "a&&id", "a\nid", "'", `"`, "<x", ">x", "a b", "-w", "--", "{{job}}", "é"} {
				if form.MatchString(bad) {
					t.Errorf("%s: %s accepts %q", id, name, bad)
				}
			}
		}
		for _, line := range doc.MainSteps[0].Inputs.RunCommand {
			if strings.Contains(line, "{{") || strings.Contains(line, "eval ") {
				t.Errorf("%s: %q", id, line)
			}
		}
		if doc.MainSteps[0].Precondition["StringEquals"] == nil {
			t.Errorf("%s runs on any platform", id)
		}
	}
}

func TestDocumentsAreReproducible(t *testing.T) {
	t.Parallel()
	one, two := documents(t), documents(t)
	for id, d := range one {
		if d.SHA256 != two[id].SHA256 || d.VersionName != "v-"+d.SHA256[:16] || d.Name != "securitybot-"+string(id) {
			t.Errorf("%s: %s %s %s", id, d.Name, d.VersionName, d.SHA256)
		}
	}
}

// Tables that reach outside or need to be asked with care have no place in a set.
func TestQuestionsAreOfTheQuietKind(t *testing.T) {
	t.Parallel()
	loud := regexp.MustCompile(`(?i)\b(curl|curl_certificate|ec2_instance_metadata|ec2_instance_tags|azure_instance_metadata|carves|yara|suid_bin|osquery_flags|attach|insert|delete|update|create|drop|pragma)\b`)
	names := map[string]bool{}
	for _, set := range responders.OSQuerySets {
		queries, err := queriesOf(set)
		if err != nil {
			t.Fatal(err)
		}
		if len(queries) < 5 {
			t.Errorf("%s has %d questions", set, len(queries))
		}
		for _, q := range queries {
			if !strings.HasPrefix(q.sql, "SELECT ") || strings.Count(q.sql, ";") != 1 || !strings.HasSuffix(q.sql, ";") {
				t.Errorf("%s/%s is not one question: %s", set, q.name, q.sql)
			}
			if m := loud.FindString(q.sql); m != "" {
				t.Errorf("%s/%s uses %s", set, q.name, m)
			}
			if names[set+"/"+q.name] {
				t.Errorf("%s/%s twice", set, q.name)
			}
			names[set+"/"+q.name] = true
		}
	}
}
