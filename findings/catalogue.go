package findings

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

// Entry is what is known about one GuardDuty finding type. Ask and Tell are
// plain sentences without capital or full stop: Ask speaks to the person whose
// access or system it is, Tell to whoever looks after it.
type Entry struct {
	Type     string
	Group    Group  // of types under :Runtime/ it depends on the resource, see GroupOf
	Resource string // what the type is about: Instance, AccessKey, S3Bucket, EKSCluster, Runtime, …
	Severity Level  // GuardDuty's default; the middle one where it varies
	Retired  bool   // GuardDuty no longer makes it, or has renamed it
	Ask      string
	Tell     string
}

//go:embed catalogue.tsv
var catalogueText string

// catalogue is the table by type and by squashed type. It is read once and
// never changed.
var catalogue = sync.OnceValue(func() (t struct {
	entries  []Entry
	byType   map[string]int
	squashed map[string]int
}) {
	t.byType, t.squashed = map[string]int{}, map[string]int{}
	for line := range strings.Lines(catalogueText) {
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(c) != 7 || strings.HasPrefix(line, "#") {
			continue
		}
		t.byType[c[0]], t.squashed[squash(c[0])] = len(t.entries), len(t.entries)
		t.entries = append(t.entries, Entry{
			Type: c[0], Group: Group(c[1]), Resource: c[2], Severity: Level(c[3]), Retired: c[4] == "retired", Ask: c[5], Tell: c[6],
		})
	}
	return t
})

// Lookup returns what the catalogue knows of a finding type.
func Lookup(typ string) (Entry, bool) {
	t := catalogue()
	i, ok := t.byType[typ]
	if !ok {
		return Entry{}, false
	}
	return t.entries[i], true
}

// CatalogueTypes returns all entries, ordered by type.
func CatalogueTypes() []Entry {
	l := slices.Clone(catalogue().entries)
	slices.SortFunc(l, func(a, b Entry) int { return strings.Compare(a.Type, b.Type) })
	return l
}

// canonicalType mends a type written with a space for the slash; any other
// type stays as it is.
func canonicalType(typ string) string {
	if strings.Contains(typ, " ") {
		if mended := strings.Replace(typ, " ", "/", 1); listed(mended) {
			return mended
		}
	}
	return typ
}

func listed(typ string) bool {
	_, ok := catalogue().byType[typ]
	return ok
}

// bySquash finds a type by its letters and digits alone.
func bySquash(s string) (string, bool) {
	t := catalogue()
	i, ok := t.squashed[squash(s)]
	if !ok {
		return "", false
	}
	return t.entries[i].Type, true
}

// squash keeps letters and digits, in lower case.
func squash(s string) string {
	var b strings.Builder
	for i := 0; i < len(s) && i < maxID; i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			b.WriteByte(c)
		case c >= 'A' && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
		}
	}
	return b.String()
}

// middle is a severity in the middle of a band.
func (l Level) middle() float64 {
	switch l {
	case Critical:
		return 9.5
	case High:
		return 8
	case Medium:
		return 5
	}
	return 2
}

// GroupOf returns the group of a finding. A listed type has its own, which
// never follows from the severity. A Runtime type belongs to what it runs on:
// ec2 on an instance, other on a cluster. A type not listed is placed by its
// resource, and with a high severity among the critical ones where it concerns
// access.
func GroupOf(f *Finding) Group {
	if f.Kind != KindFinding && f.Kind != "" {
		return GroupOther
	}
	purpose, resource, family := splitType(f.Type)
	if resource == "Runtime" {
		if resourceType(f.ResourceType) == "Instance" {
			return GroupEC2
		}
		return GroupOther
	}
	if i, ok := catalogue().byType[f.Type]; ok {
		return catalogue().entries[i].Group
	}
	switch resource {
	case "EC2":
		if purpose == "Recon" && strings.HasPrefix(family, "PortProbe") {
			return GroupPortProbe
		}
		return GroupEC2
	case "IAMUser", "IAM":
		return iamGroup(purpose, family, f.Severity)
	case "S3":
		if strings.Contains(family, "File") {
			return GroupOther
		}
		return GroupIAMCritical
	case "":
		return groupByResource(f)
	}
	return GroupOther
}

func iamGroup(purpose, family string, severity float64) Group {
	switch {
	case severity >= 7, purpose == "Stealth", purpose == "DefenseEvasion", purpose == "DefenseImpairment",
		strings.Contains(family, "Exfiltration"), strings.Contains(family, "PasswordPolicy"), strings.HasPrefix(family, "S3"):
		return GroupIAMCritical
	}
	return GroupIAM
}

// groupByResource places a type that does not follow the grammar at all.
func groupByResource(f *Finding) Group {
	switch resourceType(f.ResourceType) {
	case "Instance":
		return GroupEC2
	case "AccessKey":
		return iamGroup("", "", f.Severity)
	case "S3Bucket":
		return GroupIAMCritical
	}
	return GroupOther
}

// splitType takes a type apart: Purpose:Resource/Family. Without the colon or
// the slash the resource is empty.
func splitType(typ string) (purpose, resource, family string) {
	purpose, rest, ok := strings.Cut(typ, ":")
	if !ok {
		return "", "", typ
	}
	resource, family, ok = strings.Cut(rest, "/")
	if !ok {
		return purpose, "", rest
	}
	return purpose, resource, family
}
