package thehive_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/responders/thehive"
)

func TestObservables(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, fake := setup(t, nil)
	r := made(t, c, "SB-1")
	list := []thehive.Observable{{Type: "ip", Data: "203.0.113.5"}, {Type: "ip", Data: "::ffff:203.0.113.5"}, {Type: "ip", Data: "2001:DB8::1"}, {Type: "domain", Data: "Evil.Example"},
		{Type: "domain", Data: "evil.example", IOC: true}, {Type: "hash", Data: "ABCDEF"}, {Type: "unheard-of", Data: "arn:aws:iam::111122223333:user/ana", Message: "who <did> it"}}
	fake.Fail(thehivefake.AnswerLost().Only("observable"))
	if err := c.AddObservables(ctx, r, list); asError(t, err).Class != thehive.Retry {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.AddObservables(ctx, r, list); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, o := range fake.Snapshot().Alerts[0].Observables {
		got = append(got, fmt.Sprintf("%s %s %v", o.DataType, o.Data, o.IOC))
	}
	want := []string{"ip 203.0.113.5 false", "ip 2001:db8::1 false", "domain evil.example true", "hash abcdef false", "other arn:aws:iam::111122223333:user/ana false"}
	if !slices.Equal(got, want) {
		t.Errorf("observables %q, want %q", got, want)
	}
	for _, call := range fake.Snapshot().Calls {
		if call.Status == 400 {
			t.Errorf("asked for what is there: %+v", call)
		}
	}
}

// One that is refused keeps nobody out, and one that somebody else added in the
// meantime is fine.
func TestObservablesOneByOne(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, fake := setup(t, nil)
	r := made(t, c, "SB-1")
	list := []thehive.Observable{{Type: "ip", Data: "192.0.2.1"}, {Type: "ip", Data: "192.0.2.2"}, {Type: "ip", Data: "192.0.2.3"}}
	fake.Fail(thehivefake.Says(400, `{"type":"CreateError","message":"Observable already exists"}`).Only("observable"),
		thehivefake.Says(400, `{"type":"BadRequest","message":"no such type"}`).Only("observable"))
	err := c.AddObservables(ctx, r, list)
	if e := asError(t, err); e.Class != thehive.Permanent || !strings.Contains(err.Error(), "no such type") {
		t.Errorf("error %v", err)
	}
	if o := fake.Snapshot().Alerts[0].Observables; len(o) != 2 || o[1].Data != "192.0.2.3" {
		t.Errorf("observables %+v", o)
	}
}

func TestComment(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, fake := setup(t, nil)
	r := made(t, c, "SB-1")
	for i := range 250 { // more than a page
		if _, err := c.Comment(ctx, r, fmt.Sprintf("c/1/comment/%d", i), message.Message{}.Para(message.L("Step ").V(fmt.Sprint(i)))); err != nil {
			t.Fatal(err)
		}
	}
	there, err := c.Comment(ctx, r, "c/1/comment/249", message.Message{}.Para(message.L("again")))
	if got := fake.Snapshot().Alerts[0].Comments; err != nil || !there || len(got) != 250 || got[249].Message != "Step 249\n\n`record c/1/comment/249`" {
		t.Errorf("there %v, %d comments, last %q, %v", there, len(got), got[len(got)-1].Message, err)
	}
	for name, do := range map[string]func() error{
		"no id":     func() error { _, err := c.Comment(ctx, r, "", message.Message{}.Para(message.L("x"))); return err },
		"nothing":   func() error { _, err := c.Comment(ctx, r, "x", message.Message{}); return err },
		"no record": func() error { _, err := c.Comment(ctx, thehive.Record{}, "x", message.Message{}); return err },
		"an id that leads elsewhere": func() error {
			_, err := c.Comment(ctx, thehive.Record{Kind: thehive.AlertRecord, ID: r.ID + "/../" + r.ID}, "x", message.Message{}.Para(message.L("x")))
			return err
		},
		"gone": func() error {
			_, err := c.Comment(ctx, thehive.Record{Kind: thehive.CaseRecord, ID: "~1"}, "x", message.Message{}.Para(message.L("x")))
			return err
		},
	} {
		if e := asError(t, do()); e.Class != thehive.Permanent || (e.Status != 0) != (name == "gone") {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// Outside text cannot make a comment look as if it were there.
func TestCommentMarkersCannotBeForged(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, fake := setup(t, nil)
	r := made(t, c, "SB-1")
	forged := "`record c/1/comment/2`"
	for i, m := range []message.Message{
		message.Message{}.Para(message.Text{}.V("x\n\n" + forged)), message.Message{}.Para(message.Text{}.Code(forged)), message.Message{}.Para(message.Text{}.V(forged)),
		message.Message{}.Para(message.Text{}.Code("record c/1/comment/2")),
	} {
		if _, err := c.Comment(ctx, r, fmt.Sprintf("c/1/forged/%d", i), m); err != nil {
			t.Fatal(err)
		}
	}
	there, err := c.Comment(ctx, r, "c/1/comment/2", message.Message{}.Para(message.L("the real one")))
	if err != nil || there || len(fake.Snapshot().Alerts[0].Comments) != 5 {
		t.Errorf("there %v, %v", there, err)
	}
}

func TestAttach(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, fake := setup(t, func(cfg *thehive.Config) { cfg.MaxFile = 100 })
	r := made(t, c, "SB-1")
	a, err := c.Attach(ctx, r, file("../../evil\"\r\n.json", "{}"))
	if err != nil || a.There || a.Name != "__.._evil_ _.json" && strings.ContainsAny(a.Name, "/\"\r\n") {
		t.Errorf("%+v %v", a, err)
	}
	if _, err := c.Attach(ctx, r, file("timeline.md", "one")); err != nil {
		t.Fatal(err)
	}
	second, err := c.Attach(ctx, r, file("timeline.md", "two")) // same name, other bytes
	if err != nil || second.There || !strings.HasPrefix(second.Name, "timeline-") || !strings.HasSuffix(second.Name, ".md") {
		t.Errorf("%+v %v", second, err)
	}
	again, err := c.Attach(ctx, r, file("timeline.md", "two"))
	if err != nil || !again.There || again.Name != second.Name {
		t.Errorf("%+v %v", again, err)
	}
	got := fake.Snapshot().Alerts[0].Attachments
	if len(got) != 3 || string(got[1].Data) != "one" || string(got[2].Data) != "two" || got[1].ContentType != "text/plain" || got[1].SHA256 == got[2].SHA256 {
		t.Errorf("attachments %+v", got)
	}
	for _, call := range fake.Snapshot().Calls {
		if call.Status == 400 {
			t.Errorf("uploaded what is there: %+v", call)
		}
	}
	// Somebody else's copy arrives between looking and uploading.
	fake.Fail(thehivefake.OddBody("[]").Only("query"))
	if late, err := c.Attach(ctx, r, file("timeline.md", "one")); err != nil || !late.There || len(fake.Snapshot().Alerts[0].Attachments) != 3 {
		t.Errorf("%+v %v", late, err)
	}
}

func TestAttachWhatIsNotUploaded(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, fake := setup(t, func(cfg *thehive.Config) { cfg.MaxFile = 10 })
	sum := strings.Repeat("ab", 32)
	large := file("dump.pcap", strings.Repeat("x", 11))
	large.URI, large.SHA256 = "s3://evidence/dump.pcap", sum
	known := large
	known.Size = 11
	known.Open = func(context.Context) (io.ReadCloser, error) { return nil, errors.New("read although it is too large") }
	for name, f := range map[string]thehive.File{
		"stays in S3":     {Name: "memory.lime", URI: "s3://evidence/dump.pcap", SHA256: sum, Size: 1 << 40},
		"known too large": known,
		"turns out large": large,
	} {
		r := made(t, c, name)
		for range 2 {
			if a, err := c.Attach(ctx, r, f); err != nil || a.Name != "" {
				t.Errorf("%s: %+v %v", name, a, err)
			}
		}
		got, _ := fake.Snapshot().Alert(name)
		if o := got.Observables; len(o) != 3 || len(got.Attachments) != 0 || o[1].Data != "s3://evidence/dump.pcap" || o[2].DataType != "hash" || o[2].Data != sum {
			t.Errorf("%s: %+v", name, got)
		}
	}
	r := made(t, c, "SB-1")
	wrong := file("a.json", "{}")
	wrong.SHA256 = sum
	if _, err := c.Attach(ctx, r, wrong); asError(t, err).Class != thehive.Permanent || !errors.Is(err, thehive.ErrOtherBytes) || !strings.Contains(err.Error(), "hash differs") {
		t.Errorf("other bytes than recorded: %v", err)
	}
	if _, err := c.Attach(ctx, r, file("x", strings.Repeat("x", 11))); asError(t, err).Class != thehive.Permanent {
		t.Errorf("large without place: %v", err)
	}
	broken := thehive.File{Name: "x", Open: func(context.Context) (io.ReadCloser, error) { return nil, errors.New("no such key") }}
	if _, err := c.Attach(ctx, r, broken); !errors.Is(err, thehive.ErrUnreadable) || !strings.Contains(err.Error(), "no such key") {
		t.Errorf("unreadable: %v", err)
	}
}
