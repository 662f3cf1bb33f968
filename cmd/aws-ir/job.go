package main

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"strings"
	"time"

	"github.com/securitybot/securitybot/responders"
)

// newID makes a job's id: 26 letters and digits.
func newID() string {
	b := make([]byte, 17)
	_, _ = rand.Read(b) // never fails, by its documentation
	return base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding).EncodeToString(b)[:26]
}

// admit says why a job must not be performed. Whoever approves has to be
// somebody else than who asks.
func admit(j responders.Job) error {
	row, known := responders.Find(string(j.Action))
	switch {
	case !known:
		return responders.Refuse("%q is not an action; those are %s", string(j.Action), strings.Join(actionNames(), ", "))
	case strings.TrimSpace(j.By) == "":
		return responders.Refuse("nobody is named who asks for it")
	case row.Approval && strings.TrimSpace(j.Approver) == "":
		return responders.Refuse("%s needs a second person; name who approves it", j.Action)
	case row.Approval && strings.EqualFold(strings.TrimSpace(j.Approver), strings.TrimSpace(j.By)):
		return responders.Refuse("%s needs a second person: %s cannot approve it alone", j.Action, j.By)
	}
	return nil
}

func actionNames() []string {
	var out []string
	for _, a := range responders.Catalogue() {
		out = append(out, string(a.ID))
	}
	return out
}

// actor is what performs jobs.
type actor interface {
	Plan(context.Context, responders.Job) (responders.Plan, error)
	Step(context.Context, *responders.Job) (responders.Progress, error)
}

// The states of a job.
const (
	running = "running"
	done    = "done"
	refused = "refused" // it was not done
	unknown = "unknown" // a person has to look
)

// state is what to make of the result of a step. An error that is worth trying
// again is returned.
func state(p responders.Progress, err error) (string, error) {
	switch {
	case errors.Is(err, responders.ErrRefused):
		return refused, nil
	case errors.Is(err, responders.ErrUnknown):
		return unknown, nil
	case err != nil:
		return running, err
	case p.Done:
		return done, nil
	}
	return running, nil
}

// waitSeconds rounds a wait up: too early is of no use.
func waitSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// printable replaces what could steer a terminal: values come from outside.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || (r >= 0x7f && r < 0xa0) || (r >= 0x200b && r <= 0x200f) || (r >= 0x2028 && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) || r == 0xfeff {
			return '\ufffd'
		}
		return r
	}, s)
}
