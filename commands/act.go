package commands

import (
	"context"
	"strings"

	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/responders"
)

// Order is an action somebody asks for. Instance is as typed; what follows
// narrows down where it is.
type Order struct {
	Action   responders.Action
	Params   responders.Params
	Instance string
	Account  string // empty: found by the cases about the instance
	Region   string
	Case     string // reference
}

// ActionDesk takes orders for actions on instances.
type ActionDesk interface {
	// Order starts an operation and says what happens next, or why nothing
	// does.
	Order(ctx context.Context, r Request, o Order) (message.Message, error)
}

// actionCommands are the rows of the catalogue as commands.
func actionCommands() []command {
	var out []command
	for _, a := range responders.Catalogue() {
		need := Collect
		if a.Approval {
			need = Contain
		}
		args := "INSTANCE"
		if len(a.Params) > 0 {
			args += " " + a.Usage()
		}
		out = append(out, command{name: string(a.ID), aliases: actionAliases[a.ID], args: args, about: a.About, section: sectionAct, need: need,
			run: func(ctx context.Context, s *Set, r Request, args []string) (Reply, error) {
				return runAction(ctx, s, r, a, args)
			}})
	}
	return out
}

var actionAliases = map[responders.ID][]string{
	responders.Snapshot: {"snap", "snapshotdisks"}, responders.Memory: {"mem", "memdump", "get_memory"}, responders.TCPDump: {"pcap", "capture"},
	responders.Isolate: {"contain", "quarantine"}, responders.Release: {"unisolate", "uncontain"},
	responders.Revoke: {"revoke_credentials", "revoke_sessions"},
}

func runAction(ctx context.Context, s *Set, r Request, a responders.Action, args []string) (Reply, error) {
	if len(args) == 0 {
		t := message.L("Which instance? Like this: ").Code(r.Root + " " + string(a.ID) + " " + a.Example)
		m := message.Message{}.Para(t)
		if a.Careful != "" {
			m = m.Note(message.L(a.Careful))
		}
		return Say(m.Note(message.L("When no case is about the instance, add ").Code("account=… region=…").L("."))), nil
	}
	o := Order{Action: a, Instance: strings.ToLower(strings.Trim(args[0], "`'\"*_.,"))}
	rest := o.place(args[1:])
	params, err := a.Parse(rest)
	if err != nil {
		return Say(message.Message{}.Para(message.Text{}.V(err.Error()).L(".")).Note(message.L("Like this: ").Code(r.Root + " " + string(a.ID) + " " + a.Example).L("."))), nil
	}
	o.Params = params
	m, err := s.desks.Actions.Order(ctx, r, o)
	return Say(m), err
}

// place takes the words that say where the instance is, up to the first one
// that is free text.
func (o *Order) place(args []string) (rest []string) {
	for i, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		switch strings.ToLower(name) {
		case "account":
			o.Account = value
		case "region":
			o.Region = value
		case "case":
			o.Case = value
		case "reason":
			return append(rest, args[i:]...)
		default:
			rest = append(rest, arg)
		}
	}
	return rest
}
