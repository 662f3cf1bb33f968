package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/lookup"
	"github.com/securitybot/securitybot/inquiries"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/responders/inventory"
	"github.com/securitybot/securitybot/responders/trail"
)

// history tells what we ourselves know about an indicator: what the store has,
// at once, and what AWS says, when it has answered. Of accounts that the person
// who asks does not look after it tells only that there is something.
type history struct {
	b    *Bot
	user string
}

// Bounds of a history, so that it stays a part of one screen.
const (
	historyCases = 5
	historyOf    = 4               // questions, people, machines
	historyAWS   = 2 * time.Second // for AWS
	historyCalls = 3               // credentials whose calls are looked at
)

// About implements lookup.History.
func (h history) About(ctx context.Context, ind lookup.Indicator) ([]lookup.Section, error) {
	return h.Grow(ctx, ind, func([]lookup.Section) {})
}

// Grow implements lookup.GrowingHistory. What cannot be found out is named and
// costs nothing else.
func (h history) Grow(ctx context.Context, ind lookup.Indicator, grown func([]lookup.Section)) ([]lookup.Section, error) {
	b := h.b
	seen, err := b.scopeOf(ctx, h.user)
	if err != nil {
		return nil, fmt.Errorf("find out what somebody may see: %w", err)
	}
	found, err := b.casesNaming(ctx, ind)
	if err != nil {
		return nil, fmt.Errorf("read what we know of an indicator: %w", err)
	}
	found, hidden := visible(found, seen.seesCase)
	out := []lookup.Section{caseHistory(found, hidden), b.questionHistory(ctx, found)}
	if ind.Kind != lookup.IP {
		return out, nil
	}
	out = append(out, b.peopleHistory(ctx, ind.Addr))
	if b.looking.inventory == nil && b.looking.trail == nil {
		return out, nil
	}
	grown(slices.Clone(out))
	ctx, cancel := context.WithTimeout(ctx, historyAWS)
	defer cancel()
	more := make([]lookup.Section, 2)
	var group sync.WaitGroup
	group.Go(func() { more[0] = b.machineHistory(ctx, ind.Addr, seen) })
	group.Go(func() { more[1] = b.callHistory(ctx, ind.Addr, found) })
	group.Wait()
	return append(out, more...), nil
}

// missing is the line about a part that could not be found out.
func missing(what string) message.Text {
	return message.L(what + " could not be read just now; this part is missing")
}

func caseHistory(found []*cases.Case, hidden int) lookup.Section {
	s := lookup.Section{Title: "Cases"}
	for k, c := range found {
		if k == historyCases {
			s.Lines = append(s.Lines, message.L(fmt.Sprintf("and %d more", len(found)-k)))
			break
		}
		t := message.Text{}.Code(c.Ref()).L(" · " + levelWord(c.Severity) + " · ")
		if c.IsOpen() {
			t = t.L(string(c.Status))
		} else {
			t = t.L("closed: " + verdictWords(c.Outcome))
		}
		if c.Finding != nil {
			t = t.L(" · " + message.Cut(headline(c), 90) + " · ").V(orElse(c.Finding.Account, "unknown account"))
		}
		if c.Count > 1 {
			t = t.L(fmt.Sprintf(" · %d times", c.Count))
		}
		s.Lines = append(s.Lines, t.L(" · ").At(c.Opened))
	}
	if hidden > 0 {
		s.Lines = append(s.Lines, message.L(fmt.Sprintf("%d in AWS accounts you do not look after", hidden)))
	}
	return s
}

// questionHistory says who was asked about the cases and what they said.
func (b *Bot) questionHistory(ctx context.Context, found []*cases.Case) lookup.Section {
	s := lookup.Section{Title: "Questions"}
	t := b.begin()
	for _, c := range found[:min(len(found), historyCases)] {
		if c.Inquiry == "" || len(s.Lines) == historyOf {
			continue
		}
		q, known, err := t.loadInquiry(ctx, c.Inquiry)
		if err != nil {
			b.log.Warn("a question cannot be read", "case", c.Ref(), "error", err)
			s.Lines = append(s.Lines, missing("The question about "+c.Ref()))
		} else if known {
			who := cmp.Or(q.Person.Name, q.Person.Email, "somebody")
			s.Lines = append(s.Lines, message.Text{}.V(who).L(" was asked ").At(q.AskedAt).L(" ("+c.Ref()+"): "+answerWords(q)))
		}
	}
	return s
}

// answerWords is where a question stands.
func answerWords(q inquiries.Inquiry) string {
	switch {
	case q.Status == inquiries.StatusNo || q.Status == inquiries.StatusRefused:
		return "said that it was not them"
	case q.Status == inquiries.StatusYes || q.Status == inquiries.StatusVerified:
		return "said that it was them"
	case q.Status == inquiries.StatusUnverified:
		return "said that it was them, without proof"
	case q.Status == inquiries.StatusUnsure:
		return "was not sure"
	case q.Status == inquiries.StatusExpired:
		return "did not answer"
	case q.Status == inquiries.StatusUndeliverable:
		return "could not be reached"
	case q.Open():
		return "has not answered yet"
	}
	return "the question was withdrawn"
}

func (b *Bot) peopleHistory(ctx context.Context, ip netip.Addr) lookup.Section {
	s := lookup.Section{Title: "Employees seen under it in 24 hours"}
	seen, err := b.SeenUnder(ctx, ip)
	if err != nil {
		b.log.Warn("who was seen under an address cannot be read", "error", err)
		s.Lines = append(s.Lines, missing("Who was seen under it"))
	}
	for _, one := range seen[:min(len(seen), historyOf)] {
		s.Lines = append(s.Lines, message.Text{}.V(orElse(one.Name, one.Email)).L(" ").At(one.At))
	}
	if more := len(seen) - historyOf; more > 0 {
		s.Lines = append(s.Lines, message.L(fmt.Sprintf("and %d more", more)))
	}
	return s
}

// machineHistory says which of our machines has the address now.
func (b *Bot) machineHistory(ctx context.Context, ip netip.Addr, seen scope) lookup.Section {
	s := lookup.Section{Title: "Ours, now"}
	if b.looking.inventory == nil {
		return s
	}
	holders, err := b.looking.inventory.Holders(ctx, ip)
	holders, hidden := visible(holders, func(h inventory.Holding) bool { return seen.sees(h.Account) })
	for _, one := range holders[:min(len(holders), historyOf)] {
		s.Lines = append(s.Lines, holdingWords(one))
	}
	if more := len(holders) - historyOf; more > 0 {
		s.Lines = append(s.Lines, message.L(fmt.Sprintf("and %d more", more)))
	}
	if hidden > 0 {
		s.Lines = append(s.Lines, message.L("a machine in an AWS account you do not look after"))
	}
	if err != nil {
		b.log.Warn("the inventory of machines is not complete", "error", err)
		s.Lines = append(s.Lines, message.L("not all accounts could be asked which machine has it"))
	}
	return s
}

func holdingWords(h inventory.Holding) message.Text {
	t := message.Text{}.V(h.Account + " " + h.Region).L(": ")
	switch {
	case h.Instance != "":
		return t.L("instance ").Code(h.Instance)
	case h.Interface != "":
		t = t.L("interface ").Code(h.Interface)
		if h.About != "" {
			t = t.L(" ").V(message.Cut(h.About, 80))
		}
		return t
	}
	return t.L("an elastic address that is attached to nothing")
}

// callHistory says what the credentials that cases name did from the address.
// CloudTrail cannot be searched by address alone.
func (b *Bot) callHistory(ctx context.Context, ip netip.Addr, found []*cases.Case) lookup.Section {
	s := lookup.Section{Title: "API calls"}
	if b.looking.trail == nil {
		return s
	}
	asked := b.callQuestions(ip, found)
	lines := make([]message.Text, len(asked))
	var group sync.WaitGroup
	for k, a := range asked {
		group.Go(func() {
			calls, err := b.looking.trail.ByAddress(ctx, a.Question)
			if err != nil {
				if !errors.Is(err, context.DeadlineExceeded) {
					b.log.Warn("API calls cannot be read", "case", a.ref, "error", err)
				}
				lines[k] = missing("What the credentials of " + a.ref + " did")
				return
			}
			lines[k] = message.Text{}.Code(a.ref).L(" ").V(callsLine(ip, calls))
		})
	}
	group.Wait()
	s.Lines = lines
	return s
}

type callQuestion struct {
	trail.Question
	ref string
}

// callQuestions are the credentials that cases name, each once.
func (b *Bot) callQuestions(ip netip.Addr, found []*cases.Case) []callQuestion {
	var out []callQuestion
	now := b.clock.Now()
	for _, c := range found {
		f := c.Finding
		if f == nil || len(out) == historyCalls {
			continue
		}
		q := trail.Question{Account: f.Account, Region: f.Region, AccessKey: f.Principal.AccessKeyID, User: trailUser(f.Principal), Address: ip, From: now.Add(-callsWindow), To: now}
		if q.AccessKey == "" && q.User == "" || q.Account == "" || q.Region == "" {
			continue
		}
		if !slices.ContainsFunc(out, func(o callQuestion) bool { return o.Question == q }) {
			out = append(out, callQuestion{q, c.Ref()})
		}
	}
	return out
}

// names says whether a finding is about an indicator: its other end, one of our
// addresses in it, or its domain or one below.
func names(f *findings.Finding, ind lookup.Indicator) bool {
	if ind.Kind == lookup.Domain {
		name := strings.ToLower(strings.TrimSuffix(f.Domain, "."))
		return name == ind.Name || strings.HasSuffix(name, "."+ind.Name)
	}
	is := func(a netip.Addr) bool { return a.IsValid() && a.Unmap().WithZone("") == ind.Addr }
	if slices.ContainsFunc(f.Remote, func(r findings.Remote) bool { return is(r.IP) }) {
		return true
	}
	return slices.ContainsFunc(slices.Concat(f.Instance.PublicIPs, f.Instance.PrivateIPs), func(s string) bool {
		a, err := netip.ParseAddr(s)
		return err == nil && is(a)
	})
}
