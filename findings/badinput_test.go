package findings

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// TestBadInput holds what must be refused, with its reason.
func TestBadInput(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 10000) + "1" + strings.Repeat("}", 10000)
	long := strings.Repeat("x", 10<<10)
	for name, c := range map[string]struct {
		body []byte
		want string
	}{
		"empty":                     {nil, "the body is empty"},
		"white space":               {[]byte(" \r\n\t"), "the body is empty"},
		"only a byte order mark":    {[]byte("\xEF\xBB\xBF"), "the body is empty"},
		"not JSON":                  {[]byte("<html>no</html>"), "the document is not valid JSON"},
		"hello":                     {[]byte("hello"), "the document is not valid JSON"},
		"null":                      {[]byte("null"), "the document is null"},
		"empty list":                {[]byte("[]"), "the list is empty"},
		"empty text":                {[]byte(`""`), "the document is a text, not a finding"},
		"zero":                      {[]byte("0"), "the document is a single value, not a finding"},
		"list of numbers":           {[]byte("[1,2,null]"), "the list holds values that are not findings"},
		"empty object":              {[]byte("{}"), "the document is an empty object"},
		"truncated":                 {sample(t, "portprobe.json")[:900], "the JSON is cut off"},
		"bad UTF-8":                 {[]byte("{\"id\":\"a\xff\",\"type\":\"A:B/C\"}"), "the text is not valid UTF-8"},
		"lone surrogate":            {[]byte(`{"id":"a\ud800","type":"A:B/C"}`), "the text holds half of a surrogate pair"},
		"bad UTF-8, not used":       {[]byte("{\"id\":\"a\",\"type\":\"A:B/C\",\"zzz\":\"\xff\"}"), "the text is not valid UTF-8"},
		"half of UTF-16":            {[]byte{0xFF, 0xFE, '{'}, "the UTF-16 text is cut off"},
		"UTF-16 lone surrogate":     {[]byte{0xFF, 0xFE, 0x00, 0xD8, '{', 0}, "the text holds half of a surrogate pair"},
		"gzip":                      {[]byte{0x1F, 0x8B, 8, 0}, "the body is compressed with gzip: unpack it first"},
		"id twice":                  {[]byte(`{"id":"a","id":"b","type":"A:B/C"}`), "a key comes twice in one object"},
		"id and ID":                 {[]byte(`{"id":"a","ID":"b","type":"A:B/C"}`), "a key comes twice in one object"},
		"severity twice, inside":    {[]byte(`{"detail-type":"GuardDuty Finding","detail":{"id":"a","type":"A:B/C","severity":8,"Severity":1}}`), "a key comes twice in one object"},
		"twice in what is unused":   {[]byte(`{"id":"a","type":"A:B/C","x":{"y":1,"y":2}}`), "a key comes twice in one object"},
		"too deep":                  {[]byte(deep), "the document nests deeper than 64"},
		"65 deep":                   {[]byte(`{"id":"a","type":"A:B/C","x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + "}"), "the document nests deeper than 64"},
		"1 MiB and a byte":          {make([]byte, MaxBody+1), "the body is larger than 1048576 bytes"},
		"severity -1":               {with(t, "portprobe.json", map[string]any{"severity": -1}), "the severity is not between 0 and 10"},
		"severity 99":               {with(t, "portprobe.json", map[string]any{"severity": 99}), "the severity is not between 0 and 10"},
		"severity 10.1 as text":     {with(t, "portprobe.json", map[string]any{"severity": "10.1"}), "the severity is not between 0 and 10"},
		"severity NaN":              {with(t, "portprobe.json", map[string]any{"severity": "NaN"}), "the severity is neither a number nor a known word"},
		"severity Inf":              {with(t, "portprobe.json", map[string]any{"severity": "+Inf"}), "the severity is not between 0 and 10"},
		"severity a word":           {with(t, "portprobe.json", map[string]any{"severity": "awful"}), "the severity is neither a number nor a known word"},
		"severity 1e400":            {[]byte(strings.Replace(string(sample(t, "portprobe.json")), `"severity": 2`, `"severity": 1e400`, 1)), "the severity is neither a number nor a known word"},
		"no id, no ARN":             {with(t, "portprobe.eventbridge.json", map[string]any{"detail.id": drop, "detail.arn": drop}), "the finding has no id"},
		"empty id":                  {with(t, "portprobe.eventbridge.json", map[string]any{"detail.id": "", "detail.arn": ""}), "the finding has no id"},
		"blank id":                  {with(t, "portprobe.eventbridge.json", map[string]any{"detail.id": "  "}), "the finding has no id"},
		"10 KB id":                  {with(t, "portprobe.json", map[string]any{"id": long}), "the id is longer than 256 bytes"},
		"id with a newline":         {with(t, "portprobe.json", map[string]any{"id": "a\nb"}), "the id holds a control or invisible character"},
		"id with a zero width":      {with(t, "portprobe.json", map[string]any{"id": "a\u200bb"}), "the id holds a control or invisible character"},
		"no type":                   {with(t, "portprobe.eventbridge.json", map[string]any{"detail.type": drop}), "the finding has no type"},
		"type with an escape":       {with(t, "portprobe.json", map[string]any{"type": "Recon:EC2/\x1b[31m"}), "the type holds a control or invisible character"},
		"long type":                 {with(t, "portprobe.json", map[string]any{"type": "A:B/" + long}), "the type is longer than 256 bytes"},
		"a type, no id":             {[]byte(`{"type":"Recon:EC2/Portscan"}`), "the finding has no id"},
		"an id, no type":            {[]byte(`{"id":"x","severity":2}`), "the finding has no type"},
		"not a finding's type":      {[]byte(`{"id":"1","type":"order"}`), "the type is not that of a finding"},
		"something else":            {[]byte(`{"order":17}`), "no finding in the document"},
		"other source":              {with(t, "portprobe.eventbridge.json", map[string]any{"source": "aws.health"}), "the event comes from another source than GuardDuty"},
		"other event":               {[]byte(`{"detail-type":"AWS Health Event","source":"aws.health","detail":{"a":1}}`), "the event comes from another source than GuardDuty"},
		"other GuardDuty event":     {[]byte(`{"detail-type":"GuardDuty Something","source":"aws.guardduty","detail":{"a":1}}`), "a GuardDuty event of a kind that is not known"},
		"detail {}":                 {[]byte(`{"detail-type":"GuardDuty Finding","source":"aws.guardduty","detail":{}}`), "the finding has no id"},
		"detail []":                 {[]byte(`{"detail-type":"GuardDuty Finding","source":"aws.guardduty","detail":[]}`), "the event has no usable detail"},
		"detail missing":            {[]byte(`{"detail-type":"GuardDuty Finding","source":"aws.guardduty","time":"2026-09-14T08:05:30Z"}`), "the event has no usable detail"},
		"subscription":              {sample(t, "subscription.json"), "an SNS subscription confirmation, not a finding"},
		"unsubscribe":               {with(t, "subscription.json", map[string]any{"Type": "UnsubscribeConfirmation"}), "an SNS unsubscribe confirmation, not a finding"},
		"subscription, no topic":    {with(t, "subscription.json", map[string]any{"TopicArn": drop}), "an SNS subscription confirmation, not a finding"},
		"S3 test event":             {sample(t, "s3test.json"), "an S3 test event, not a finding"},
		"S3 notification":           {[]byte(`{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"}}}]}`), "an S3 notification, not a finding"},
		"SNS hello":                 {with(t, "subscription.json", map[string]any{"Type": "Notification", "Message": "hello"}), "the SNS message is plain text, not JSON"},
		"SNS without message":       {with(t, "subscription.json", map[string]any{"Type": "Notification", "Message": drop}), "the SNS notification has no message"},
		"SQS hello":                 {[]byte(`{"MessageId":"1","Body":"hello from the console"}`), "the message is plain text, not JSON"},
		"no findings":               {[]byte(`{"findings":[]}`), "the list of findings is empty"},
		"no records":                {[]byte(`{"Records":[]}`), "the list of records is empty"},
		"no messages":               {[]byte(`{"Messages":[]}`), "the list of messages is empty"},
		"other CloudTrail":          {with(t, "trail.json", map[string]any{"eventSource": "iam.amazonaws.com"}), "a CloudTrail record of another service than GuardDuty"},
		"CloudTrail, bad name":      {with(t, "trail.json", map[string]any{"eventName": "Delete\nDetector"}), "the CloudTrail record has no usable event name"},
		"CloudTrail, bad id":        {with(t, "trail.json", map[string]any{"eventID": "a\nb"}), "the id is too long or holds a control character"},
		"envelopes without end":     {wrapped(t, 12, "Body"), "too many envelopes around each other"},
		"notifications without end": {wrapped(t, 12, "Message"), "too many envelopes around each other"},
		"objects without end":       {[]byte(strings.Repeat(`{"details":`, 14) + `{"x":1}` + strings.Repeat("}", 14)), "too many envelopes around each other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := refusal(t, c.body); got.Reason != c.want {
				t.Errorf("got %q at byte %d, want %q", got.Reason, got.Offset, c.want)
			}
		})
	}
}

// wrapped puts a finding into n envelopes that hold it as text under a key.
func wrapped(t *testing.T, n int, key string) []byte {
	b := []byte(`{"id":"a","type":"A:EC2/B"}`)
	for range n {
		b = encode(t, map[string]any{"Type": "Notification", "TopicArn": "t", "MessageId": "m", "Message": string(b)})
		if key == "Body" {
			var m map[string]any
			if err := json.Unmarshal(b, &m); err != nil {
				t.Fatal(err)
			}
			b = encode(t, map[string]any{key: m["Message"]})
		}
		if len(b) > MaxBody {
			t.Fatal("the sample grew too large")
		}
	}
	return b
}

func TestOffsets(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int64{
		`{"id":"a","id":"b"}`:              10,
		`{"id":"a" "type":1}`:              10,
		"{\"id\":\"a\xff\"}":               8,
		`{"id":"a","type":"A:B/C","x":[1,`: 32,
	} {
		if got := refusal(t, []byte(body)); got.Offset != want || !strings.Contains(got.Error(), fmt.Sprint(want)) {
			t.Errorf("%s: offset %d (%v), want %d", body, got.Offset, got, want)
		}
	}
}

// TestOddButUsable holds what must be accepted, since attention would be lost
// otherwise.
func TestOddButUsable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set map[string]any
		ok  func(f *Finding) bool
	}{
		"severity as text": {
			map[string]any{"severity": " 8.0 "},
			func(f *Finding) bool {
				return f.Severity == 8 && f.Level() == High
			},
		},
		"severity as a word": {
			map[string]any{"severity": "CRITICAL"},
			func(f *Finding) bool {
				return f.Level() == Critical
			},
		},
		"severity null": {
			map[string]any{"severity": nil},
			func(f *Finding) bool {
				return f.Severity == 2
			},
		},
		"severity missing": {
			map[string]any{"severity": drop, "type": "Impact:EC2/BrandNew"},
			func(f *Finding) bool {
				return f.Severity == 7 && f.Unlisted
			},
		},
		"severity a list": {
			map[string]any{"severity": []any{8}},
			func(f *Finding) bool {
				return f.Severity == 2
			},
		},
		"severity 8.7": {
			map[string]any{"severity": 8.7},
			func(f *Finding) bool {
				return f.Severity == 8.7
			},
		},
		"severity 0 and 10": {
			map[string]any{"severity": 10},
			func(f *Finding) bool {
				return f.Severity == 10
			},
		},
		"id from the ARN": {
			map[string]any{"id": drop},
			func(f *Finding) bool {
				return f.ID == probe().ID
			},
		},
		"the ARN as id": {
			map[string]any{"id": probe().ARN},
			func(f *Finding) bool {
				return f.Key() == probe().Key()
			},
		},
		"unknown type": {
			map[string]any{"type": "NewPurpose:NewResource/NewThreat"},
			func(f *Finding) bool {
				return f.Unlisted && GroupOf(f) == GroupOther
			},
		},
		"space for slash": {
			map[string]any{"type": "Recon:EC2 PortProbeUnprotectedPort"},
			func(f *Finding) bool {
				return !f.Unlisted && GroupOf(f) == GroupPortProbe
			},
		},
		"archived": {
			map[string]any{"service.archived": "true"},
			func(f *Finding) bool {
				return f.Archived
			},
		},
		"China": {
			map[string]any{
				"arn":       "arn:aws-cn:guardduty:cn-north-1:111122223333:detector/d/finding/f",
				"partition": drop,
			},
			func(f *Finding) bool {
				return f.Partition == "aws-cn" && f.Region == "cn-north-1"
			},
		},
		"GovCloud without ARN": {
			map[string]any{"arn": drop, "region": "us-gov-east-1", "partition": drop},
			func(f *Finding) bool {
				return f.Partition == "aws-us-gov"
			},
		},
		"region is a word": {
			map[string]any{"arn": drop, "region": "region"},
			func(f *Finding) bool {
				return f.Region == ""
			},
		},
		"year 0": {
			map[string]any{"updatedAt": "0000-01-01T00:00:00Z"},
			func(f *Finding) bool {
				return f.UpdatedAt.Equal(at("2026-09-14T07:59:58Z"))
			},
		},
		"year 9999": {
			map[string]any{"createdAt": "9999-12-31T23:59:59Z"},
			func(f *Finding) bool {
				return f.CreatedAt.IsZero()
			},
		},
		"no zone": {
			map[string]any{"updatedAt": "2026-09-14T08:05:12.004"},
			func(f *Finding) bool {
				return f.UpdatedAt.Equal(probe().UpdatedAt)
			},
		},
		"updated before created": {
			map[string]any{"updatedAt": "2026-09-13T00:00:00Z"},
			func(f *Finding) bool {
				return f.UpdatedAt.Equal(at("2026-09-13T00:00:00Z"))
			},
		},
		"a day ahead": {
			map[string]any{"updatedAt": "2026-09-15T08:05:12Z"},
			func(f *Finding) bool {
				return f.UpdatedAt.Equal(at("2026-09-15T08:05:12Z"))
			},
		},
		"count as text": {
			map[string]any{"service.count": "13793"},
			func(f *Finding) bool {
				return f.Count == 13793
			},
		},
		"count negative": {
			map[string]any{"service.count": -5},
			func(f *Finding) bool {
				return f.Count == 1
			},
		},
		"service null": {
			map[string]any{"service": nil},
			func(f *Finding) bool {
				return f.Count == 1 && f.Action == ""
			},
		},
		"resource is a list": {
			map[string]any{"resource": []any{map[string]any{"resourceType": "Instance"}}},
			func(f *Finding) bool {
				return f.ResourceType == "Instance"
			},
		},
		"resource is a text": {
			map[string]any{"resource": "i-1"},
			func(f *Finding) bool {
				return f.ResourceType == ""
			},
		},
		"account of 13 digits": {
			map[string]any{"accountId": "1234567890123", "arn": drop},
			func(f *Finding) bool {
				return f.Account == ""
			},
		},
		"account as a number": {
			map[string]any{"accountId": 11122223333, "arn": drop},
			func(f *Finding) bool {
				return f.Account == "011122223333"
			},
		},
		"account only in the ARN": {
			map[string]any{"accountId": drop},
			func(f *Finding) bool {
				return f.Account == "111122223333"
			},
		},
		"id with odd characters": {
			map[string]any{"id": "a*b:c}{d%"},
			func(f *Finding) bool {
				return strings.HasSuffix(f.Key(), ":a%2Ab%3Ac%7D%7Bd%25")
			},
		},
		"long description is cut": {
			map[string]any{"description": strings.Repeat("é", 5000)},
			func(f *Finding) bool {
				return len(f.Description) == maxText
			},
		},
		"rune at the cut": {
			map[string]any{"title": "a" + strings.Repeat("é", 5000)},
			func(f *Finding) bool {
				return len(f.Title) == maxText-1
			},
		},
		"many tags": {
			map[string]any{"resource.instanceDetails.tags": manyTags(5000)},
			func(f *Finding) bool {
				return len(f.Tags) == maxTags
			},
		},
		"seen but of unusual kinds": {
			map[string]any{"createdAt": true, "title": 7, "region": []any{}, "arn": nil},
			func(f *Finding) bool {
				return f.Title == "7" && f.CreatedAt.IsZero()
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if f := only(t, with(t, "portprobe.json", c.set)); !c.ok(f) {
				t.Errorf("%+v", f)
			}
		})
	}
}

func manyTags(n int) []any {
	l := make([]any, n)
	for i := range l {
		l[i] = map[string]any{"key": fmt.Sprint("k", i), "value": strings.Repeat("v", 100)}
	}
	return l
}

func TestHostileText(t *testing.T) {
	t.Parallel()
	nasty := "${jndi:ldap://x}\x1b[31m\r\n<!channel>"
	f := only(t, with(t, "createuser.json", map[string]any{
		"service.action.awsApiCallAction.userAgent":     nasty,
		"resource.accessKeyDetails.principalId":         "AROA987654321EXAMPLE:alice@corp.example|<!channel>",
		"service.action.awsApiCallAction.serviceName":   nasty,
		"resource.accessKeyDetails.userName":            strings.Repeat("n", 100_000),
		"service.action.awsApiCallAction.domainDetails": map[string]any{"domain": nasty},
	}))
	if f.UserAgent != nasty || f.Principal.Session != "alice@corp.example|<!channel>" || len(f.Principal.Name) != maxName {
		t.Errorf("%+v", f)
	}
	if strings.ContainsAny(f.AskSentence()+f.TellSentence()+f.Key()+f.CauseKey(), "$<>\x1b\r\n") {
		t.Error("outside text in our own words")
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	want := at("2026-09-14T08:05:12Z")
	for _, s := range []string{
		"2026-09-14T08:05:12Z", "2026-09-14T08:05:12.000Z", "2026-09-14T08:05:12+0000", "2026-09-14T10:05:12+02:00", "2026-09-14 08:05:12.000000000",
		"2026-09-14 08:05:12", "2026-09-14T08:05:12", "2026-09-14 08:05:12 +0000 UTC", "1789373112", "1789373112.0", "1.789373112E9",
		"1789373112000", "1789373112000000", "1789373112000000000",
	} {
		if got := parseTime(s); got.Sub(want).Abs() > time.Microsecond {
			t.Errorf("%q: %v", s, got)
		}
	}
	if got := parseTime("2017-11-01T21:31:05.542+0000"); !got.Equal(at("2017-11-01T21:31:05.542Z")) {
		t.Errorf("%v", got)
	}
	for _, s := range []string{"", "yesterday", "-1", "0", "1e300", "NaN", "Inf", "1999-12-31T00:00:00Z", "2300-01-01T00:00:00Z", strings.Repeat("1", 100)} {
		if got := parseTime(s); !got.IsZero() {
			t.Errorf("%q: %v", s, got)
		}
	}
}
