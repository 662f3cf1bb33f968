package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Problem is one mistake, or one thing worth a warning, at a place in the file.
// Line and Col count from 1, Col in characters.
type Problem struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"col"`
	Msg  string `json:"msg"`
}

// String returns "file:line:col: message".
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Col, p.Msg)
}

// Problems is everything wrong with a configuration, in the order of the file.
// What is wrong with its policy follows, with the policy's own file name.
type Problems []Problem

// Error joins the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// sorted puts the problems of file first.
func (ps Problems) sorted(file string) Problems {
	other := func(p Problem) int {
		if p.File == file {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(other(a), other(b)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return slices.Compact(ps)
}

// secretShape recognises what people paste by mistake: chat tokens, AWS keys,
// and addresses with a password.
var secretShape = regexp.MustCompile(`(?i)xox[a-z]-|xapp-|\b(AKIA|ASIA)[A-Z0-9]{8}|://[^/@\s]*:[^/@\s]*@|PRIVATE KEY|\b[0-9a-f]{32}\b`)

// maxShown is how many characters of a wrong value a message repeats.
const maxShown = 60

// show quotes a value of the file for a message: short, on one line, and never
// when it looks like a secret.
func show(value string) string {
	if secretShape.MatchString(value) {
		return "a value that looks like a secret"
	}
	if utf8.RuneCountInString(value) > maxShown {
		value = string([]rune(value)[:maxShown]) + "…"
	}
	return strconv.Quote(value)
}

// didYouMean returns a hint when one of the candidates is near to name.
func didYouMean(name string, candidates []string) string {
	best, bestDistance := "", 1+len(name)/3
	for _, c := range candidates {
		d := editDistance(strings.ToLower(name), strings.ToLower(c))
		if d < bestDistance || (d == bestDistance && best == "") {
			best, bestDistance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// editDistance is the number of single-byte edits between two names of at most
// 64 bytes.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
