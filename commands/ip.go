package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/securitybot/securitybot/findings/lookup"
	"github.com/securitybot/securitybot/internal/message"
)

// Search is what somebody wants to know about.
type Search struct {
	Indicators []lookup.Indicator // at least one, at most MaxIndicators
	Others     message.Message    // what is to be said about the rest of what was typed; may be empty
	Loud       bool               // also ask where the indicator's own servers see it
}

// LookUpDesk looks addresses and domains up.
type LookUpDesk interface {
	// Investigate answers with what is known at once and goes on from there.
	Investigate(ctx context.Context, r Request, q Search) (Reply, error)
}

// MaxIndicators is how much one command looks up.
const MaxIndicators = 5

// The dialog that asks what to look up, and its field.
const (
	LookUpDialog = "lookup.ask"
	LookUpField  = "what"
)

// loudWords at the end of a look-up also ask the indicator's own servers.
var loudWords = []string{"loud", "--loud"}

func ipCommand() command {
	return command{name: "ip", aliases: []string{"lookup", "investigate", "whois", "addr"}, args: "ADDRESS… [loud]",
		about: "show what is known about IP addresses", section: sectionLookUp, need: LookUp, share: true, run: runLookUp}
}

// runLookUp serves both commands: what an indicator is can be seen from its
// form, and whoever mixes the two up should not have to type it again.
func runLookUp(ctx context.Context, s *Set, r Request, args []string) (Reply, error) {
	loud := false
	if n := len(args); n > 0 && slices.Contains(loudWords, strings.ToLower(args[n-1])) {
		args, loud = args[:n-1], true
	}
	if len(args) == 0 {
		m := AskLookUp("")
		return Reply{Modal: &m}, nil
	}
	q := ReadLookUp(strings.Join(args, " "))
	q.Loud = loud
	if len(q.Indicators) == 0 {
		return Say(q.Others), nil
	}
	return s.desks.LookUps.Investigate(ctx, r, q)
}

// ReadLookUp reads what somebody typed or pasted, in any form, defanged or not.
func ReadLookUp(text string) Search {
	var q Search
	found, more := lookup.ParseAll(text, MaxIndicators)
	for _, p := range found {
		if p.Err != nil {
			q.Others = q.Others.Para(message.Text{}.Code(p.Input).L(": " + p.Err.Error()))
			continue
		}
		q.Indicators = append(q.Indicators, p.Indicator)
	}
	if more {
		q.Others = q.Others.Note(message.L(fmt.Sprintf("At most %d are looked up at once; the rest was left out.", MaxIndicators)))
	}
	if len(found) == 0 {
		q.Others = q.Others.Para(message.L("There is nothing in it to look up. Name an IP address or a domain."))
	}
	return q
}

// AskLookUp is the dialog that asks what to look up.
func AskLookUp(initial string) message.Modal {
	m := message.Modal{Callback: LookUpDialog, Title: "Look up", Submit: "Look up"}
	m.Parts = append(m.Parts, message.Part{Kind: message.Input, Input: &message.InputField{ID: LookUpField, Label: "IP addresses or domains", Initial: initial,
		Multiline: true, MaxLen: maxText, Hint: fmt.Sprintf("At most %d, in any form: pasted from an alert, defanged, inside a URL.", MaxIndicators)}})
	return m
}
