package commands

import (
	"context"
	"fmt"
	"slices"

	"github.com/securitybot/securitybot/internal/message"
)

// Request is a command as somebody typed it. Everything in it but User and Team
// is outside text.
type Request struct {
	Root     string // the slash command itself, "/ir" unless renamed
	Text     string // what follows it
	User     string
	Team     string
	Channel  string
	Envelope string // id of the delivery: the same one is handled once
	Share    bool   // the answer is for everybody in the channel; set by Run
}

// Reply is what a command answers: a message for the caller alone, a dialog, or
// both.
type Reply struct {
	Message message.Message
	Modal   *message.Modal
	// Follow goes on finding things out after the first answer and shows each
	// better version in its place. It is called at most once.
	Follow func(ctx context.Context, show func(message.Message) error) error
	// Share shows the answer to everybody in the channel. Set by Run for commands
	// that allow it when the caller asked for it.
	Share bool
}

// Say is a reply of a message and nothing else.
func Say(m message.Message) Reply { return Reply{Message: m} }

// Right is what a command needs. What each means is for the gate to say.
type Right string

// The rights. Anyone means any full member of the workspace.
const (
	Anyone    Right = "anyone"
	Responder Right = "responder"
	Incident  Right = "incident" // run an incident
	LookUp    Right = "look up"  // ask outside sources about an indicator
	Collect   Right = "collect"  // take evidence from an instance
	Contain   Right = "contain"  // ask to isolate an instance or revoke its credentials, or to undo that
	Admin     Right = "admin"
)

// Rights lists all rights.
var Rights = []Right{Anyone, Responder, Incident, LookUp, Collect, Contain, Admin}

// Gate is the one authorisation function.
type Gate interface {
	// Refuse returns nil when the person may, and otherwise the sentence to show
	// them.
	Refuse(ctx context.Context, r Request, need Right) *message.Message
	// May answers the same for what is only shown or hidden.
	May(ctx context.Context, r Request, need Right) bool
}

// Desks are the parts of the bot that commands speak to. A command whose desk
// is nil does not exist.
type Desks struct {
	Cases      CaseDesk
	Actions    ActionDesk
	Operations OperationDesk
	Incidents  IncidentDesk
	LookUps    LookUpDesk
}

// command is a row of the table.
type command struct {
	name    string
	aliases []string
	args    string
	about   string
	section string // heading in the help
	need    Right
	share   bool // the caller may show the answer to the channel
	run     func(ctx context.Context, s *Set, r Request, args []string) (Reply, error)
}

// Set is the table of commands with what they need.
type Set struct {
	gate  Gate
	desks Desks
	table []command
}

// New returns the commands.
func New(gate Gate, d Desks) *Set {
	s := &Set{gate: gate, desks: d}
	if d.Cases != nil {
		s.table = append(s.table, listCommand(), caseCommand(), verifyCommand())
	}
	if d.Incidents != nil {
		s.table = append(s.table, incidentCommands()...)
	}
	if d.LookUps != nil {
		s.table = append(s.table, ipCommand(), domainCommand())
	}
	if d.Actions != nil {
		s.table = append(s.table, actionCommands()...)
	}
	if d.Operations != nil {
		s.table = append(s.table, operationsCommand(), breakGlassCommand())
	}
	s.table = append(s.table, helpCommand())
	return s
}

// Run answers a command. It never fails: whatever goes wrong is a sentence.
// The error is for the log.
func (s *Set) Run(ctx context.Context, r Request) (Reply, error) {
	if refused := s.gate.Refuse(ctx, r, Anyone); refused != nil {
		return Say(*refused), nil
	}
	words, problem := split(r.Text)
	if problem != "" {
		return Say(plain(problem)), nil
	}
	if len(words) == 0 {
		words = []string{"help"}
	}
	c, ok := s.find(words[0])
	if !ok {
		return Say(s.unknown(r, words[0])), nil
	}
	if refused := s.gate.Refuse(ctx, r, c.need); refused != nil {
		return Say(*refused), nil
	}
	args, share := words[1:], false
	if n := len(args); c.share && n > 0 && slices.Contains(shareWords, args[n-1]) {
		args, share = args[:n-1], true
	}
	r.Share = share
	out, err := c.run(ctx, s, r, args)
	if err != nil {
		return Say(plain("That did not work, and nothing was changed. Please try again in a minute; if it stays so, tell whoever runs the bot.")), fmt.Errorf("command %s: %w", c.name, err)
	}
	out.Share = share && out.Modal == nil
	return out, nil
}

// shareWords at the end of a command show its answer to the channel.
var shareWords = []string{"share", "--share", "-s"}

func plain(text string) message.Message { return message.Message{}.Para(message.L(text)) }
