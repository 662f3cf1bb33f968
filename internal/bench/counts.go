package main

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// What is read out of the far ends.

var (
	refPattern = regexp.MustCompile(`SB-[A-Z2-7]{8}`)
	keyPattern = regexp.MustCompile(`"key":"([^"]+)"`)
)

// keyOf reads the message key out of a posted form.
func keyOf(body string) string {
	form, err := url.ParseQuery(body)
	if err != nil {
		return ""
	}
	if m := keyPattern.FindStringSubmatch(form.Get("metadata")); m != nil {
		return m[1]
	}
	return ""
}

// refsOf lists the cases a post speaks of.
func refsOf(body string) []string {
	form, err := url.ParseQuery(body)
	if err != nil {
		return nil
	}
	seen := map[string]bool{}
	var out []string
	for _, ref := range refPattern.FindAllString(form.Get("blocks")+form.Get("text"), -1) {
		if !seen[ref] {
			seen[ref] = true
			out = append(out, ref)
		}
	}
	return out
}

// read looks into what was posted since it was last asked: while posts come in,
// the machine belongs to the program under measurement. Call it locked.
func (e *ends) read() {
	for _, body := range e.bodies {
		if key := keyOf(body); key != "" {
			e.keys[key]++
		}
		for _, ref := range refsOf(body) {
			e.texts[ref]++
		}
	}
	e.bodies = nil
}

// says counts the posts that speak of a case.
func (e *ends) says(ref string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.read()
	return e.texts[ref]
}

func (e *ends) is(enough func(*ends) bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return enough(e)
}

// quiet says that nothing has been posted for half a second. Call it locked.
func (e *ends) quiet() bool { return e.open == 0 && time.Since(e.latest()) > 500*time.Millisecond }

func (e *ends) latest() time.Time {
	if e.lastPage.After(e.lastPost) {
		return e.lastPage
	}
	return e.lastPost
}

func (e *ends) lastSeen() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.latest()
}

func (e *ends) first() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.firstPost
}

func (e *ends) counts() (posts, most int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.posts, e.mostOpen
}

// said counts the cases that have been spoken of. Call it locked.
func (e *ends) said(refs []string) int {
	e.read()
	n := 0
	for _, ref := range refs {
		if e.texts[ref] > 0 {
			n++
		}
	}
	return n
}

type report struct {
	posts, refused, said, doubled, pagedTwice int
	lastPage                                  time.Time
}

func (e *ends) report(refs []string) report {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := report{posts: e.posts, refused: e.refused, said: e.said(refs), lastPage: e.lastPage}
	for _, n := range e.keys {
		r.doubled += n - 1
	}
	for _, n := range e.triggers {
		r.pagedTwice += n - 1
	}
	return r
}

// rateText is the posting rate to configure: that of the throttle, or none.
func (e *ends) rateText() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rate == 0 {
		return "10000"
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", e.rate), ".0")
}

func (e *ends) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.read()
	return fmt.Sprintf("%d posts, %d refused, %d cases spoken of, %d pages", e.posts, e.refused, len(e.texts), len(e.triggers))
}
