package bot

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/responders/thehive"
)

// What TheHive is told about cases.

// alertOf describes a case as it is now.
func (b *Bot) alertOf(c *cases.Case, ref string) thehive.Alert {
	a := thehive.Alert{Type: "finding", Ref: ref, Title: message.Text{}.Code(c.Ref()), Level: findings.LevelOf(c.Severity), At: c.Opened,
		Tags: []string{"securitybot:" + c.Ref()}}
	f := c.Finding
	if f == nil {
		a.Description = message.Message{}.Para(message.L("The details of this case are no longer kept."))
		return a
	}
	a.Title = message.L(headline(c) + " · ").V(orElse(f.Account, "unknown account")).L(" · ").V(c.Ref())
	if at := lastSeen(f); !at.IsZero() && c.Opened.IsZero() {
		a.At = at
	}
	fields := caseFields(c)
	if name := strings.TrimSpace(c.Employee.Name + " " + c.Employee.Email); name != "" {
		fields = append(fields, message.Field{Label: "Employee", Text: message.Text{}.V(name)})
	}
	if c.Owner.Team != "" {
		fields = append(fields, message.Field{Label: "Owner", Text: message.Text{}.V(c.Owner.Team).L(" (").V(c.Owner.Why).L(")")})
	}
	a.Description = message.Message{}.Title(message.L(headline(c))).Fields(fields...).Para(decisionText(c)).
		Note(message.L("Type ").Code(f.Type).L(" · severity " + strconv.FormatFloat(c.Severity, 'f', 1, 64)).L(" · id ").Code(f.ID).L(" · ").Code(c.Ref()))
	a.Tags = append(a.Tags, f.Type, "source:"+f.Source, "account:"+f.Account, "region:"+f.Region, "group:"+string(findings.GroupOf(f)))
	if c.Decision != nil {
		a.Tags = append(a.Tags, "rule:"+c.Decision.Rule)
	}
	if f.Sample {
		a.Tags = append(a.Tags, "sample")
	}
	a.Observables = observablesOf(f)
	return a
}

// observablesOf are the things a finding is about. None is marked as a sign of
// an attack: a remote address may be an employee's home.
func observablesOf(f *findings.Finding) []thehive.Observable {
	var out []thehive.Observable
	add := func(kind, data, says string, tags ...string) {
		if data != "" {
			out = append(out, thehive.Observable{Type: kind, Data: data, Message: says, Tags: tags, Sighted: true})
		}
	}
	for _, ip := range f.RemoteIPs() {
		add("ip", ip.String(), "the other end", "remote")
	}
	add("domain", strings.TrimSuffix(f.Domain, "."), "the name that was looked up", "remote")
	add("other", f.Instance.ID, "the instance concerned", "instance")
	for _, r := range f.Resources {
		if r != f.Instance.ID {
			add("other", r, "a resource concerned", "resource")
		}
	}
	add("other", strings.TrimSpace(f.Principal.Name+" "+f.Principal.Session), "whose credentials were used", "principal")
	add("other", f.Principal.AccessKeyID, "the access key that was used", "access-key")
	add("user-agent", f.UserAgent, "what the caller said it is", "remote")
	return out
}

// nameTime bounds the look-up of a name for a comment; without it, the id will
// do.
const nameTime = 2 * time.Second

// commentOf writes a comment. All paragraphs are values: outside text may be in
// any of them.
func (b *Bot) commentOf(ctx context.Context, l cases.Line) message.Message {
	m := message.Message{}
	if l.Outcome != "" {
		t := message.L("Closed")
		if l.By != "" {
			t = t.L(" by ").V(b.nameOf(ctx, l.By))
		}
		m = m.Para(t.L(". Verdict: " + outcomeWords(l.Outcome) + "."))
	}
	for _, p := range l.Text {
		if strings.TrimSpace(p) != "" {
			m = m.Para(message.Text{}.V(p))
		}
	}
	return m.Note(message.Text{}.At(l.At))
}

func (b *Bot) nameOf(ctx context.Context, id string) string {
	ctx, cancel := context.WithTimeout(ctx, nameTime)
	defer cancel()
	u, err := b.slack.User(ctx, id)
	if err != nil || u.Name == "" {
		return id
	}
	return u.Name
}

func outcomeWords(o cases.Outcome) string {
	if o == cases.Confirmed {
		return "the person it concerns said that it was them"
	}
	return verdictWords(o)
}

// verdictOf is how TheHive is told that a case ended.
func verdictOf(o cases.Outcome) thehive.Outcome {
	switch o {
	case cases.TruePositive:
		return thehive.TruePositive
	case cases.FalsePositive:
		return thehive.FalsePositive
	case cases.Benign, cases.Confirmed:
		return thehive.Benign
	case cases.Duplicate:
		return thehive.Duplicate
	}
	return thehive.Undecided
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// withRecord adds the way to the record of a case. Where the host is not one
// that may be linked to, the words alone say where to look.
func (b *Bot) withRecord(t message.Text, c *cases.Case) message.Text {
	if b.hive == nil || c.Record == nil || c.Record.Kept.ID == "" {
		return t
	}
	r := recordAt(c.Record.Kept)
	label := "alert " + r.ID + " in TheHive"
	if home := r.Home(); home.Kind == thehive.CaseRecord {
		label = "case #" + strconv.Itoa(home.Number) + " in TheHive"
	}
	return t.L(" · ").Link(label, b.hive.Link(r))
}
