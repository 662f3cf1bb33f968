package report

import (
	"time"

	"github.com/securitybot/securitybot/bot/archive"
)

// Few is below which number of cases a share is not worth a conclusion.
const Few = 10

// Report is what an archive tells about a window of time. Cases decided in the
// window are counted; what became of them is told as far as the archive goes.
type Report struct {
	Tally    archive.Tally `json:"-"`
	From, To time.Time     `json:"-"` // the window
	Cases    int           `json:"cases"`
	Degraded int           `json:"degraded"` // decided while a look-up that mattered was not there
	Samples  int           `json:"samples"`  // made up by GuardDuty to try things
	Cut      int           `json:"cut"`      // too large to be kept whole
	Mute     int           `json:"mute"`     // from before the archive kept what came of a case
	Orphans  int           `json:"orphans"`  // answers, pages and ends of cases whose decision is not in the window

	Steps      []Group `json:"steps"` // by the highest step of each case
	Types      []Group `json:"types"`
	Accounts   []Group `json:"accounts"`
	Severities []Group `json:"severities"`
	Dropped    []Group `json:"dropped"` // suppressed, by rule

	Questions Questions  `json:"questions"`
	Pages     Pages      `json:"pages"`
	Rules     []Verdicts `json:"rules"`
	ByType    []Verdicts `json:"by_type"`
	Hints     []string   `json:"hints"` // what the numbers suggest
}

// Group is a number of cases that have something in common.
type Group struct {
	Name string `json:"name"`
	N    int    `json:"count"`
}

// Questions is what was asked of people. A question about several cases counts
// once.
type Questions struct {
	Asked      int           `json:"asked"`
	NotAsked   int           `json:"not_asked"` // cases: somebody should have been, but nobody could be
	Yes        int           `json:"yes"`
	No         int           `json:"no"`
	Unsure     int           `json:"unsure"`
	Unproved   int           `json:"unproved"` // a yes without the proof the rule asks for
	Silence    int           `json:"silence"`
	Unreached  int           `json:"unreached"`
	Overtaken  int           `json:"overtaken"` // somebody closed all cases before an answer
	Waiting    int           `json:"waiting"`   // no conclusion in the archive
	LateNo     int           `json:"late_no"`   // a no after another conclusion
	Answers    int           `json:"answers"`   // by a person, whose time is known
	Median     time.Duration `json:"-"`
	P90        time.Duration `json:"-"`
	MedianSecs float64       `json:"median_seconds"`
	P90Secs    float64       `json:"p90_seconds"`
}

// Pages is who was woken, and for what.
type Pages struct {
	Sent      int     `json:"sent"`
	Refused   int     `json:"refused"` // PagerDuty did not take it, the fallback was used
	Cases     int     `json:"cases"`
	Causes    []Group `json:"causes"`
	Ended     []Group `json:"ended"` // the cases, by how they were closed
	NotClosed int     `json:"not_closed"`
}

// Verdicts is what people said about the cases of a rule or of a type.
type Verdicts struct {
	Name      string `json:"name"`
	Cases     int    `json:"cases"`
	Asked     int    `json:"asked"`   // cases about which a person was asked
	Yes       int    `json:"yes"`     // of those
	No        int    `json:"no"`      // of those
	Silence   int    `json:"silence"` // of those
	Paged     int    `json:"paged"`
	True      int    `json:"true_positive"`
	Benign    int    `json:"benign"`
	False     int    `json:"false_positive"`
	Duplicate int    `json:"duplicate"`
	NoVerdict int    `json:"no_verdict"` // nobody looked, or nobody has closed it yet
}

// Judged is how many cases people have closed as real, benign or a false
// positive.
func (v Verdicts) Judged() int { return v.True + v.Benign + v.False }

// FalseShare is the share of judged cases that were false positives, and whether
// there is one at all.
func (v Verdicts) FalseShare() (float64, bool) {
	if v.Judged() == 0 {
		return 0, false
	}
	return float64(v.False) / float64(v.Judged()), true
}
