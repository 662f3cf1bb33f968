package chat

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/message"
)

func TestUpload(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	root, err := o.s.Post(ctx, o.general, "", hello(), "")
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("evidence\n"), 1000)
	if err := o.s.Upload(ctx, o.general, root.TS, "../<evil>/manifest.json", "Manifest", content); err != nil {
		t.Fatal(err)
	}
	files := o.ws.Files(o.general)
	if len(files) != 1 {
		t.Fatalf("%d files", len(files))
	}
	if f := files[0]; !bytes.Equal(f.Content, content) || f.Title != "Manifest" || f.ThreadTS != root.TS || f.Name != "_evil__manifest.json" && !strings.HasSuffix(f.Name, "manifest.json") || strings.ContainsAny(f.Name, "<>/") {
		t.Errorf("%s %s %s", f.Name, f.Title, f.ThreadTS)
	}
	if c := o.ws.Calls("upload_url"); len(c) != 1 || c[0].Style != "" {
		t.Errorf("the token went along: %+v", c)
	}
	wantError(t, o.s.Upload(ctx, o.general, "", "x", "x", nil), Permanent, "file_is_empty")
	wantError(t, o.s.Upload(ctx, o.general, "", "x", "x", make([]byte, MaxUpload+1)), Permanent, "file_too_large")
	wantError(t, o.s.Upload(ctx, "C0NOWHERE", "", "x", "x", content), Permanent, "invalid_channel")
	if n := len(o.ws.Files(o.general)); n != 1 {
		t.Errorf("%d files", n)
	}
}

func TestSeveralFilesAppearTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	files := []File{{Name: "a.md", Title: "A", Content: []byte("a")}, {Name: "b.json", Content: []byte("{}")}}
	o.ws.Next("upload_url", 1, slackfake.Status(503).When(func(args map[string]string) bool { return args["length"] == "2" }))
	wantError(t, o.s.UploadAll(ctx, o.general, "", files), Transient, "http_503")
	if n := len(o.ws.Files(o.general)); n != 0 {
		t.Errorf("the first of two files is there alone")
	}
	if err := o.s.UploadAll(ctx, o.general, "", files); err != nil {
		t.Fatal(err)
	}
	got := o.ws.Files(o.general)
	if len(got) != 2 || got[0].Title != "A" || got[1].Title != "b.json" || string(got[1].Content) != "{}" {
		t.Errorf("%+v", got)
	}
}

// Until the last step nothing is visible, so nothing is ambiguous.
func TestUploadThatFailsOnTheWay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method string
		fault  slackfake.Fault
		kind   Kind
		shared int
	}{
		{"files.getUploadURLExternal", slackfake.Cut(), Transient, 0},
		{"files.getUploadURLExternal", slackfake.NotOK("missing_scope"), Auth, 0},
		{"upload_url", slackfake.Cut(), Transient, 0},
		{"upload_url", slackfake.Status(503), Transient, 0},
		{"upload_url", slackfake.Status(403), Permanent, 0},
		{"files.completeUploadExternal", slackfake.Cut(), Ambiguous, 1},
		{"files.completeUploadExternal", slackfake.NotOK("file_not_found"), Permanent, 0},
	} {
		o := newOffice(t, nil, func(c *Config) { c.RequestTimeout = time.Second })
		o.ws.Next(c.method, 1, c.fault)
		err := o.s.Upload(testCtx(t), o.general, "", "a.txt", "A", []byte("x"))
		if KindOf(err) != c.kind || len(o.ws.Files(o.general)) != c.shared {
			t.Errorf("%s: %v, %d shared", c.method, err, len(o.ws.Files(o.general)))
		}
	}
}

func TestUploadGoesToSlackOnly(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	for _, base := range []string{"http://192.0.2.1", "https://files.slack.com.evil.example", "https://u@files.slack.com", "http://files.slack.com", "://"} {
		o.ws.UploadHost(base)
		wantError(t, o.s.Upload(testCtx(t), o.general, "", "a", "a", []byte("x")), Permanent, "bad_upload_url")
	}
}

func TestFileName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "file", "...": "file", "a b/c.json": "a_b_c.json", strings.Repeat("x", 200) + ".txt": strings.Repeat("x", 146) + ".txt", "ü.txt": "_.txt"} {
		if got := fileName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// The message behind a button can be replaced, even when only one person sees
// it; after a command there is no such message and one more appears.
func TestRespondReplacesOnlyTheMessageOfAButton(t *testing.T) {
	t.Parallel()
	d := &desk{}
	o := newOffice(t, d, quick)
	o.run(t)
	o.up(t, 2)
	ctx := testCtx(t)
	ref, err := o.s.Post(ctx, o.general, "", samples()["question"], "")
	if err != nil {
		t.Fatal(err)
	}
	g, err := o.ws.As(o.ada.ID).Click(ref.Channel, ref.TS, "inquiry.no")
	outcome(t, g, err)
	click := d.seen()[0].(Action)
	if err := o.s.Respond(ctx, click.ResponseURL, message.Message{}.Para(message.L("thank you")), true); err != nil {
		t.Fatal(err)
	}
	if m, _ := o.ws.Message(slackfake.Ref{Channel: ref.Channel, TS: ref.TS}); m.AllText() != "thank you\n" && m.AllText() != "thank you" {
		t.Errorf("%q", m.AllText())
	}
	g, err = o.ws.As(o.ada.ID).Slash("/ir", "ip 192.0.2.1", o.general)
	outcome(t, g, err)
	cmd := d.seen()[1].(Command)
	for i := range 5 {
		if err := o.s.Respond(ctx, cmd.ResponseURL, hello(), i > 0); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(o.ws.Ephemerals(o.ada.ID)); n != 5 {
		t.Errorf("%d private messages", n)
	}
	wantError(t, o.s.Respond(ctx, cmd.ResponseURL, hello(), false), Permanent, "response_url_expired")
}

// The inputs of a dialog come back as they were filled in, or as they were at
// first.
func TestModalInputs(t *testing.T) {
	t.Parallel()
	options := []message.Option{{Label: "One", Value: "1"}, {Label: "Two", Value: "2"}, {Label: "Three", Value: "3"}}
	in := func(f message.InputField) message.Part { return message.Part{Kind: message.Input, Input: &f} }
	modal := message.Modal{Callback: "open", Title: "Open", Submit: "Open", Parts: []message.Part{
		in(message.InputField{ID: "title", Label: "Title", Initial: strings.Repeat("é", 50), MaxLen: 40}),
		in(message.InputField{ID: "what", Label: "What", Multiline: true}),
		in(message.InputField{ID: "sev", Label: "Severity", Options: options, Initial: "2"}),
		in(message.InputField{ID: "tags", Label: "Tags", Options: options, Several: true, Initial: "1,3"}),
		in(message.InputField{ID: "odd", Label: "Odd", Options: options, Initial: "9", Optional: true}),
		in(message.InputField{ID: "lead", Label: "Lead", Users: true, Initial: "U02ABCDEF"}),
		in(message.InputField{ID: "team", Label: "Team", Users: true, Several: true, Initial: "U02ABCDEF,nobody,U03ABCDEF"}),
		in(message.InputField{ID: "more", Label: "More", Users: true, Several: true, Optional: true}),
	}}
	d := &desk{reply: Reply{Modal: &modal}}
	o := newOffice(t, d, quick)
	o.run(t)
	o.up(t, 2)
	g, err := o.ws.As(o.ada.ID).Slash("/ir", "open", o.general)
	outcome(t, g, err)
	eventually(t, 30*time.Second, "the dialog", func() bool { return len(o.ws.Views(o.ada.ID)) == 1 })
	d.answer(Reply{}, nil)
	g, err = o.ws.As(o.ada.ID).Submit("", map[string]string{"what": "line 1\nline 2"})
	outcome(t, g, err)
	got := d.seen()[1].(Submission).Values
	want := map[string]string{"title": strings.Repeat("é", 40), "what": "line 1\nline 2", "sev": "2", "tags": "1,3", "lead": "U02ABCDEF", "team": "U02ABCDEF,U03ABCDEF"}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: %q, want %q", k, got[k], v)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
}
