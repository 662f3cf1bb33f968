package commands

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/securitybot/securitybot/internal/message"
)

// maxText is how much of a command is read; Slack allows far more.
const maxText = 2000

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
	// With should_escape, Slack escapes what was typed and nothing else, so that
	// people and links it recognised stand out (docs.slack.dev, slash commands).
	text = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
	text = strings.NewReplacer("“", `"`, "”", `"`, "‘", "'", "’", "'", "—", "--", "–", "-").Replace(text)
	return strings.Fields(text), ""
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
