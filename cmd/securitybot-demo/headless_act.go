package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// Scenes about what responders look up, and what is done to machines.

// lookups asks about the address in Ana's finding, and about a domain.
func (s *script) lookups() error {
	if err := s.slash(s.world.Omar, s.world.Security.ID, "ip "+farAway(s.demo.last["ana"])); err != nil {
		return err
	}
	if err := s.told(s.world.Omar, "Seen by us", "SB-"); err != nil {
		return err
	}
	s.tell("Omar types /ir ip and the address in Ana's finding: at once he sees her case.")
	if err := s.told(s.world.Omar, "Complete after", "EXAMPLE-HOSTING", "No answer: ", "GreyNoise", "urlscan.io"); err != nil {
		return err
	}
	s.tell("The rest arrives as it comes. GreyNoise hangs and urlscan.io is broken: both are named.")
	if err := s.slash(s.world.Omar, s.world.Security.ID, "domain hxxps://pool[.]miner[.]example/x"); err != nil {
		return err
	}
	if err := s.told(s.world.Omar, "pool[.]miner[.]example", "Complete after", "Not asked: DNS"); err != nil {
		return err
	}
	s.tell("/ir domain, pasted as it stood in an alert. Its own servers are not asked, so they do not see it.")
	return nil
}

// evidence follows a finding nobody has to press anything for.
func (s *script) evidence() error {
	if err := s.send("miner"); err != nil {
		return err
	}
	s.tell("A server is mining. GuardDuty knows the finding, so evidence is taken at once and by itself.")
	for _, what := range []struct{ title, tell string }{
		{"Snapshot", "Both volumes of %s are copied, and the copies are complete."},
		{"Osquery", "osquery was asked on %s; the answer is in the evidence bucket, with its hash."},
	} {
		m, err := s.message(s.world.Security.ID, what.title, idOf(builder))
		if err != nil {
			return err
		}
		if _, err := s.edited(m, "Done", "Evidence"); err != nil {
			return err
		}
		s.tell(what.tell, "build-7")
	}
	snaps, objects := s.demo.backups(idOf(builder)), s.demo.evidence()
	if len(snaps) != 2 || slices.ContainsFunc(snaps, func(b backup) bool { return b.State != "completed" }) {
		return fmt.Errorf("step %d: the snapshots are %+v", s.step, snaps)
	}
	if !slices.ContainsFunc(objects, func(o awsfake.Object) bool { return strings.HasSuffix(o.Key, "osquery.json") }) {
		return fmt.Errorf("step %d: no answer of osquery is in the bucket", s.step)
	}
	return nil
}

// forged shows a finding that only pretends.
func (s *script) forged() error {
	if err := s.send("forged"); err != nil {
		return err
	}
	if _, err := s.message(s.world.Security.ID, idOf(ledger), "Not done", "GuardDuty does not know this finding"); err != nil {
		return err
	}
	if n := len(s.demo.backups(idOf(ledger))); n != 0 {
		return fmt.Errorf("step %d: %d snapshots because of a forged finding", s.step+1, n)
	}
	s.tell("The same about ledger-db, written into the queue by somebody else: GuardDuty does not know it, and nothing is done.")
	return nil
}

// contain isolates and releases, each with a second person.
func (s *script) contain() error {
	before := s.groups()
	if err := s.slash(s.world.Omar, s.world.Security.ID, "isolate "+idOf(builder)+" reason=it mines coins"); err != nil {
		return err
	}
	card, err := s.message(s.world.Security.ID, "Isolate", idOf(builder), "Approve")
	if err != nil {
		return err
	}
	s.tell("Omar types /ir isolate. The bot has looked, and shows what it would do.")
	if err := s.click(s.world.Omar, card, "Approve"); err != nil {
		return err
	}
	if err := s.told(s.world.Omar, "Only an approver can do this"); err != nil {
		return err
	}
	s.tell("Omar presses Approve himself and is refused.")
	if err := s.click(s.world.Mei, card, "Approve"); err != nil {
		return err
	}
	done, err := s.edited(card, "Done", "Release…", "Still possible")
	if err != nil {
		return err
	}
	if maps.EqualFunc(before, s.groups(), slices.Equal[[]string]) || !s.isolated() {
		return fmt.Errorf("step %d: the interfaces have the groups %v", s.step+1, s.groups())
	}
	s.tell("Mei approves. Every interface of build-7 is cut off, which was read back, and what is still possible is said.")
	return s.release(before, done)
}

func (s *script) release(before map[string][]string, done slackfake.Message) error {
	if err := s.click(s.world.Mei, done, "Release…"); err != nil {
		return err
	}
	if err := s.submit(s.world.Mei, map[string]string{"reason": "the machine was built anew"}); err != nil {
		return err
	}
	card, err := s.message(s.world.Security.ID, "Release", idOf(builder), "Approve", "built anew")
	if err != nil {
		return err
	}
	if err := s.click(s.world.Mei, card, "Approve"); err != nil {
		return err
	}
	if err := s.told(s.world.Mei, "You asked for this yourself"); err != nil {
		return err
	}
	s.tell("Mei asks for its release. She is an approver, but not of her own request.")
	if err := s.click(slackfake.User{ID: noor}, card, "Approve"); err != nil {
		return err
	}
	if _, err := s.edited(card, "Done"); err != nil {
		return err
	}
	if after := s.groups(); !maps.EqualFunc(before, after, slices.Equal[[]string]) {
		return fmt.Errorf("step %d: the groups were %v and are %v", s.step+1, before, after)
	}
	s.tell("Noor approves. build-7 has exactly the groups it had before.")
	return nil
}

// alone begins an isolation without a second person, which everybody hears of.
func (s *script) alone() error {
	if err := s.slash(s.world.Mei, s.world.Security.ID, "isolate "+idOf(bastion)+" account="+account+" region="+region+" reason=it sends data out"); err != nil {
		return err
	}
	card, err := s.message(s.world.Security.ID, "Isolate", idOf(bastion), "Nobody else can be reached…")
	if err != nil {
		return err
	}
	s.world.Forward(5*time.Minute + time.Second)
	s.tell("At night Mei asks to isolate pay-bastion. Five minutes later no other approver has answered.")
	if err := s.click(s.world.Mei, card, "Nobody else can be reached…"); err != nil {
		return err
	}
	if err := s.submit(s.world.Mei, map[string]string{"reason": "Noor does not answer the phone, and data leaves now"}); err != nil {
		return err
	}
	if _, err := s.message(s.world.Security.ID, "Somebody acted without a second person", "data leaves now"); err != nil {
		return err
	}
	if _, err := s.edited(card, "Done", "alone, without a second person"); err != nil {
		return err
	}
	err = s.incidents(func(p pagerdutyfake.Snapshot) bool {
		return slices.ContainsFunc(p.Open(), func(i pagerdutyfake.Incident) bool { return strings.Contains(i.Summary, "without a second person") })
	})
	if err != nil {
		return err
	}
	s.tell("She does it alone, with a reason: it is done at once, Omar is paged, the channel is told, and the audit log marks it.")
	return nil
}

func (s *script) groups() map[string][]string {
	return s.world.AWS.GroupsOf(rig.Account, rig.Region, idOf(builder))
}

func (s *script) isolated() bool {
	return slices.ContainsFunc(s.demo.cloud().Instances, func(h host) bool { return h.ID == idOf(builder) && h.Isolated })
}
