package findings

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func seeds(f *testing.F) {
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) < 20 {
		f.Fatalf("%d samples: %v", len(names), err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, s := range []string{
		"", "null", "[]", "{}", `""`, "0", "hello", "\xEF\xBB\xBF{}", "\xFF\xFE{\x00}\x00", `{"id":"a","ID":"b","type":"A:B/C"}`,
		`{"Records":[{"body":"{"},{"Sns":{"Type":"Notification","TopicArn":"t","Message":"[]"}}]}`, `{"detail":{"id":"\ud800"}}`,
		`{"id":"a","type":"A:B/C","severity":1e400}` + "\n" + `{"id":"a","type":"A:B/C","severity":"NaN"}`,
		`{"eventSource":"guardduty.amazonaws.com","eventName":"X","requestParameters":{"dataSources":[[[false]]]}}`,
		`{"type":"NEW_FEATURES","featureDetails":[{"featureDescription":"d"}]}`,
		`{"service_":1,"service_a_":2,"service_a_b_c":3,"id":"x","type":"A:B/C"}`, `{"class_uid":2004,"finding_info":{"uid":"guardduty","types":[""]},"metadata":{"product":{"name":"guardduty"}}}`,
	} {
		f.Add([]byte(s))
	}
}

// FuzzParse holds Parse to its promises for any bytes: no panic, at least one
// Item, each bounded and clean, and the same answer every time.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		items := Parse(body)
		if len(items) == 0 {
			t.Fatal("nothing came out")
		}
		for _, i := range items {
			checkItem(t, i)
		}
		if !bytes.Equal(before, body) {
			t.Fatal("the body was changed")
		}
		if diff := cmp.Diff(items, Parse(body), append(asIs, cmp.Comparer(sameError))...); diff != "" {
			t.Fatalf("two answers:\n%s", diff)
		}
	})
}

// FuzzParseStream checks that a stream gives at least one Item and finds no
// fewer findings than Parse does.
func FuzzParseStream(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		total, found := 0, 0
		err := ParseStream(bytes.NewReader(body), func(i Item) bool {
			checkItem(t, i)
			total++
			if i.Finding != nil {
				found++
			}
			return true
		})
		if err != nil || total == 0 {
			t.Fatalf("%d items, %v", total, err)
		}
		for _, i := range Parse(body) {
			if i.Finding != nil {
				found--
			}
		}
		if found < 0 && len(body) <= MaxBody {
			t.Fatalf("%d findings fewer than Parse", -found)
		}
	})
}

func sameError(a, b error) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Error() == b.Error()
}
