package findings

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json"
)

// summary writes items as "line:id" or "line:!".
func summary(items []Item) []string {
	var l []string
	for _, i := range items {
		what := "!"
		if i.Finding != nil {
			what = i.Finding.ID
		}
		l = append(l, fmt.Sprintf("%d:%s", i.Line, what))
	}
	return l
}

func stream(t *testing.T, r io.Reader) []string {
	t.Helper()
	var items []Item
	if err := ParseStream(r, func(i Item) bool { checkItem(t, i); items = append(items, i); return true }); err != nil {
		t.Fatal(err)
	}
	return summary(items)
}

func TestManyDocuments(t *testing.T) {
	t.Parallel()
	a, b := `{"id":"a","type":"A:EC2/B"}`, `{"id":"b","type":"A:EC2/B"}`
	pretty := "{\n  \"id\": \"p\",\n  \"type\": \"A:EC2/B\"\n}"
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"NDJSON":                     {a + "\n" + b + "\n", []string{"1:a", "2:b"}},
		"CRLF, blank lines":          {"\r\n" + a + "\r\n\r\n" + b, []string{"2:a", "4:b"}},
		"no break between":           {a + b, []string{"1:a", "1:b"}},
		"several lines each":         {pretty + "\n" + pretty + "\n" + a, []string{"1:p", "5:p", "9:a"}},
		"broken line":                {a + "\n{\"id\":\"x\",\"type\n" + b, []string{"1:a", "2:!", "3:b"}},
		"cut-off line":               {a + "\n{\"id\":\"x\",\n" + b + "\n" + a, []string{"1:a", "2:!", "3:b", "4:a"}},
		"text between":               {a + "\nhello\n" + b, []string{"1:a", "2:!", "3:b"}},
		"rest after the end":         {a + " trailing", []string{"1:a", "1:!"}},
		"too many brackets":          {a + "}\n" + b, []string{"1:a", "1:!", "2:b"}},
		"null line":                  {"null\n" + a, []string{"1:!", "2:a"}},
		"list over several lines":    {"[\n" + a + ",\n" + b + "\n]\n" + a, []string{"2:a", "3:b", "5:a"}},
		"list with bare values":      {"[1,\n" + a + ",\nnull]", []string{"2:a", "1:!"}},
		"brackets in text":           {`{"id":"a","type":"A:EC2/B","title":"}]{[\""}` + "\n" + b, []string{"1:a", "2:b"}},
		"same key twice in one line": {a + "\n{\"id\":\"x\",\"id\":\"y\"}\n" + b, []string{"1:a", "2:!", "3:b"}},
		"too deep in one line":       {a + "\n" + strings.Repeat("[", 70) + strings.Repeat("]", 70) + "\n" + b, []string{"1:a", "2:!", "3:b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := summary(Parse([]byte(c.in))); !slices.Equal(got, c.want) {
				t.Errorf("Parse: %v, want %v", got, c.want)
			}
			if got := stream(t, strings.NewReader(c.in)); !slices.Equal(got, c.want) {
				t.Errorf("ParseStream: %v, want %v", got, c.want)
			}
			if got := stream(t, iotest.OneByteReader(bytes.NewReader(utf16File([]byte(c.in), binary.LittleEndian)))); !slices.Equal(got, c.want) {
				t.Errorf("ParseStream of UTF-16: %v, want %v", got, c.want)
			}
		})
	}
}

func TestStreamEdges(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "1:!", "\n \n": "1:!", "\xEF\xBB\xBF": "1:!", "\x1f\x8b\x08": "1:!", "\xFF\xFE": "1:!", "\xFE\xFF\x00": "1:!", "\xFF\xFE\x00\xD8": "1:!", "x": "1:!",
		"\xEF\xBB\xBF" + `{"id":"a","type":"A:EC2/B"}`: "1:a",
	} {
		if got := stream(t, strings.NewReader(in)); !slices.Equal(got, []string{want}) {
			t.Errorf("%q: %v", in, got)
		}
	}
	n := 0
	doc := `{"id":"a","type":"A:EC2/B"}` + "\n"
	err := ParseStream(strings.NewReader(strings.Repeat(doc, 10)), func(Item) bool { n++; return n < 3 })
	if err != nil || n != 3 {
		t.Errorf("stopped after %d: %v", n, err)
	}
	broken := errors.New("disk")
	n = 0
	err = ParseStream(io.MultiReader(strings.NewReader(doc), iotest.ErrReader(broken)), func(Item) bool { n++; return true })
	if !errors.Is(err, broken) || n != 1 {
		t.Errorf("%d items, %v", n, err)
	}
}

func TestLongLinesAndLists(t *testing.T) {
	t.Parallel()
	doc := `{"id":"a","type":"A:EC2/B","description":"` + strings.Repeat("d", 2000) + `"}`
	list := "[" + strings.Repeat(doc+",", 999) + doc + "]"
	if got := stream(t, strings.NewReader(list)); len(got) != 1000 {
		t.Errorf("%d of 1000 in a list of %d bytes", len(got), len(list))
	}
	for _, begin := range []string{"", "[\n"} {
		endless := io.MultiReader(strings.NewReader(begin), io.LimitReader(zeros{}, maxStreamed+10), strings.NewReader("\n"+doc))
		if got := stream(t, endless); !slices.Equal(got, []string{"1:!", fmt.Sprint(2+len(begin)/2, ":a")}) {
			t.Errorf("%q: %v", begin, got)
		}
	}
}

// TestStreamDoesNotWait checks that a document broken inside a string is given
// on before more is read, and not at the end of everything.
func TestStreamDoesNotWait(t *testing.T) {
	t.Parallel()
	items := 0
	in := io.MultiReader(strings.NewReader("{\"id\":\"a\n"), readFunc(func([]byte) (int, error) {
		if items != 1 {
			t.Errorf("%d items before the end", items)
		}
		return 0, io.EOF
	}))
	if err := ParseStream(in, func(Item) bool { items++; return true }); err != nil || items != 1 {
		t.Errorf("%d items, %v", items, err)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestListsAreBounded(t *testing.T) {
	t.Parallel()
	var l many[wirePort]
	if err := json.Unmarshal([]byte("["+strings.Repeat(`{"port":1},`, 999)+`{"port":1}]`), &l); err != nil || len(l) != maxList {
		t.Errorf("%d elements, %v", len(l), err)
	}
	var s texts
	if err := json.Unmarshal([]byte("["+strings.Repeat(`"a",`, 999)+`"a"]`), &s); err != nil || len(s) != maxList {
		t.Errorf("%d texts, %v", len(s), err)
	}
}

// zeros is an endless line.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// TestTimeStaysLinear feeds what would take minutes if each broken line were
// read to the end of the body again.
func TestTimeStaysLinear(t *testing.T) {
	t.Parallel()
	tail := "\n" + strings.Repeat("1,", 200_000)
	body := strings.Repeat("[\n", 200_000) + "\n" + `{"id":"a","type":"A:EC2/B"}` + "\n" + strings.Repeat("[\n", 1000) + tail
	items := Parse([]byte(body))
	found := 0
	for _, i := range items {
		if i.Finding != nil {
			found++
		}
	}
	if found != 1 {
		t.Errorf("%d findings among %d items", found, len(items))
	}
	zeroes := "[" + strings.Repeat("0,", MaxBody/2-2) + "0]"
	if items := Parse([]byte(zeroes)); len(items) != 1 || items[0].Err == nil {
		t.Errorf("%d items", len(items))
	}
}
