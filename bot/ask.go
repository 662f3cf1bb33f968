package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/inquiries"
)

// personDoc remembers which questions a person has open, so that one person is
// asked at most one question a rule and only a few in all.
type personDoc struct {
	Open map[string]string `json:"o,omitempty"` // rule → inquiry id
	Day  string            `json:"d,omitempty"`
	N    int               `json:"n,omitempty"` // asked on Day
}

const (
	maxDailyAsked = 8
	personTTL     = 8 * 24 * time.Hour
)

func personDocID(e findings.Employee) string {
	if e.ChatID != "" {
		return "p:" + short("id:"+e.ChatID)
	}
	return "p:" + short("mail:"+e.Email)
}

// ask puts the question about a case to the employee it concerns: a new
// question, or more of one that is open already. Whoever cannot be asked, or
// was asked enough, is not a reason for silence: the case goes to the team.
func (b *Bot) ask(ctx context.Context, t *tx, c *cases.Case, f *findings.Finding, now time.Time) error {
	spec := policy.InquireSpec{}
	if c.Decision != nil && c.Decision.Inquire != nil {
		spec = *c.Decision.Inquire
	}
	if !c.Employee.Known || (c.Employee.Email == "" && c.Employee.ChatID == "") {
		b.notAsked(t, c, "nobody could be asked: "+orElse(c.Employee.Why, "the person behind it is not known"), now)
		return nil
	}
	id := personDocID(c.Employee)
	body, err := t.loadRaw(ctx, id)
	if err != nil {
		return err
	}
	var p personDoc
	if len(body) > 0 {
		if err := json.Unmarshal(body, &p); err != nil {
			return fmt.Errorf("decode person: %w", err)
		}
	}
	open, err := b.openQuestions(ctx, t, &p)
	if err != nil {
		return err
	}
	rule := c.Decision.Rule
	if q, ok := open[rule]; ok && q.CanJoin() {
		return b.joinQuestion(ctx, t, c, q, now)
	}
	if day := now.UTC().Format(time.DateOnly); p.Day != day {
		p.Day, p.N = day, 0
	}
	if len(open) >= b.cfg.MaxOpen || p.N >= maxDailyAsked {
		b.notAsked(t, c, "the person was asked enough questions already, so security is asked instead", now)
		return nil
	}
	q, effects := inquiries.New(randomID(), b.askFor(c, f, spec), now)
	c.Inquiry = q.ID
	if p.Open == nil {
		p.Open = map[string]string{}
	}
	p.Open[rule] = q.ID
	p.N++
	if body, err = json.Marshal(p); err != nil {
		return fmt.Errorf("encode person: %w", err)
	}
	t.putRaw(id, body, personTTL)
	b.metrics.asked.Inc()
	t.archiveQuestion(c, q, now)
	return b.applyInquiry(ctx, t, q, effects, now)
}

// notAsked gives a case that nobody can be asked about to the team.
func (b *Bot) notAsked(t *tx, c *cases.Case, why string, now time.Time) {
	step := insteadOfAsking(c)
	t.archiveNotAsked(c, step, now)
	t.plan(c.Decided(step, why, b.routes, now)...)
}

// insteadOfAsking is what happens to a case nobody can be asked about: what the
// rule says about silence, and never less than a ticket, or a page for a serious
// one.
func insteadOfAsking(c *cases.Case) policy.Step {
	step := policy.Ticket
	if c.Decision != nil && c.Decision.Inquire != nil && c.Decision.Inquire.OnTimeout.Compare(step) > 0 {
		step = c.Decision.Inquire.OnTimeout
	}
	if l := findings.LevelOf(c.Severity); l == findings.High || l == findings.Critical {
		step = policy.Page
	}
	return step
}

// openQuestions loads the person's questions and forgets those that ended.
func (b *Bot) openQuestions(ctx context.Context, t *tx, p *personDoc) (map[string]inquiries.Inquiry, error) {
	ids := make([]string, 0, len(p.Open))
	for _, id := range p.Open {
		ids = append(ids, inquiryDoc(id))
	}
	if err := t.load(ctx, ids...); err != nil {
		return nil, err
	}
	open := map[string]inquiries.Inquiry{}
	for rule, id := range p.Open {
		q, known, err := t.loadInquiry(ctx, id)
		if err != nil {
			return nil, err
		}
		if known && q.Open() {
			open[rule] = q
		} else {
			delete(p.Open, rule)
		}
	}
	return open, nil
}

func (b *Bot) joinQuestion(ctx context.Context, t *tx, c *cases.Case, q inquiries.Inquiry, now time.Time) error {
	c.Inquiry = q.ID
	c.Note(now, "added to the question that is open already")
	spec := policy.InquireSpec{}
	if c.Decision.Inquire != nil {
		spec = *c.Decision.Inquire
	}
	a := b.askFor(c, c.Finding, spec)
	next, effects, _ := q.Apply(inquiries.Joined{CaseID: c.ID, Level: a.Level, About: a.About}, now)
	b.metrics.folded.WithLabelValues("question").Inc()
	t.archiveQuestion(c, next, now)
	return b.applyInquiry(ctx, t, next, effects, now)
}

// askFor describes a case to the person asked.
func (b *Bot) askFor(c *cases.Case, f *findings.Finding, spec policy.InquireSpec) inquiries.Ask {
	about := inquiries.About{Sentence: f.AskSentence(), Account: f.Account, Region: f.Region, Place: placeOf(f), Resource: resourceOf(f), Service: f.API, At: lastSeen(f)}
	if c.Decision != nil && c.Decision.Say != "" {
		about.Sentence = c.Decision.Say
	}
	about.Details = append(about.Details, caseFields(c)...)
	if spec.Timeout == 0 {
		spec.Timeout = b.cfg.Timeouts[findings.LevelOf(c.Severity)]
	}
	return inquiries.Ask{Command: b.cfg.Command, Ref: c.Ref(), CaseID: c.ID, Rule: c.Decision.Rule, Level: findings.LevelOf(c.Severity), Spec: spec,
		Person: inquiries.Person{Email: c.Employee.Email, ChatID: c.Employee.ChatID, Name: c.Employee.Name, Why: c.Employee.Why, TZ: b.cfg.Zone}, About: about}
}

// inquiryDoc is the store's name of an inquiry document.
func inquiryDoc(id string) string { return "q:" + id }

func encodeInquiry(q inquiries.Inquiry) ([]byte, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("encode inquiry: %w", err)
	}
	return body, nil
}

func (t *tx) loadInquiry(ctx context.Context, id string) (inquiries.Inquiry, bool, error) {
	body, err := t.loadRaw(ctx, inquiryDoc(id))
	if err != nil || len(body) == 0 {
		return inquiries.Inquiry{}, false, err
	}
	var q inquiries.Inquiry
	if err := json.Unmarshal(body, &q); err != nil {
		return q, false, fmt.Errorf("decode inquiry: %w", err)
	}
	return q, true, nil
}

// changeInquiry applies an event to an inquiry and to the cases it is about, in
// one commit. The reply is the engine's to whoever caused the event.
func (b *Bot) changeInquiry(ctx context.Context, id string, prepare func(t *tx), event func(q inquiries.Inquiry) inquiries.Event) (inquiries.Reply, bool, error) {
	var reply inquiries.Reply
	known := false
	err := b.change(ctx, func(t *tx, now time.Time) error {
		q, ok, err := t.loadInquiry(ctx, id)
		if err != nil {
			return err
		}
		if prepare != nil {
			prepare(t)
		}
		if known = ok; !ok {
			return nil // what prepare asked for is still committed: an effect of a lost inquiry ends
		}
		next, effects, r := q.Apply(event(q), now)
		reply = r
		return b.applyInquiry(ctx, t, next, effects, now)
	})
	return reply, known, err
}

func (b *Bot) tickInquiry(ctx context.Context, id string) error {
	_, _, err := b.changeInquiry(ctx, id, nil, func(inquiries.Inquiry) inquiries.Event { return inquiries.Clock{} })
	return err
}

// withdraw closes the loop with the person asked: their answer is no longer
// needed, or what they reported has been looked at.
func (b *Bot) withdraw(ctx context.Context, t *tx, id string, now time.Time) error {
	if id == "" {
		return nil
	}
	q, known, err := t.loadInquiry(ctx, id)
	if err != nil || !known {
		return err
	}
	for _, other := range q.Cases {
		c, err := t.loadCase(ctx, other)
		if err != nil {
			return err
		}
		if c.IsOpen() {
			return nil // the question is still about another open case
		}
	}
	next, effects, _ := q.Apply(inquiries.Withdrawn{Why: "security looked at it"}, now)
	return b.applyInquiry(ctx, t, next, effects, now)
}

// checkAsked makes sure that a case that waits for an answer has somebody
// waiting for it: a lost question is escalated.
func (b *Bot) checkAsked(ctx context.Context, t *tx, c *cases.Case, now time.Time) error {
	q, known, err := t.loadInquiry(ctx, c.Inquiry)
	if err != nil {
		return err
	}
	if known && q.Open() && slices.Contains(q.Cases, c.ID) {
		return nil
	}
	b.log.Error("a case waited for a question that does not exist: paging", "case", c.Ref())
	t.plan(c.Decided(policy.Page, "the question to the employee was lost", b.routes, now)...)
	return nil
}

var (
	errNobody = errors.New("there is nobody in chat who can be asked")
	errGone   = errors.New("the chat account is deactivated")
)
