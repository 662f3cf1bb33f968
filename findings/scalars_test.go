package findings

import (
	"math"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

func decode[T any](t *testing.T, in string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(in), &v, foldCase); err != nil {
		t.Fatalf("%s: %v", in, err)
	}
	return v
}

// TestUnusableKindsAreReadOver gives every lenient type every kind of JSON
// value: none of them may be an error.
func TestUnusableKindsAreReadOver(t *testing.T) {
	t.Parallel()
	for _, in := range []string{`null`, `true`, `false`, `1`, `-1.5e3`, `"x"`, `""`, `[]`, `[1,"x",null,[],{}]`, `{}`, `{"0":{}}`, `{"0":1}`, `{"a":{"key":1}}`} {
		decode[text](t, in)
		decode[number](t, in)
		decode[flag](t, in)
		decode[tri](t, in)
		decode[seen](t, in)
		decode[acct](t, in)
		decode[texts](t, in)
		decode[numbers](t, in)
		decode[instant](t, in)
		decode[name](t, in)
		decode[quoted](t, in)
		decode[rawList](t, in)
		decode[rawBits](t, in)
		decode[tagList](t, in)
		decode[wireInfo](t, in)
		decode[ptr[wireFinding]](t, in)
		decode[maybe[wireResource]](t, in)
		decode[many[wireNIC]](t, in)
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int{`22`: 22, `"22"`: 22, `" 22 "`: 22, `2.2e1`: 22, `22.5`: 0, `-1`: 0, `65536`: 0, `"x"`: 0, `null`: 0, `1e400`: 0, `"0x16"`: 0, `"NaN"`: 0} {
		if got := decode[number](t, in).int(65535); got != want {
			t.Errorf("%s: %d, want %d", in, got, want)
		}
	}
	if n := decode[number](t, `"HIGH"`); !n.set || !math.IsNaN(n.f) || n.raw != "HIGH" {
		t.Errorf("%+v", n)
	}
	if n := decode[number](t, `""`); n.set {
		t.Errorf("an empty text is a number: %+v", n)
	}
}

func TestListsAndObjects(t *testing.T) {
	t.Parallel()
	type port = many[wirePort]
	for in, want := range map[string]int{
		`[{"port":1},{"port":2}]`: 2, `{"port":1}`: 1, `{"0":{"port":1},"1":{"port":2}}`: 2, `{"1":{"port":2}}`: 1, `[1,{"port":1},null]`: 1, `null`: 0,
	} {
		if got := decode[port](t, in); len(got) != want {
			t.Errorf("%s: %d elements, want %d", in, len(got), want)
		}
	}
	if m := decode[maybe[wirePort]](t, `[{"Port":"7"}]`); !m.ok || m.v.Port.int(9) != 7 {
		t.Errorf("%+v", m)
	}
	if m := decode[maybe[wirePort]](t, `[]`); m.ok {
		t.Errorf("%+v", m)
	}
	var broken port
	if err := json.Unmarshal([]byte(`[{"port":1},{"port"]`), &broken); err == nil {
		t.Error("broken JSON inside a list is read over")
	}
}

func TestParseARN(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]findingARN{
		"arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/f":       {"aws", "eu-west-1", "111122223333", "d", "f"},
		"arn:aws-us-gov:guardduty:us-gov-east-1:111122223333:detector/d":      {"aws-us-gov", "us-gov-east-1", "111122223333", "d", ""},
		"arn:aws:guardduty:us-east-1:********8494:detector/****/finding/****": {"aws", "us-east-1", "", "****", "****"},
		"arn:aws:guardduty:region:123456789012:detector/d/finding/f":          {"aws", "", "123456789012", "d", "f"},
		"arn:evil\n:guardduty:us-east-1:111122223333:detector/d\n/finding/f":  {"", "us-east-1", "111122223333", "", "f"},
		"arn:aws:s3:::bucket":                               {},
		"arn:aws:guardduty:us-east-1:111122223333:detector": {"aws", "us-east-1", "111122223333", "", ""},
		"": {},
		"arn:aws:guardduty:us-east-1:111122223333:filter/d/finding/f":           {"aws", "us-east-1", "111122223333", "", "f"},
		"arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/f/g":       {"aws", "us-east-1", "111122223333", "d", ""},
		"arn:" + strings.Repeat("aws", 9) + ":guardduty:us-east-1:1:detector/d": {"", "us-east-1", "", "d", ""},
	} {
		if got := parseARN(in); got != want {
			t.Errorf("%q: %+v, want %+v", in, got, want)
		}
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", " 192.0.2.1 ": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:DB8::1": "2001:db8::1", "fe80::1%eth0": "fe80::1",
	} {
		if got := address(in); got != netip.MustParseAddr(want) {
			t.Errorf("%q: %v", in, got)
		}
	}
	for _, in := range []string{"", "0.0.0.0", "::", "1337.1337.1337.1337", "192.0.2.1:80", "0192.0.2.1", "example.com", "192.0.2.0/24"} {
		if got := address(in); got.IsValid() {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "abc", strings.Repeat("é", 10), strings.Repeat("東", 10), strings.Repeat("🛡", 10)} {
		for n := range 45 {
			got := clip(s, n)
			if len(got) > n || !strings.HasPrefix(s, got) || !utf8.ValidString(got) || len(s) > n && len(got) < n-3 {
				t.Errorf("%q cut at %d: %q", s, n, got)
			}
		}
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "abc", "a b", "Größe 東京 🛡", "a:b/c*{}%"} {
		if !clean(s) {
			t.Errorf("%q is not clean", s)
		}
	}
	for _, s := range []string{"a\nb", "\x00", "\x1b[0m", "\x7f", "\u0085", "\u200b", "\u202e", "\u2028", "\ufeff", "\u00ad"} {
		if clean(s) {
			t.Errorf("%q is clean", s)
		}
	}
}

func TestAnomalousAPIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ primary, in, want string }{
		{"", "", ""},
		{"iam:A", "", "iam:A"},
		{"", "iam:[A:success , B:AccessDenied] , ec2.amazonaws.com:[C:success]", "iam:A,iam:B,ec2:C"},
		{"iam:A", "iam:[A:success]", "iam:A"},
		{"", "iam:[A", "iam:A"},
		{"", "nothing of the kind", ""},
		{"", "[A]", "A"},
		{"", "][", ""},
	} {
		if got := anomalousAPIs(c.primary, c.in); got != c.want {
			t.Errorf("%q and %q: %q, want %q", c.primary, c.in, got, c.want)
		}
	}
	many := anomalousAPIs("", "x:["+strings.Repeat("A:s , ", 5)+strings.Repeat("B", 300)+"]")
	if many != "x:A,x:"+strings.Repeat("B", 128) {
		t.Errorf("%q", many)
	}
}

func TestResourceTypes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "Instance": "Instance", "EC2": "Instance", "EC2_INSTANCE": "Instance", "AwsEc2Instance": "Instance", "ACCESS_KEY": "AccessKey",
		"AwsIamAccessKey": "AccessKey", "S3_OBJECT": "S3Object", "AwsS3Bucket": "S3Bucket", "EKS": "EKSCluster", "EKS_CLUSTER": "EKSCluster",
		"ECS": "ECSCluster", "CONTAINER": "Container", "AwsLambdaFunction": "Lambda", "DBInstance": "RDSDBInstance", "RDSLimitlessDB": "RDSLimitlessDB",
		"AttackSequence": "AttackSequence", "KUBERNETES_WORKLOAD": "KUBERNETES_WORKLOAD",
	} {
		if got := resourceType(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
