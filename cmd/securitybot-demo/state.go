package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

// The page's view of the world: one document, made anew for each look.

type page struct {
	People    []person         `json:"people"`
	Groups    map[string]named `json:"groups"`
	Channels  []channel        `json:"channels"`
	Views     []view           `json:"views"`
	Samples   []sample         `json:"samples"`
	Cases     []life           `json:"cases"`
	Incidents []incident       `json:"incidents"`
	OnCall    []string         `json:"oncall"`
	AWS       cloud            `json:"aws"`
	Hive      []record         `json:"hive"`
	Clock     clock            `json:"clock"`
}

type named struct {
	Name string `json:"name"`
}

type person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"`
	Bot  bool   `json:"bot,omitempty"`
}

type channel struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Kind     string    `json:"kind"`
	About    string    `json:"about"`
	Private  bool      `json:"private,omitempty"`
	Archived bool      `json:"archived,omitempty"`
	Members  []string  `json:"members"`
	Pins     []string  `json:"pins,omitempty"`
	Document string    `json:"document,omitempty"` // the canvas, in Markdown
	Files    []shared  `json:"files,omitempty"`
	Messages []message `json:"messages"`
}

type shared struct {
	ID   string    `json:"id"`
	Name string    `json:"name"`
	Size int       `json:"size"`
	At   time.Time `json:"at"`
}

type message struct {
	TS     string          `json:"ts"`
	User   string          `json:"user"`
	Text   string          `json:"text"`
	Blocks json.RawMessage `json:"blocks,omitempty"`
	Thread string          `json:"thread,omitempty"`
	Edited bool            `json:"edited,omitempty"`
	Only   string          `json:"only,omitempty"`
}

type view struct {
	ID   string          `json:"id"`
	User string          `json:"user"`
	View json.RawMessage `json:"view"`
}

type incident struct {
	Key      string `json:"key"`
	Summary  string `json:"summary"`
	Status   string `json:"status"`
	Triggers int    `json:"triggers"`
	Service  string `json:"service"`
}

type clock struct {
	Now     time.Time `json:"now"`
	Skipped string    `json:"skipped,omitempty"`
}

// life is what happened to one finding and what will.
type life struct {
	Ref      string     `json:"ref"`
	Headline string     `json:"headline"`
	Level    string     `json:"level"`
	Status   string     `json:"status"`
	Decision string     `json:"decision"`
	Deadline *time.Time `json:"deadline,omitempty"`
	Timeline []moment   `json:"timeline"`
	Next     []moment   `json:"next"`
}

type moment struct {
	At   *time.Time `json:"at,omitempty"`
	What string     `json:"what"`
}

var roles = map[string]string{"U0ANA": "engineer", "U0PRIYA": "leads payments", "U0OMAR": "security, on call", "U0MEI": "security, approver", noor: "security, approver", "U0GUS": "guest"}

var abouts = map[string]string{
	"C0SECURITY": "Where the security team sees every case that needs somebody",
	"C0PAYMENTS": "The payments team: owners of what is tagged team=payments",
	"C0PLATFORM": "The platform team: owners of the account",
}

func (d *demo) state(ctx context.Context) (page, error) {
	p := page{Samples: d.cards(), OnCall: d.onCall(), AWS: d.cloud(), Hive: d.records(), Groups: map[string]named{d.world.OnCall.ID: {d.world.OnCall.Handle}}}
	workspace(d.world.Slack.Snapshot(0), &p)
	for _, i := range d.world.Pager.Snapshot().Incidents {
		p.Incidents = append(p.Incidents, incident{Key: strconv.Itoa(i.Number), Summary: i.Summary, Status: i.Status, Triggers: i.Triggers, Service: i.Service})
	}
	slices.Reverse(p.Incidents)
	p.Clock.Now = d.world.Clock.Now()
	if s := d.world.Clock.Skipped(); s > 0 {
		p.Clock.Skipped = s.Round(time.Second).String()
	}
	cases, err := d.world.Bots[0].Lives(ctx, 60)
	if err != nil {
		return p, err
	}
	for _, c := range cases {
		p.Cases = append(p.Cases, lifeOf(c))
	}
	return p, nil
}

// cards is the gallery.
func (d *demo) cards() []sample {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Concat(samples, commandCards(d.last["ana"]))
}

// workspace copies people, conversations and dialogs.
func workspace(s slackfake.Snapshot, p *page) {
	for _, u := range s.Users {
		p.People = append(p.People, person{ID: u.ID, Name: u.RealName, Role: roles[u.ID], Bot: u.Bot})
		for _, v := range s.Modals[u.ID] {
			p.Views = append(p.Views, view{ID: v.ID, User: u.ID, View: v.Raw})
		}
	}
	for _, c := range s.Channels {
		out := channel{ID: c.ID, Name: c.Name, Kind: "channel", About: cmp.Or(c.Topic, abouts[c.ID]), Private: c.Kind == slackfake.Private, Archived: c.Archived,
			Members: c.Members, Pins: c.Pins, Messages: []message{}}
		if c.Kind == slackfake.DM {
			out.Kind, out.About = "dm", "Direct messages with the bot"
		}
		if c.Canvas != nil {
			out.Document = c.Canvas.Markdown
		}
		for _, f := range c.Files {
			out.Files = append(out.Files, shared{f.ID, f.Name, f.Size, f.SharedAt})
		}
		for _, m := range c.Messages {
			out.Messages = append(out.Messages, message{TS: m.TS, User: m.User, Text: m.Text, Blocks: m.Blocks, Thread: m.ThreadTS, Edited: !m.EditedAt.IsZero(), Only: m.EphemeralTo})
		}
		p.Channels = append(p.Channels, out)
	}
}

// lifeOf words what happened to a case.
func lifeOf(c bot.Life) life {
	l := life{Ref: c.Ref, Headline: c.Headline, Level: string(c.Level), Status: c.Status, Timeline: []moment{}, Next: []moment{}}
	l.Decision = fmt.Sprintf("Rule %s decided: %s. %s", c.Rule, c.Step, strings.Join(c.Reasons, " "))
	for _, e := range c.Timeline {
		l.Timeline = append(l.Timeline, moment{At: &e.At, What: e.What})
	}
	for _, what := range c.Pending {
		l.Next = append(l.Next, moment{What: "under way: " + what})
	}
	if !c.Deadline.IsZero() {
		l.Deadline = &c.Deadline
		l.Next = append(l.Next, moment{At: &c.Deadline, What: "waiting for an answer; silence is escalated"})
	}
	return l
}
