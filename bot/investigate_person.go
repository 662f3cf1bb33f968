package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/commands"
	"github.com/securitybot/securitybot/findings/lookup"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// The buttons of look-ups.
const (
	actLookUpLoud = "lookup.loud"
	actLookUpCase = "lookup.case"
)

func lookUpButtons() map[string]door[chat.Action] {
	return map[string]door[chat.Action]{
		actLookUpLoud:     {actLookUp, (*Bot).lookUpLoud},
		actLookUpCase:     {actLookUp, (*Bot).lookUpCase},
		actLookUpShare:    {actLookUp, (*Bot).lookUpShare},
		actLookUpIncident: {actIncident, (*Bot).lookUpIncident},
		actLookUpNote:     {actIncident, (*Bot).askLookUpNote},
	}
}

func lookUpDialogs() map[string]door[chat.Submission] {
	return map[string]door[chat.Submission]{
		commands.LookUpDialog: {actLookUp, (*Bot).takeLookUp},
		actLookUpNote:         {actIncident, (*Bot).takeLookUpNote},
	}
}

// loudTTL is how long a loud look-up waits for the word.
const loudTTL = 15 * time.Minute

// keptSearch is a look-up that a button leads back to.
type keptSearch struct {
	User       string   `json:"u"` // of a loud one, that waits for this person's word; empty of one that was answered
	Indicators []string `json:"i"`
	Share      bool     `json:"s,omitempty"` // of a loud one
}

func searchDoc(id string) string { return "l:" + id }

// search reads what was kept.
func (k keptSearch) search() (q commands.Search, err error) {
	for _, s := range k.Indicators {
		ind, err := lookup.Parse(s)
		if err != nil {
			return q, err
		}
		q.Indicators = append(q.Indicators, ind)
	}
	return q, nil
}

// warnLoud says what a loud look-up gives away, and asks nobody yet.
func (b *Bot) warnLoud(ctx context.Context, r commands.Request, q commands.Search) (commands.Reply, error) {
	id := randomID()
	ask := keptSearch{User: r.User, Share: r.Share}
	t := message.L("This also asks the name servers of ")
	for k, ind := range q.Indicators {
		ask.Indicators = append(ask.Indicators, ind.String())
		if k > 0 {
			t = t.L(", ")
		}
		t = t.V(ind.String())
	}
	err := b.change(ctx, func(t *tx, _ time.Time) error {
		t.putRaw(searchDoc(id), mustJSON(ask), loudTTL)
		return nil
	})
	if err != nil {
		return commands.Reply{}, fmt.Errorf("keep a loud look-up: %w", err)
	}
	m := message.Message{}.Para(t.L(". Whoever runs them can see that somebody is interested, and may change or remove what you want to see. Nobody was asked yet."))
	m.Parts = append(m.Parts, q.Others.Parts...)
	m = m.Actions(message.Button{Action: actLookUpLoud, Value: id, Label: "Ask them all the same", Style: message.Danger, Hint: "This is written to the audit log"})
	return commands.Say(m.Note(message.L("Without the word ").Code("loud").L(" nobody is asked who could tell them."))), nil
}

// lookUpLoud is the word: it is recorded first, counts once, and only from who
// asked.
func (b *Bot) lookUpLoud(ctx context.Context, a chat.Action) (chat.Reply, error) {
	body, err := b.begin().loadRaw(ctx, searchDoc(a.Value))
	if err != nil {
		return chat.Reply{}, err
	}
	var ask keptSearch
	if len(body) == 0 || json.Unmarshal(body, &ask) != nil {
		return chat.Reply{Message: refusal("This has waited too long. Please type the command again.")}, nil
	}
	if ask.User != a.User {
		return chat.Reply{Message: refusal("Only who typed the command can press this.")}, nil
	}
	q, err := ask.search()
	if err != nil {
		return chat.Reply{Message: refusal("I cannot read any more what this was about. Please type the command again.")}, nil
	}
	q.Loud = true
	err = b.changeAudited(ctx, func(t *tx, _ time.Time) error {
		t.marks = append(t.marks, seenMark("loud:"+a.Value))
		return t.audit(ctx, lookUpRecord(a.User, q, ask.Share))
	})
	if errors.Is(err, store.ErrSeen) {
		return chat.Reply{}, nil // pressed twice: it is under way
	}
	if refused := notRecorded(err); refused != nil {
		return chat.Reply{Message: refused}, nil
	}
	if err != nil {
		return chat.Reply{}, err
	}
	return chat.Reply{After: func(ctx context.Context) {
		out := b.lookUp(ctx, a.User, q, !ask.Share)
		if ask.Share {
			b.share(ctx, chat.Command{User: a.User, Channel: a.Channel, ResponseURL: a.ResponseURL}, out)
			return
		}
		b.respond(ctx, a.ResponseURL, out, true)
	}}, nil
}

// takeLookUp reads the dialog that asks what to look up. A dialog cannot grow,
// so what comes later goes to the person's messages with the bot.
func (b *Bot) takeLookUp(ctx context.Context, s chat.Submission) (chat.Reply, error) {
	q := commands.ReadLookUp(s.Values[commands.LookUpField])
	if len(q.Indicators) == 0 {
		return chat.Reply{Errors: map[string]string{commands.LookUpField: plainWords(q.Others)}}, nil
	}
	if refused := b.overLimit(s.User, len(q.Indicators)); refused != nil {
		return chat.Reply{Message: refused}, nil
	}
	b.auditLookUp(ctx, s.User, q, false)
	out := b.lookUp(ctx, s.User, q, false)
	reply := chat.Reply{Message: &out.Message}
	if out.Follow != nil {
		m := out.Message.Note(message.L("The rest follows in your messages with me."))
		reply.Message, reply.After = &m, func(ctx context.Context) { b.direct(ctx, s.User, out) }
	}
	return reply, nil
}

// plainWords is what a message says in our own words: what was typed is not
// repeated under the field it stands in.
func plainWords(m message.Message) string {
	var out strings.Builder
	for _, p := range m.Parts {
		for _, s := range p.Text {
			if s.Kind == message.Literal {
				out.WriteString(strings.TrimPrefix(s.S, ": ") + " ")
			}
		}
	}
	return strings.TrimSpace(out.String())
}

// lookUpButton offers to look up what a case names; false when there is nothing
// to look up.
func (b *Bot) lookUpButton(c *cases.Case) (message.Button, bool) {
	named := namedBy(c, 2)
	if b.lookups == nil || len(named) == 0 {
		return message.Button{}, false
	}
	label := "Look up the domain"
	if ind := named[0]; ind.Kind == lookup.IP {
		label = "Look up " + ind.String()
	}
	return message.Button{Action: actLookUpCase, Value: c.ID, Label: label, Hint: "Show what is known about the other end"}, true
}

// lookUpCase looks up what a case names.
func (b *Bot) lookUpCase(ctx context.Context, a chat.Action) (chat.Reply, error) {
	c, err := b.readCase(ctx, a.Value)
	if err != nil {
		return chat.Reply{}, err
	}
	if refused := b.authorise(ctx, who{a.User, a.Team}, actLookUp, objectOf(c)); refused != nil {
		return chat.Reply{Message: refused}, nil
	}
	q := commands.Search{Indicators: namedBy(c, 2)}
	if len(q.Indicators) == 0 || b.lookups == nil {
		return chat.Reply{Message: refusal("This case names nothing that I can look up any more.")}, nil
	}
	if refused := b.overLimit(a.User, len(q.Indicators)); refused != nil {
		return chat.Reply{Message: refused}, nil
	}
	b.auditLookUp(ctx, a.User, q, false)
	return chat.Reply{After: func(ctx context.Context) {
		out := b.lookUp(ctx, a.User, q, a.ResponseURL != "")
		if a.ResponseURL == "" { // from a dialog
			b.direct(ctx, a.User, out)
			return
		}
		b.respond(ctx, a.ResponseURL, out, false)
	}}, nil
}
