package audit

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestARecordHasOneEncoding(t *testing.T) {
	t.Parallel()
	l := write(t, 2, []byte("k"))
	line, err := l.records[1].Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeRecord(line)
	if err != nil || !reflect.DeepEqual(back, l.records[1]) {
		t.Fatalf("%+v became %+v, %v", l.records[1], back, err)
	}
	for name, other := range map[string]string{
		"a space":       strings.Replace(string(line), ":", ": ", 1),
		"unknown name":  strings.Replace(string(line), "{", `{"note":"x",`, 1),
		"name twice":    strings.Replace(string(line), `"act":"isolate"`, `"act":"release","act":"isolate"`, 1),
		"other case":    strings.Replace(string(line), `"act"`, `"Act"`, 1),
		"other zone":    strings.Replace(string(line), `:07Z"`, `:07+00:00"`, 1),
		"something on":  string(line) + " {}",
		"escaped":       strings.Replace(string(line), "isolate", `isol\u0061te`, 1),
		"empty":         "",
		"another thing": `[1]`,
	} {
		if other == string(line) {
			t.Fatalf("%s: nothing changed", name)
		}
		if _, err := DecodeRecord([]byte(other)); err == nil {
			t.Errorf("%s is taken: %s", name, other)
		}
	}
}

// Every field is under the hash: a new one that is forgotten there fails here.
func TestTheHashCoversEveryField(t *testing.T) {
	t.Parallel()
	base := write(t, 2, []byte("k")).records[1]
	typ := reflect.TypeFor[Record]()
	for i := range typ.NumField() {
		name := typ.Field(i).Name
		if name == "Hash" {
			continue
		}
		r := base
		switch f := reflect.ValueOf(&r).Elem().Field(i); v := f.Interface().(type) {
		case string:
			f.SetString(v + "x")
		case uint64:
			f.SetUint(v + 1)
		case time.Time:
			f.Set(reflect.ValueOf(v.Add(time.Nanosecond)))
		case map[string]string:
			f.Set(reflect.ValueOf(map[string]string{"account": "111122223333"}))
		default:
			t.Fatalf("%s is a %T", name, v)
		}
		if sumOf([]byte("k"), r) == sumOf([]byte("k"), base) {
			t.Errorf("the hash does not cover %s", name)
		}
	}
}

func TestFieldsDoNotRunIntoEachOther(t *testing.T) {
	t.Parallel()
	a, b := sample(0), sample(0)
	a.Actor, a.For = "U0AB", "C"
	b.Actor, b.For = "U0A", "BC"
	if sumOf(nil, a) == sumOf(nil, b) {
		t.Error("two different records have one hash")
	}
	if Digest("ab", "c") == Digest("a", "bc") || Digest("a") == Digest("a", "") {
		t.Error("two different inputs have one digest")
	}
}

func TestOutsideTextSurvivesTheRoundTripAndStaysSmall(t *testing.T) {
	t.Parallel()
	r := sample(0)
	r.Object = "\xff\x00<&>\u2028" + strings.Repeat("é", 5000)
	r.Detail = map[string]string{}
	for i := range 200 {
		r.Detail[fmt.Sprintf("%03d\xfe", i)] = strings.Repeat("\x01", 10000)
	}
	r, head, err := Chain{}.Append(Head{}, r)
	if err != nil {
		t.Fatal(err)
	}
	line, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(line) > 600<<10 || len(r.Object) > maxField || len(r.Detail) != maxDetail || !utf8.ValidString(r.Object) || !strings.HasSuffix(r.Object, "é…") {
		t.Errorf("%d bytes, %d entries, %.80q", len(line), len(r.Detail), r.Object)
	}
	back, err := DecodeRecord(line)
	if err != nil {
		t.Fatal(err)
	}
	if ps := Verify(each([]Record{back}), Evidence{Head: head}).Problems; len(ps) != 0 {
		t.Error(ps)
	}
}

func TestARecordSaysWhoDidWhat(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Record){
		"no actor":    func(r *Record) { r.Actor = "" },
		"no act":      func(r *Record) { r.Act = "" },
		"no decision": func(r *Record) { r.Decision = "maybe" },
		"no time":     func(r *Record) { r.At = time.Time{} },
		"far future":  func(r *Record) { r.At = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		r := sample(0)
		change(&r)
		if _, _, err := (Chain{}).Append(Head{}, r); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestNothingIsAppendedToAForgedHead(t *testing.T) {
	t.Parallel()
	l := write(t, 3, []byte("k"))
	if _, _, err := (Chain{}).Append(l.head, sample(9)); !errors.Is(err, ErrNoKey) {
		t.Errorf("without the key: %v", err)
	}
	l.head.Seq = 2
	if _, _, err := l.chain.Append(l.head, sample(9)); !errors.Is(err, ErrTampered) {
		t.Errorf("%v", err)
	}
}

func TestTimeNeverGoesBack(t *testing.T) {
	t.Parallel()
	l := write(t, 3, nil)
	r, _, err := l.chain.Append(l.head, sample(0))
	if err != nil || !r.At.Equal(l.head.At) {
		t.Errorf("%v, %v", r.At, err)
	}
}

func TestHeadAndCheckpointComeBack(t *testing.T) {
	t.Parallel()
	l := write(t, 2, []byte("k"))
	body, err := l.head.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if h, err := DecodeHead(body); err != nil || h != l.head {
		t.Errorf("%+v, %v", h, err)
	}
	if h, err := DecodeHead(nil); err != nil || h != (Head{}) {
		t.Errorf("%+v, %v", h, err)
	}
	if _, err := DecodeHead([]byte(`{"seq":2}`)); err == nil {
		t.Error("half a head is taken")
	}
	line, err := l.points[1].Encode()
	if err != nil {
		t.Fatal(err)
	}
	if p, err := DecodeCheckpoint(line); err != nil || p != l.points[1] {
		t.Errorf("%+v, %v", p, err)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	line, _ := write(f, 2, nil).records[1].Encode()
	f.Add(line)
	f.Add([]byte(`{"at":"2026-03-04T05:06:07Z","actor":"a","act":"b","decision":"allowed","seq":1,"hash":""}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := DecodeRecord(in)
		if err != nil {
			return
		}
		out, err := r.Encode()
		if err != nil || string(out) != string(in) {
			t.Fatalf("%q became %q, %v", in, out, err)
		}
	})
}
