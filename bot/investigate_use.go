package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/bot/incidents"
	"github.com/securitybot/securitybot/commands"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// What responders do with what they looked up: show it to everybody, open an
// incident about it, write it into one.

// The buttons below a look-up; actLookUpNote is also the callback of its dialog.
const (
	actLookUpShare    = "lookup.share"
	actLookUpIncident = "lookup.incident"
	actLookUpNote     = "lookup.note"
)

// keptLookUpTTL is how long the buttons below a look-up work.
const keptLookUpTTL = 24 * time.Hour

// lookUpUses are the buttons below a look-up. Without a store there are none: the
// answer is worth more than they are.
func (b *Bot) lookUpUses(ctx context.Context, q commands.Search, here bool) []message.Button {
	id := randomID()
	err := b.change(ctx, func(t *tx, _ time.Time) error {
		t.putRaw(searchDoc(id), mustJSON(keptSearch{Indicators: namesOf(q)}), keptLookUpTTL)
		return nil
	})
	if err != nil {
		b.log.Warn("a look-up has no buttons", "error", err)
		return nil
	}
	out := []message.Button{
		{Action: actLookUpIncident, Value: id, Label: "Open incident…", Hint: "Work on it in a channel of its own"},
		{Action: actLookUpNote, Value: id, Label: "Add to incident…", Hint: "Write it into the timeline of an open incident"},
	}
	if here {
		out = append(out, message.Button{Action: actLookUpShare, Value: id, Label: "Share here", Hint: "Show it to everybody in this channel"})
	}
	return out
}

func namesOf(q commands.Search) []string {
	var out []string
	for _, ind := range q.Indicators {
		out = append(out, ind.String())
	}
	return out
}

// keptLookUp reads what a button below a look-up is about. It never asks where
// the indicator's own servers see it.
func (b *Bot) keptLookUp(ctx context.Context, id string) (commands.Search, *message.Message, error) {
	var q commands.Search
	body, err := b.begin().loadRaw(ctx, searchDoc(id))
	if err != nil {
		return q, nil, err
	}
	var kept keptSearch
	if len(body) == 0 || json.Unmarshal(body, &kept) != nil || kept.User != "" {
		return q, refusal("This has waited too long. Please look it up again."), nil
	}
	if q, err = kept.search(); err != nil {
		return q, refusal("I cannot read any more what this was about. Please look it up again."), nil
	}
	return q, nil, nil
}

// lookUpShare shows a look-up to everybody in the channel, once, with what the
// person who shares it may see.
func (b *Bot) lookUpShare(ctx context.Context, a chat.Action) (chat.Reply, error) {
	q, no, err := b.keptLookUp(ctx, a.Value)
	if err != nil || no != nil {
		return chat.Reply{Message: no}, err
	}
	if refused := b.overLimit(a.User, len(q.Indicators)); refused != nil {
		return chat.Reply{Message: refused}, nil
	}
	err = b.changeAudited(ctx, func(t *tx, _ time.Time) error {
		t.marks = append(t.marks, seenMark("shared:"+a.Value+":"+a.Channel))
		return t.audit(ctx, lookUpRecord(a.User, q, true))
	})
	if errors.Is(err, store.ErrSeen) {
		return chat.Reply{Message: refusal("It is in this channel already.")}, nil
	}
	if refused := notRecorded(err); refused != nil {
		return chat.Reply{Message: refused}, nil
	}
	if err != nil {
		return chat.Reply{}, err
	}
	return chat.Reply{After: func(ctx context.Context) {
		b.share(ctx, chat.Command{User: a.User, Channel: a.Channel, ResponseURL: a.ResponseURL}, b.lookUp(ctx, a.User, q, false))
	}}, nil
}

// lookUpIncident opens the form for an incident about what was looked up.
func (b *Bot) lookUpIncident(ctx context.Context, a chat.Action) (chat.Reply, error) {
	q, no, err := b.keptLookUp(ctx, a.Value)
	if err != nil || no != nil {
		return chat.Reply{Message: no}, err
	}
	m := b.incidentForm(newIncident{Opening: incidents.Opening{Title: message.Cut("Traffic with "+strings.Join(namesOf(q), ", "), 120), Level: findings.High}}, nil)
	return chat.Reply{Modal: &m}, nil
}

// askLookUpNote asks into which incident, and what matters about it.
func (b *Bot) askLookUpNote(ctx context.Context, a chat.Action) (chat.Reply, error) {
	q, no, err := b.keptLookUp(ctx, a.Value)
	if err != nil || no != nil {
		return chat.Reply{Message: no}, err
	}
	open, err := b.openIncidents(ctx)
	if err != nil {
		return chat.Reply{}, err
	}
	seen, err := b.scopeOf(ctx, a.User)
	if err != nil {
		return chat.Reply{}, err
	}
	sees, err := b.seesIncidents(ctx, seen, open)
	if err != nil {
		return chat.Reply{}, err
	}
	open, _ = visible(open, sees)
	var choices []message.Option
	for _, c := range open {
		choices = append(choices, message.Option{Label: c.Ref() + " " + c.Title, Value: c.ID})
	}
	if len(choices) == 0 {
		return chat.Reply{Message: refusal("No incident is open. Press “Open incident…” to begin one.")}, nil
	}
	m := message.Modal{Callback: actLookUpNote, Private: a.Value, Title: "Add to an incident", Submit: "Add"}
	m.Parts = message.Message{}.Para(message.Text{}.Code(strings.Join(namesOf(q), ", ")).L(" goes into the timeline and the channel of the incident.")).Parts
	m = field(m, message.InputField{ID: "incident", Label: "Which incident?", Options: choices, Initial: choices[0].Value})
	m = field(m, message.InputField{ID: "text", Label: "What matters about it?", Multiline: true, MaxLen: 1000, Hint: "One or two sentences for those who work on the incident."})
	return chat.Reply{Modal: &m}, nil
}

func (b *Bot) takeLookUpNote(ctx context.Context, s chat.Submission) (chat.Reply, error) {
	q, no, err := b.keptLookUp(ctx, s.Private)
	if err != nil || no != nil {
		return chat.Reply{Message: no}, err
	}
	text := strings.TrimSpace(s.Values["text"])
	if text == "" {
		return chat.Reply{Errors: map[string]string{"text": "Please write a few words: an address alone tells nobody anything."}}, nil
	}
	text = fmt.Sprintf("%s: %s", strings.Join(namesOf(q), ", "), text)
	_, no, err = b.changeByHand(ctx, who{s.User, s.Team}, s.EnvelopeID, s.Values["incident"], "write into an incident's record", nil,
		func(c *incidents.Incident, now time.Time) ([]store.Effect, error) {
			return c.Note(s.User, incidents.KindNote, text, now)
		})
	return chat.Reply{Message: no}, err
}
