package incidents

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/store"
)

func TestOpeningPlansWhatTheRulesSay(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*Opening, *Rules)
		want   string
	}{
		{"everything", func(*Opening, *Rules) {}, "channel gather gather hive page"},
		{"no group, nobody on call", func(_ *Opening, r *Rules) { r.Groups, r.OnCall = nil, false }, "channel hive page"},
		{"no TheHive", func(_ *Opening, r *Rules) { r.Hive = false }, "channel gather gather page"},
		{"a level that does not page", func(o *Opening, _ *Rules) { o.Level = findings.Medium }, "channel gather gather hive"},
		{"the case has paged already", func(o *Opening, _ *Rules) { o.Paged = true }, "channel gather gather hive"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o, r := opening(), rules()
			tc.change(&o, &r)
			c, effects := started(t, o, r)
			if steps(effects) != tc.want {
				t.Errorf("effects %q, want %q", steps(effects), tc.want)
			}
			if got := only(t, effects, StepChannel); got.ID != idA+"/1/channel/0" || got.Doc != "i:"+idA || got.Lane != store.LaneInquiry {
				t.Errorf("channel effect %+v", got)
			}
			if c.Timer(t0) != t0.Add(watchEffects) || !c.IsOpen() || c.Lead != "" || c.Ref() != "INC-7F3KQX" {
				t.Errorf("incident %+v", c)
			}
		})
	}
}

func TestOpeningRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		o    Opening
		part string
	}{
		{"no title", Opening{By: ana, Level: findings.Low}, "needs a title"},
		{"a title that cannot be seen", Opening{By: ana, Title: " \u200b\u202e\t", Level: findings.Low}, "needs a title"},
		{"a long title", Opening{By: ana, Title: strings.Repeat("x", 121), Level: findings.Low}, "too long"},
		{"no severity", Opening{By: ana, Title: "x"}, "severity is one of"},
		{"another severity", Opening{By: ana, Title: "x", Level: "urgent"}, "severity is one of"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, effects, err := Start(idA, tc.o, rules(), t0)
			refused(t, err, tc.part)
			if c != nil || effects != nil {
				t.Errorf("something was opened: %+v", c)
			}
		})
	}
	if _, _, err := Start(idA, Opening{By: ana, Title: strings.Repeat("x", 120), Level: findings.Low}, rules(), t0); err != nil {
		t.Errorf("the longest title: %v", err)
	}
}

func TestTheChannelBringsTheRest(t *testing.T) {
	t.Parallel()
	c, effects := started(t, opening(), rules())
	ch := only(t, effects, StepChannel)
	got := c.ChannelMade(ch.ID, "C0INC", t0)
	if steps(got) != "document invite summary topic" {
		t.Fatalf("effects %q", steps(got))
	}
	for _, e := range got {
		if e.Group != "C0INC" {
			t.Errorf("effect %s is in group %q", e.ID, e.Group)
		}
	}
	if !slices.Equal(c.ToInvite(), []string{ana}) {
		t.Errorf("invites %v", c.ToInvite())
	}
	if again := c.ChannelMade(ch.ID, "C0OTHER", t0); again != nil || c.Channel != "C0INC" {
		t.Errorf("a repeated report: %q, channel %s", steps(again), c.Channel)
	}
	more := c.SummaryPosted(only(t, got, StepSummary).ID, Ref{"C0INC", "1.1"}, c.Looks(), t0)
	if steps(more) != "pin" {
		t.Errorf("after the summary: %q", steps(more))
	}
}

func TestATakenNameIsNotTheEnd(t *testing.T) {
	t.Parallel()
	c, effects := started(t, opening(), rules())
	seen := []string{c.Name}
	e := only(t, effects, StepChannel)
	for range maxNames - 1 {
		e = only(t, c.NameTaken(e.ID, t0), StepChannel)
		if slices.Contains(seen, c.Name) {
			t.Fatalf("name %s is tried again", c.Name)
		}
		seen = append(seen, c.Name)
	}
	got := c.NameTaken(e.ID, t0)
	if steps(got) != "tell" || !c.IsOpen() || !strings.Contains(shown(c.SummaryMessage("/ir")), "could not make the channel (‹the names tried are all taken›)") {
		t.Errorf("after %d names: %q, %s", len(seen), steps(got), shown(c.SummaryMessage("/ir")))
	}
}

func TestWithoutAChannelTheOpenerIsToldAndCanTryAgain(t *testing.T) {
	t.Parallel()
	c, effects := started(t, opening(), rules())
	e := only(t, effects, StepChannel)
	tell := only(t, c.Failed(e.ID, "restricted_action", t0), StepTell)
	entry, ok := c.EntryOf(tell.ID)
	if !ok || c.ToTell() != ana || !strings.Contains(shown(c.TellMessage(entry, "/ir")), "it was given up to make the channel.‹ (restricted_action)›") {
		t.Errorf("told %s: %s", c.ToTell(), shown(c.TellMessage(entry, "/ir")))
	}
	for _, g := range effects {
		if s, _ := StepOf(g.Kind); s == StepGather {
			if got := c.Gathered(g.ID, []string{omar}, nil, t0); got != nil {
				t.Errorf("without a channel somebody is invited: %q", steps(got))
			}
		}
	}
	got, err := c.Retry(ana, t0)
	if err != nil || steps(got) != "channel" || got[0].ID != e.ID {
		t.Fatalf("retry: %v %q", err, steps(got))
	}
	if more := c.ChannelMade(e.ID, "C0INC", t0); steps(more) != "document invite summary topic" || len(c.Failures) != 0 {
		t.Errorf("%q, failures %v", steps(more), c.Failures)
	}
	if _, err := c.Retry(ana, t0); err == nil {
		t.Error("nothing has failed and is tried again")
	}
}

func TestAFailedStepIsShownAndStopsNothing(t *testing.T) {
	t.Parallel()
	for step, want := range map[string]string{
		StepDocument: "could not start the document (‹down›)",
		StepHive:     "could not make the case in TheHive (‹down›)",
		StepTopic:    "could not set the channel's topic (‹down›)",
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			c, effects := started(t, opening(), rules())
			w := newWorld(c)
			w.plan(effects)
			for len(w.order) > 0 {
				id := w.order[0]
				if s, _ := StepOf(w.effects[id].Kind); s == step {
					out := c.Failed(id, "down", t0)
					w.drop(id)
					w.plan(out)
					continue
				}
				w.next(id, t0)
			}
			if c.Summary.TS == "" || !strings.Contains(shown(c.SummaryMessage("/ir")), "Did not work: "+want) {
				t.Errorf("summary:\n%s", shown(c.SummaryMessage("/ir")))
			}
			got, err := c.Retry(omar, t0)
			if err != nil || !strings.Contains(steps(got), step) {
				t.Errorf("retry: %v %q", err, steps(got))
			}
		})
	}
}

func TestPartialInvitationsAreShown(t *testing.T) {
	t.Parallel()
	o := opening()
	o.Members = []string{zoe, "U0GUEST", zoe, ""}
	c, effects := started(t, o, rules())
	var got []store.Effect
	for _, e := range effects {
		switch src, ok := c.SourceOf(e.ID); {
		case ok && src.Kind == FromGroup:
			got = c.Failed(e.ID, "plan_upgrade_required", t0)
		case ok && src.Kind == FromOnCall:
			got = append(got, c.Gathered(e.ID, []string{omar, zoe}, []Missing{{Who: "max@corp.example", Why: "has no account here"}}, t0)...)
		}
	}
	if len(got) != 0 {
		t.Fatalf("before there is a channel: %q", steps(got))
	}
	made := c.ChannelMade(only(t, effects, StepChannel).ID, "C0INC", t0)
	c.SummaryPosted(only(t, made, StepSummary).ID, Ref{"C0INC", "1.1"}, c.Looks(), t0)
	if want := []string{ana, zoe, "U0GUEST", omar}; !slices.Equal(c.ToInvite(), want) {
		t.Fatalf("invites %v, want %v", c.ToInvite(), want)
	}
	inv := only(t, made, StepInvite)
	more := c.Invited(inv.ID, []Invitation{{ID: ana}, {ID: "U0GUEST", Refused: "is a guest"}, {ID: omar}, {ID: "U0WHO"}}, t0)
	if steps(more) != "edit invite" || !slices.Equal(c.ToInvite(), []string{zoe}) {
		t.Errorf("who was not mentioned: %q %v", steps(more), c.ToInvite())
	}
	want := "Not here: @U0GUEST (‹is a guest›); a user group (‹plan_upgrade_required›); ‹max@corp.example› (‹has no account here›)"
	if s := shown(c.SummaryMessage("/ir")); !strings.Contains(s, want) {
		t.Errorf("summary:\n%s\nwant %s", s, want)
	}
	if got := c.Failed(only(t, more, StepInvite).ID, "not_in_channel", t0); steps(got) != "" && steps(got) != "edit" {
		t.Errorf("%q", steps(got))
	}
	if len(c.ToInvite()) != 0 {
		t.Error("an invitation that was given up is still wanted")
	}
}

func TestAChangeWhileTheSummaryIsOnItsWayIsNotForgotten(t *testing.T) {
	t.Parallel()
	c, effects := started(t, opening(), rules())
	made := c.ChannelMade(only(t, effects, StepChannel).ID, "C0INC", t0)
	looks := c.Looks()
	if _, err := c.SetLead(omar, omar, t0); err != nil {
		t.Fatal(err)
	}
	edit := only(t, c.SummaryPosted(only(t, made, StepSummary).ID, Ref{"C0INC", "1.1"}, looks, t0), StepEdit)
	looks = c.Looks()
	if _, err := c.SetLead(omar, zoe, t0); err != nil {
		t.Fatal(err)
	}
	again := only(t, c.Edited(edit.ID, looks, t0), StepEdit)
	if again.ID == edit.ID || again.Due != t0.Add(editDelay) {
		t.Errorf("edit %+v after %+v", again, edit)
	}
	if got := c.Edited(again.ID, c.Looks(), t0); len(got) != 0 {
		t.Errorf("an edit that shows how things are is followed by %q", steps(got))
	}
}

func TestTheTopicFollowsTheSeverity(t *testing.T) {
	t.Parallel()
	c := ready(t)
	got, err := c.SetSeverity(omar, findings.Low, rules(), t0)
	if err != nil {
		t.Fatal(err)
	}
	topic := only(t, got, StepTopic)
	before := c.TopicLooks()
	if _, err := c.SetSeverity(omar, findings.Critical, Rules{}, t0); err != nil {
		t.Fatal(err)
	}
	if again := c.TopicSet(topic.ID, before, t0); steps(again) != "topic" {
		t.Errorf("the topic goes on showing the old severity: %q", steps(again))
	}
	if flat(c.Topic()) != "INC-7F3KQX · Critical · Keys of the deploy user leaked" {
		t.Errorf("topic %q", flat(c.Topic()))
	}
}

func TestTheTimer(t *testing.T) {
	t.Parallel()
	c := ready(t)
	if c.Timer(t0.Add(time.Hour)) != t0.Add(nudgeAfter) {
		t.Errorf("timer %v of a quiet incident", c.Timer(t0.Add(time.Hour)))
	}
	if got := c.Tick(t0.Add(nudgeAfter - time.Second)); got != nil {
		t.Errorf("early: %q", steps(got))
	}
	if _, err := c.Note(omar, KindNote, "still at it", t0.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	w := newWorld(c)
	w.plan(c.replan(t0.Add(time.Hour)))
	w.drain(t, t0.Add(time.Hour))
	if got := c.Tick(t0.Add(nudgeAfter)); got != nil {
		t.Errorf("a day after opening but not after the last act: %q", steps(got))
	}
	late := t0.Add(nudgeAfter + time.Hour)
	remind := only(t, c.Tick(late), StepRemind)
	if s := shown(c.RemindMessage()); !strings.Contains(s, "@"+ana) || !strings.Contains(s, "[Close…]") {
		t.Errorf("reminder %s", s)
	}
	if again := c.Tick(late.Add(time.Minute)); len(again) != 1 || again[0].ID != remind.ID {
		t.Errorf("a minute later %q", steps(again))
	}
	if c.Timer(late) != late.Add(watchEffects) {
		t.Errorf("nobody watches the reminder: %v", c.Timer(late))
	}
	c.Did(remind.ID, late)
	if c.Timer(late) != late.Add(nudgeAfter) {
		t.Errorf("the next reminder is at %v", c.Timer(late))
	}
}

func TestLostEffectsArePlannedAgainUnderTheSameID(t *testing.T) {
	t.Parallel()
	c, effects := started(t, opening(), rules())
	made := c.ChannelMade(only(t, effects, StepChannel).ID, "C0INC", t0)
	effects = append(slices.DeleteFunc(effects, func(e store.Effect) bool { return e.Kind == EffectKind(StepChannel) }), made...)
	again := c.Tick(t0.Add(time.Hour))
	if len(again) != len(effects) {
		t.Fatalf("%d effects planned, %d planned again", len(effects), len(again))
	}
	for i, e := range effects {
		if g := again[i]; g.ID != e.ID || g.Lane != e.Lane || g.Kind != e.Kind || g.Group != e.Group || g.Doc != e.Doc {
			t.Errorf("planned %+v, again %+v", e, g)
		}
	}
}
