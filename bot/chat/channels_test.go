package chat

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/message"
)

func TestAnArchivedChannelIsOpenedAgainWhereSlackAllowsIt(t *testing.T) {
	t.Parallel()
	for want, options := range map[string][]slackfake.Option{"not_in_channel": nil, "": {slackfake.WithUnarchive()}} {
		o := newOffice(t, nil, nil, options...)
		ctx := testCtx(t)
		ch, err := o.s.CreateChannel(ctx, "ir-2026-002", true)
		if err == nil {
			err = o.s.Unarchive(ctx, ch.ID) // open already
		}
		if err == nil {
			err = o.s.Archive(ctx, ch.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		err = o.s.Unarchive(ctx, ch.ID)
		if got, _ := o.ws.Channel(ch.ID); code(err) != want || got.Archived != (want != "") {
			t.Errorf("want %q: %v, archived %v", want, err, got.Archived)
		}
	}
}

func TestAnIncidentChannelFromCreationToArchive(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	ch, err := o.s.CreateChannel(ctx, "ir-2026-001", true)
	if err != nil || ch.Name != "ir-2026-001" || !ch.Private || ch.Archived || ch.Creator != o.ws.BotUser || time.Since(ch.Created) > time.Minute {
		t.Fatalf("%+v %v", ch, err)
	}
	if failed, err := o.s.Invite(ctx, ch.ID, []string{o.ada.ID}); err != nil || len(failed) != 0 {
		t.Fatalf("%v %v", failed, err)
	}
	if err := o.s.SetTopic(ctx, ch.ID, message.L("SEV-1 · ").V("http://evil.example <!channel>")); err != nil {
		t.Fatal(err)
	}
	if err := o.s.SetPurpose(ctx, ch.ID, message.L(strings.Repeat("木", 400))); err != nil {
		t.Fatal(err)
	}
	ref, err := o.s.Post(ctx, ch.ID, "", hello(), "k")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // twice is harmless
		if err := o.s.Pin(ctx, ref); err != nil {
			t.Fatal(err)
		}
	}
	link, err := o.s.Permalink(ctx, ref)
	if err != nil || !strings.HasPrefix(link, "https://corp-example.slack.com/archives/"+ch.ID+"/p") {
		t.Errorf("%q %v", link, err)
	}
	ids, err := o.s.Members(ctx, ch.ID)
	if err != nil || !slices.Equal(ids, []string{o.ws.BotUser, o.ada.ID}) {
		t.Errorf("%v %v", ids, err)
	}
	got, _ := o.ws.Channel(ch.ID)
	if !strings.HasPrefix(got.Topic, "SEV-1 · hxxp[:]//evil[.]example") || strings.ContainsAny(got.Topic, "<>") {
		t.Errorf("topic %q", got.Topic)
	}
	if !strings.HasSuffix(got.Purpose, cutMark) || !slices.Equal(got.Pins, []string{ref.TS}) {
		t.Errorf("purpose %q, pins %v", got.Purpose, got.Pins)
	}
	for range 2 {
		if err := o.s.Archive(ctx, ch.ID); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, o.s.SetTopic(ctx, ch.ID, message.L("x")), Permanent, "is_archived")
	_, err = o.s.Permalink(ctx, Ref{Channel: ch.ID, TS: "1.2"})
	wantError(t, err, Permanent, "message_not_found")
}

func TestATakenNameIsTold(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	_, err := o.s.CreateChannel(ctx, "general", true)
	if wantError(t, err, Permanent, NameTaken); CodeOf(err) != NameTaken {
		t.Error(CodeOf(err))
	}
	_, err = o.s.CreateChannel(ctx, "Not A Name", true)
	wantError(t, err, Permanent, "invalid_name_specials")
	o.ws.SetScopes(o.ws.BotToken, "chat:write")
	_, err = o.s.CreateChannel(ctx, "ir-1", true)
	wantError(t, err, Auth, "missing_scope")
}

// A lost answer: the channel is there, and it is ours.
func TestFindChannelAdoptsOnlyOurOwn(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, func(c *Config) { c.RequestTimeout = 300 * time.Millisecond })
	ctx := testCtx(t)
	for _, private := range []bool{true, false} {
		name := fmt.Sprint("ir-lost-", private)
		o.ws.Next("conversations.create", 1, slackfake.Cut())
		_, err := o.s.CreateChannel(ctx, name, private)
		wantError(t, err, Ambiguous, "")
		ch, found, err := o.s.FindChannel(ctx, name)
		if err != nil || !found || ch.Name != name || ch.Private != private {
			t.Fatalf("%+v %v %v", ch, found, err)
		}
		if err := o.s.Archive(ctx, ch.ID); err != nil {
			t.Fatal(err)
		}
		if ch, found, err := o.s.FindChannel(ctx, name); err != nil || found {
			t.Errorf("an archived one was found: %+v %v", ch, err)
		}
	}
	o.ws.AddChannel(slackfake.Channel{Name: "ir-bait", Creator: o.ada.ID, Members: []string{o.ws.BotUser, o.ada.ID}})
	if ch, found, err := o.s.FindChannel(ctx, "ir-bait"); err != nil || found {
		t.Errorf("somebody else's was adopted: %+v %v", ch, err)
	}
	o.ws.AddChannel(slackfake.Channel{Name: "ir-left", Creator: o.ws.BotUser})
	if _, found, _ := o.s.FindChannel(ctx, "ir-left"); found {
		t.Error("one the bot is not in was adopted")
	}
	o.ws.Next("users.conversations", 1, slackfake.NotOK("internal_error"))
	_, _, err := o.s.FindChannel(ctx, "ir-bait")
	wantError(t, err, Ambiguous, "internal_error")
}

func TestLongListsAreReadToTheEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	members := []string{o.ws.BotUser}
	for i := range 450 {
		members = append(members, fmt.Sprintf("U1%06d", i))
		o.ws.AddChannel(slackfake.Channel{Name: fmt.Sprint("own-", i), Creator: o.ws.BotUser, Members: []string{o.ws.BotUser}})
	}
	big := o.ws.AddChannel(slackfake.Channel{Name: "big", Creator: o.ws.BotUser, Members: members})
	if ids, err := o.s.Members(ctx, big.ID); err != nil || !slices.Equal(ids, members) {
		t.Errorf("%d of %d members: %v", len(ids), len(members), err)
	}
	if ch, found, err := o.s.FindChannel(ctx, "big"); err != nil || !found || ch.ID != big.ID {
		t.Errorf("%+v %v", ch, err)
	}
}

// An endless list is an error: what was read must not be taken for all.
func TestAnEndlessListIsAnError(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		fmt.Fprint(w, `{"ok":true,"members":["U1"],"response_metadata":{"next_cursor":"again"}}`)
	}))
	defer srv.Close()
	o := newOffice(t, nil, func(c *Config) { c.APIURL = srv.URL })
	o.s.tiers.buckets["conversations.members"] = &bucket{}
	_, err := o.s.Members(testCtx(t), "C1")
	if wantError(t, err, Permanent, "too_many_pages"); calls.Load() != maxPages {
		t.Errorf("%d calls", calls.Load())
	}
}

func TestInviteJudgesEachAlone(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	if err := o.s.identify(ctx); err != nil {
		t.Fatal(err)
	}
	ch, err := o.s.CreateChannel(ctx, "ir-1", true)
	if err != nil {
		t.Fatal(err)
	}
	bob := o.ws.AddUser(slackfake.User{Name: "bob"})
	guest := o.ws.AddUser(slackfake.User{Name: "guest", Guest: true})
	gone := o.ws.AddUser(slackfake.User{Name: "gone", Deleted: true})
	all := []string{guest.ID, o.ada.ID, "U404", gone.ID, bob.ID, o.ada.ID, o.ws.BotUser, ""}
	for round := range 2 { // the second time the good ones are in already
		failed, err := o.s.Invite(ctx, ch.ID, all)
		if err != nil || len(failed) != 3 {
			t.Fatalf("round %d: %+v %v", round, failed, err)
		}
		for _, f := range failed {
			want := map[string]string{guest.ID: "user_is_restricted", "U404": "user_not_found", gone.ID: "cant_invite"}[f.User]
			if f.Code != want || f.Reason == "" || strings.Contains(f.Reason, "_") {
				t.Errorf("%+v, want %s", f, want)
			}
		}
	}
	for _, c := range o.ws.Calls("conversations.invite") {
		if strings.Contains(c.Args["users"], o.ws.BotUser) { // it may refuse the whole call
			t.Errorf("the bot invites itself: %v", c.Args)
		}
	}
	if got, _ := o.ws.Channel(ch.ID); len(got.Members) != 3 {
		t.Errorf("members %v", got.Members)
	}
	if failed, err := o.s.Invite(ctx, ch.ID, []string{o.ada.ID}); err != nil || len(failed) != 0 {
		t.Errorf("a member already: %v %v", failed, err)
	}
	calls := len(o.ws.Calls("conversations.invite"))
	if failed, err := o.s.Invite(ctx, ch.ID, nil); err != nil || failed != nil || len(o.ws.Calls("conversations.invite")) != calls {
		t.Errorf("nobody: %v %v", failed, err)
	}
}

func TestInviteInBatches(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	ch, err := o.s.CreateChannel(ctx, "ir-1", false)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for i := range 205 {
		all = append(all, o.ws.AddUser(slackfake.User{Name: fmt.Sprint("u", i)}).ID)
	}
	if failed, err := o.s.Invite(ctx, ch.ID, all); err != nil || len(failed) != 0 {
		t.Fatalf("%v %v", failed, err)
	}
	if got, _ := o.ws.Channel(ch.ID); len(got.Members) != 206 || len(o.ws.Calls("conversations.invite")) != 3 {
		t.Errorf("%d members in %d calls", len(got.Members), len(o.ws.Calls("conversations.invite")))
	}
}

// What Slack refuses without saying whom it is about, and what concerns the
// channel.
func TestInviteRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	bob := o.ws.AddUser(slackfake.User{Name: "bob"})
	o.ws.Next("conversations.invite", 1, slackfake.NotOK("cant_invite"))
	failed, err := o.s.Invite(ctx, o.general, []string{bob.ID, o.ada.ID})
	if err != nil || len(failed) != 2 || failed[0].Code != "cant_invite" {
		t.Errorf("%v %v", failed, err)
	}
	o.ws.Next("conversations.invite", 1, slackfake.NotOK("already_in_channel"))
	if failed, err := o.s.Invite(ctx, o.general, []string{o.ada.ID}); err != nil || len(failed) != 0 {
		t.Errorf("%v %v", failed, err)
	}
	o.ws.Next("conversations.invite", 1, slackfake.FatalError())
	_, err = o.s.Invite(ctx, o.general, []string{bob.ID})
	wantError(t, err, Ambiguous, "fatal_error")
	o.ws.SetChannel(o.general, func(c *slackfake.Channel) { c.Archived = true })
	_, err = o.s.Invite(ctx, o.general, []string{bob.ID})
	wantError(t, err, Permanent, "is_archived")
}

func TestRateLimitedChannelMethodsPause(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	o.ws.Next("conversations.create", 1, slackfake.RateLimited("7"))
	_, err := o.s.CreateChannel(ctx, "ir-1", true)
	if e := wantError(t, err, RateLimited, "ratelimited"); e.RetryAfter != 7*time.Second {
		t.Error(e.RetryAfter)
	}
	if at := o.s.tiers.reserve("conversations.create", time.Now()); time.Until(at) < 5*time.Second {
		t.Error("the method is not held back")
	}
}

// Answers that are not what the reference says.
func TestOddAnswersAboutChannels(t *testing.T) {
	t.Parallel()
	var answer atomic.Value
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer.Load()) }))
	defer srv.Close()
	o := newOffice(t, nil, func(c *Config) { c.APIURL = srv.URL })
	ctx := testCtx(t)
	answer.Store(`{"ok":true}`)
	_, err := o.s.CreateChannel(ctx, "ir-1", true)
	wantError(t, err, Ambiguous, "bad_answer")
	_, err = o.s.Canvas(ctx, "C1", "x", hello())
	wantError(t, err, Ambiguous, "bad_answer")
	_, err = o.s.Permalink(ctx, Ref{"C1", "1.2"})
	wantError(t, err, Transient, "bad_answer")
	answer.Store(`{"ok":true,"channel":"odd"}`)
	_, err = o.s.CreateChannel(ctx, "ir-1", true)
	wantError(t, err, Ambiguous, "bad_answer")
	answer.Store(`{"ok":true,"errors":{}}`)
	if failed, err := o.s.Invite(ctx, "C1", []string{"U1"}); err != nil || len(failed) != 0 {
		t.Errorf("%v %v", failed, err)
	}
	answer.Store(`{"ok":true,"errors":[{"user":"U9","error":"cant_invite"},{"user":"U1","error":"<odd>"}]}`)
	failed, err := o.s.Invite(ctx, "C1", []string{"U1"})
	if err != nil || len(failed) != 1 || failed[0] != (InviteFailure{"U1", "odd_code", "Slack refuses it (odd_code)"}) {
		t.Errorf("%v %v", failed, err)
	}
	answer.Store(`{"ok":false,"error":"free_team_canvas_tab_already_exists"}`)
	_, err = o.s.Canvas(ctx, "C1", "x", hello())
	if e := wantError(t, err, Permanent, "free_team_canvas_tab_already_exists"); e.Method != "conversations.info" {
		t.Errorf("the canvas that is there was not looked for: %v", err)
	}
}

// Every method the package calls with call has a limit of its own.
func TestEveryChannelMethodHasATier(t *testing.T) {
	t.Parallel()
	for _, m := range []string{"conversations.create", "conversations.invite", "conversations.setTopic", "conversations.setPurpose",
		"conversations.archive", "conversations.members", "conversations.info", "users.conversations", "pins.add", "chat.getPermalink",
		"conversations.canvases.create", "canvases.edit", "files.getUploadURLExternal", "files.completeUploadExternal"} {
		if interval, burst := tierOf(m); interval <= 0 || burst < 2 {
			t.Errorf("%s: every %s, %d at once", m, interval, burst)
		}
	}
}
