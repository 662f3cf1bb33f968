package commands

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/securitybot/securitybot/internal/message"
)

// IncidentDesk is what the commands about incidents ask of the bot.
type IncidentDesk interface {
	IncidentReader
	IncidentChanger
}

// IncidentReader answers questions about incidents.
type IncidentReader interface {
	// OpenIncidents describes open incidents, most serious first, at most limit.
	OpenIncidents(ctx context.Context, r Request, limit int) (Lines, error)
	// IncidentStatus describes one incident: the one named, else the one of the
	// channel.
	IncidentStatus(ctx context.Context, r Request, ref string) (message.Message, error)
	// WhoIsOnCall says who is on call for security.
	WhoIsOnCall(ctx context.Context) (message.Message, error)
}

// IncidentChanger opens and changes incidents. Where something is missing that
// it needs, it answers with the dialog that asks for it.
type IncidentChanger interface {
	OpenIncident(ctx context.Context, r Request, o Opening) (Reply, error)
	ChangeIncident(ctx context.Context, r Request, ref string, c IncidentChange) (Reply, error)
}

// Opening is an incident somebody wants to open.
type Opening struct {
	Text   string   // the title, perhaps with the severity as its first word
	Cases  []string // references of cases it is about
	People People   // besides the responders
	Page   bool     // page the people on call, whatever the severity
}

// IncidentChange is something to be done to an incident. Act says which of the
// other fields count.
type IncidentChange struct {
	Act    IncidentAct
	Text   string // what to write, the severity, or the reason
	Kind   NoteKind
	People People
}

// IncidentAct is what can be done to an incident.
type IncidentAct string

// The acts.
const (
	SetSeverity IncidentAct = "severity"
	SetLead     IncidentAct = "lead"
	Invite      IncidentAct = "invite"
	Page        IncidentAct = "page"
	Note        IncidentAct = "note"
	RetrySteps  IncidentAct = "retry"
	Close       IncidentAct = "close"
	Reopen      IncidentAct = "reopen"
)

// NoteKind is what a line of the record is.
type NoteKind string

// The kinds of line people write.
const (
	PlainNote NoteKind = "note"
	Decision  NoteKind = "decision"
	Task      NoteKind = "task"
)

// People are persons as they can be typed.
type People struct {
	Users  []string // chat ids
	Emails []string
	Groups []string // ids of user groups
	OnCall bool
	// Unknown are words that look like a person and say nobody: chat tells names
	// such as @omar only as text, and anybody may call themselves that.
	Unknown []string
}

// Empty says whether nobody usable is named.
func (p People) Empty() bool {
	return len(p.Users)+len(p.Emails)+len(p.Groups) == 0 && !p.OnCall
}

var (
	mention   = regexp.MustCompile(`^<@([UW][A-Z0-9]{2,20})(\|[^>]*)?>$`)
	subteam   = regexp.MustCompile(`^<!subteam\^(S[A-Z0-9]{2,20})(\|[^>]*)?>$`)
	mailto    = regexp.MustCompile(`^<mailto:([^|>]+)(\|[^>]*)?>$`)
	bareUser  = regexp.MustCompile(`^[UW][A-Z0-9]{4,20}$`)
	bareGroup = regexp.MustCompile(`^S[A-Z0-9]{4,20}$`)
	address   = regexp.MustCompile(`^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)
)

// add takes one word; false when it names nobody.
func (p *People) add(word, self string) bool {
	word = strings.Trim(word, ",;")
	if m := mailto.FindStringSubmatch(word); m != nil {
		word = m[1]
	}
	switch w := strings.ToLower(word); {
	case mention.MatchString(word):
		p.Users = append(p.Users, mention.FindStringSubmatch(word)[1])
	case subteam.MatchString(word):
		p.Groups = append(p.Groups, subteam.FindStringSubmatch(word)[1])
	case bareUser.MatchString(word):
		p.Users = append(p.Users, word)
	case bareGroup.MatchString(word):
		p.Groups = append(p.Groups, word)
	case address.MatchString(word):
		p.Emails = append(p.Emails, w)
	case w == "me" || w == "myself":
		p.Users = append(p.Users, self)
	case w == "oncall" || w == "on-call":
		p.OnCall = true
	default:
		return false
	}
	return true
}

// people reads words that are all persons.
func people(r Request, args []string) People {
	var p People
	for _, a := range args {
		if !p.add(a, r.User) {
			p.Unknown = append(p.Unknown, a)
		}
	}
	return p
}

var incidentForm = regexp.MustCompile(`^INC-[A-Z2-7]{6}$`)

// incidentRef takes the reference of an incident off the front of what was
// typed; "" when there is none.
func incidentRef(args []string) (ref string, rest []string, problem *message.Message) {
	if len(args) == 0 {
		return "", nil, nil
	}
	word := strings.ToUpper(strings.Trim(args[0], "`'\"*_.,"))
	if !strings.HasPrefix(word, "INC-") {
		return "", args, nil
	}
	if !incidentForm.MatchString(word) {
		m := message.Message{}.Para(message.Text{}.Code(args[0]).L(" is not the reference of an incident: those look like ").Code("INC-7F3KQX").L("."))
		return "", nil, &m
	}
	return word, args[1:], nil
}

// free joins words to one text, without quotes around all of it.
func free(args []string) string {
	s := strings.Join(args, " ")
	if n := len(s); n > 1 && s[0] == s[n-1] && (s[0] == '"' || s[0] == '\'') {
		s = s[1 : n-1]
	}
	return strings.TrimSpace(s)
}

// changing is a command that does one thing to an incident.
func changing(c command, read func(r Request, args []string) IncidentChange) command {
	c.section, c.need = sectionIncident, Incident
	c.run = func(ctx context.Context, s *Set, r Request, args []string) (Reply, error) {
		ref, rest, problem := incidentRef(args)
		if problem != nil {
			return Say(*problem), nil
		}
		return s.desks.Incidents.ChangeIncident(ctx, r, ref, read(r, rest))
	}
	return c
}

func incidentCommands() []command {
	return []command{openCommand(), statusCommand(), severityCommand(), leadCommand(), inviteCommand(), pageCommand(), noteCommand(), onCallCommand(), closeCommand(), reopenCommand()}
}

// pop says whether one of some words stands in args, and returns the others.
func pop(args []string, words ...string) (rest []string, found bool) {
	rest = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return slices.Contains(words, strings.ToLower(a)) })
	return rest, len(rest) < len(args)
}
