package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/securitybot/securitybot/internal/message"
)

// Request is a command as somebody typed it. Everything in it but User and Team
// is outside text.
type Request struct {
	Root    string // the slash command itself, "/ir" unless renamed
	Text    string // what follows it
	User    string
	Team    string
	Channel string
}

// Right is what a command needs.
type Right int

// The rights. Anyone means any full member of the workspace.
const (
	Anyone Right = iota
	Responder
)

// Gate is the one authorisation function. It returns nil when the person may,
// and otherwise the sentence to show them.
type Gate interface {
	Refuse(ctx context.Context, r Request, need Right) *message.Message
}

// Desk is what commands can ask of the bot.
type Desk interface {
	// OpenCases describes open cases, most serious first, at most limit.
	OpenCases(ctx context.Context, limit int) ([]message.Text, error)
	// Case describes one case by its reference; false when there is none.
	Case(ctx context.Context, ref string) (message.Message, bool, error)
	// Question says whether the bot has an open or past question with this
	// reference for this person.
	Question(ctx context.Context, ref, user string) (message.Text, bool, error)
}

// command is a row of the table.
type command struct {
	name    string
	aliases []string
	args    string
	about   string
	need    Right
	run     func(ctx context.Context, s *Set, r Request, args []string) (message.Message, error)
}

// Set is the table of commands with what they need.
type Set struct {
	gate  Gate
	desk  Desk
	table []command
}

// New returns the commands.
func New(gate Gate, desk Desk) *Set {
	s := &Set{gate: gate, desk: desk}
	s.table = []command{listCommand(), caseCommand(), verifyCommand(), helpCommand()}
	return s
}

// maxText is how much of a command is read; Slack allows far more.
const maxText = 2000

// Run answers a command. It never fails: whatever goes wrong is a sentence.
// The error is for the log.
func (s *Set) Run(ctx context.Context, r Request) (message.Message, error) {
	if refused := s.gate.Refuse(ctx, r, Anyone); refused != nil {
		return *refused, nil
	}
	words, problem := split(r.Text)
	if problem != "" {
		return plain(problem), nil
	}
	if len(words) == 0 {
		words = []string{"help"}
	}
	c, ok := s.find(words[0])
	if !ok {
		return s.unknown(r, words[0]), nil
	}
	if refused := s.gate.Refuse(ctx, r, c.need); refused != nil {
		return *refused, nil
	}
	m, err := c.run(ctx, s, r, words[1:])
	if err != nil {
		return plain("That did not work, and nothing was changed. Please try again in a minute; if it stays so, tell whoever runs the bot."), fmt.Errorf("command %s: %w", c.name, err)
	}
	return m, nil
}

func (s *Set) find(word string) (command, bool) {
	word = strings.ToLower(word)
	for _, c := range s.table {
		if c.name == word || slices.Contains(c.aliases, word) {
			return c, true
		}
	}
	return command{}, false
}

// split cuts a command into words, undoing what chat clients do to quotes and
// dashes.
func split(text string) (words []string, problem string) {
	if len(text) > maxText {
		return nil, fmt.Sprintf("That is too long: at most %d characters.", maxText)
	}
	for _, r := range text {
		if r == unicode.ReplacementChar || (unicode.IsControl(r) && !unicode.IsSpace(r)) {
			return nil, "There are characters in it that cannot be typed. Please type it again by hand."
		}
	}
	text = strings.NewReplacer("“", `"`, "”", `"`, "‘", "'", "’", "'", "—", "--", "–", "-").Replace(text)
	return strings.Fields(text), ""
}

func (s *Set) unknown(r Request, word string) message.Message {
	t := message.L("There is no command ").Code(word).L(".")
	if near := s.nearest(word); near != "" {
		t = t.L(" Did you mean ").Code(r.Root + " " + near).L("?")
	}
	return message.Message{}.Para(t.L(" ").Code(r.Root + " help").L(" shows all of them."))
}

// nearest is the command whose name is at most two typing errors away.
func (s *Set) nearest(word string) string {
	best, found := 3, ""
	for _, c := range s.table {
		for _, name := range append([]string{c.name}, c.aliases...) {
			if d := distance(strings.ToLower(word), name); d < best {
				best, found = d, c.name
			}
		}
	}
	return found
}

// distance is the number of single-character edits between two words.
func distance(a, b string) int {
	if len(a) > 32 {
		return 32
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		last := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := last
			if a[i-1] != b[j-1] {
				cost++
			}
			last = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

func plain(text string) message.Message { return message.Message{}.Para(message.L(text)) }
