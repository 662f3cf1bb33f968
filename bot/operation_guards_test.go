package bot

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/awsir"
)

// noActor stands for one that must not be called.
type noActor struct{ Actor }

// bare is a bot with a store, and what it may act on.
func bare(t *testing.T, a Acting) *Bot {
	t.Helper()
	b, _ := writer(t, redistest.Mini(t).Addr(), AuditSettings{})
	b.acting = a
	return b
}

func TestWhereTheBotMayAct(t *testing.T) {
	t.Parallel()
	two := []string{"111122223333", "444455556666"}
	for name, c := range map[string]struct {
		acting          Acting
		account, region string
		want            string
	}{
		"not set up":               {Acting{Accounts: two}, "111122223333", "eu-west-1", "not set up"},
		"no accounts":              {Acting{Actor: noActor{}}, "111122223333", "eu-west-1", "aws_ir.accounts"},
		"another account":          {Acting{Actor: noActor{}, Accounts: two}, "777788889999", "eu-west-1", "aws_ir.accounts"},
		"part of an account":       {Acting{Actor: noActor{}, Accounts: two}, "11112222333", "eu-west-1", "aws_ir.accounts"},
		"no account at all":        {Acting{Actor: noActor{}, Accounts: two}, "", "eu-west-1", "aws_ir.accounts"},
		"its account":              {Acting{Actor: noActor{}, Accounts: two}, "444455556666", "af-south-1", ""},
		"its account, its region":  {Acting{Actor: noActor{}, Accounts: two, Regions: []string{"eu-west-1"}}, "444455556666", "eu-west-1", ""},
		"its account, other place": {Acting{Actor: noActor{}, Accounts: two, Regions: []string{"eu-west-1"}}, "444455556666", "eu-west-2", "aws_ir.regions"},
	} {
		b := &Bot{acting: c.acting}
		got := b.mayActOn(responders.Target{Account: c.account, Region: c.region, Instance: "i-0a1b2c3d4e5f60718"})
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestARecordIsWrittenOnce: the groups an instance had before it was isolated
// are those of the first who wrote them down, whoever comes later.
func TestARecordIsWrittenOnce(t *testing.T) {
	t.Parallel()
	b := bare(t, Acting{})
	r := records{b}
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { errs[i] = r.Put(t.Context(), "isolation/x", fmt.Appendf(nil, "%d", i)) })
	}
	wg.Wait()
	first := ""
	for i, err := range errs {
		switch {
		case err == nil && first == "":
			first = fmt.Sprint(i)
		case !errors.Is(err, awsir.ErrExists):
			t.Errorf("writer %d: %v", i, err)
		}
	}
	if body, found, err := r.Get(t.Context(), "isolation/x"); err != nil || !found || string(body) != first {
		t.Errorf("kept %q, %v, %v; want that of writer %s", body, found, err, first)
	}
	if _, found, err := r.Get(t.Context(), "isolation/y"); err != nil || found {
		t.Errorf("a record nobody wrote is found: %v", err)
	}
	for range 2 { // deleting is repeated after a crash
		if err := r.Delete(t.Context(), "isolation/x"); err != nil {
			t.Error(err)
		}
	}
	if err := r.Put(t.Context(), "isolation/x", []byte("new")); err != nil {
		t.Errorf("after it was deleted: %v", err)
	}
}

// TestPolicyStartsNothingThatNeedsPeople: whatever a decision says.
func TestPolicyStartsNothingThatNeedsPeople(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"isolate": "not something that runs by itself", "release": "not something that runs by itself", "burn": "not something that runs by itself", "": "not something that runs by itself"} {
		b := bare(t, Acting{Actor: noActor{}, Accounts: []string{"111122223333"}, PerHour: 10})
		tx := b.begin()
		c := &cases.Case{ID: "AAAAAAAAAAAAAAAAAAAAAAAAAA", Decision: &policy.Decision{Collect: []string{name}},
			Finding: &findings.Finding{Account: "111122223333", Region: "eu-west-1", Instance: findings.Instance{ID: "i-0a1b2c3d4e5f60718"}}}
		if err := b.collectOne(t.Context(), tx, c, name, b.clock.Now()); err != nil {
			t.Fatal(err)
		}
		if len(tx.effects)+len(tx.writes) != 0 || len(c.Timeline) != 1 || !strings.Contains(c.Timeline[0].What, want) {
			t.Errorf("%q: %d effects, %d writes, %v", name, len(tx.effects), len(tx.writes), c.Timeline)
		}
	}
}

// TestWithoutGuardDutysWordPolicyDoesNothing: when it cannot be asked at all, or
// the case is gone.
func TestWithoutGuardDutysWordPolicyDoesNothing(t *testing.T) {
	t.Parallel()
	b := bare(t, Acting{Actor: noActor{}})
	c := &cases.Case{ID: cases.IDOf("a finding"), Finding: &findings.Finding{ID: "f"}}
	o := &responders.Operation{About: responders.About{CaseID: c.ID}, Job: responders.Job{By: byPolicy}}
	if err := b.confirm(t.Context(), o); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "not kept any more") {
		t.Errorf("a case that is gone: %v", err)
	}
	body, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	err = b.store.Commit(t.Context(), store.Commit{Op: "case", Writes: []store.Write{{ID: cases.DocID(c.ID), Body: body}}})[0]
	if err != nil {
		t.Fatal(err)
	}
	if err := b.confirm(t.Context(), o); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "nothing is set up to ask it") {
		t.Errorf("nobody to ask: %v", err)
	}
}

// TestWhenPolicyTakesEvidence: for a real finding about an instance, when the
// bot may act at all.
func TestWhenPolicyTakesEvidence(t *testing.T) {
	t.Parallel()
	on := Acting{Actor: noActor{}}
	for name, c := range map[string]struct {
		acting Acting
		change func(*cases.Case)
		want   int
	}{
		"an instance":            {on, func(*cases.Case) {}, 1},
		"a sample":               {on, func(c *cases.Case) { c.Finding.Sample = true }, 0},
		"no instance":            {on, func(c *cases.Case) { c.Finding.Instance.ID = "" }, 0},
		"no finding":             {on, func(c *cases.Case) { c.Finding = nil }, 0},
		"no decision":            {on, func(c *cases.Case) { c.Decision = nil }, 0},
		"nothing to collect":     {on, func(c *cases.Case) { c.Decision.Collect = nil }, 0},
		"the bot may do nothing": {Acting{}, func(*cases.Case) {}, 0},
	} {
		b := &Bot{acting: c.acting}
		k := &cases.Case{ID: cases.IDOf("a finding"), Gen: 3, Decision: &policy.Decision{Collect: []string{"snapshot"}}, Finding: &findings.Finding{Instance: findings.Instance{ID: "i-0a1b2c3d4e5f60718"}}}
		c.change(k)
		tx := b.begin()
		b.collect(tx, k, time.Now())
		if len(tx.effects) != c.want {
			t.Errorf("%s: %d effects", name, len(tx.effects))
		}
		if c.want == 1 && (!wasPlannedFor(k, &tx.effects[0]) || wasPlannedFor(&cases.Case{ID: k.ID, Gen: 4}, &tx.effects[0]) || wasPlannedFor(&cases.Case{ID: k.ID, Gen: 30}, &tx.effects[0])) {
			t.Errorf("the effect %s is not of this generation alone", tx.effects[0].ID)
		}
		if told := len(k.Timeline) == 1; told != (name == "no instance") {
			t.Errorf("%s: %v", name, k.Timeline)
		}
	}
}
