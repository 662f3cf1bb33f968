package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

// acts are the things a person can do on the page, by name.
func (d *demo) acts() map[string]act {
	return map[string]act{
		"send": d.send, "click": d.click, "viewclick": d.viewClick, "submit": d.submit, "close": d.close,
		"slash": d.slash, "say": d.say, "pager": d.page, "forward": d.forward,
	}
}

// errPerson is shown when the page names somebody who does not exist.
var errPerson = errors.New("this person is not in the workspace")

// as is the person the page acts for.
func (d *demo) as(r request) (slackfake.Person, error) {
	for _, u := range d.world.Slack.Snapshot(1).Users {
		if u.ID == r.As && !u.Bot {
			return d.world.Slack.As(r.As), nil
		}
	}
	return slackfake.Person{}, errPerson
}

// send puts the documents of a sample into the queue.
func (d *demo) send(_ context.Context, r request) (any, error) {
	i := slices.IndexFunc(samples, func(s sample) bool { return s.ID == r.Sample })
	if i < 0 {
		return nil, errors.New("there is no such finding in the gallery")
	}
	id := d.idFor(r.Sample)
	if known := samples[i].known; known != nil {
		d.world.Known(known(id))
	}
	d.world.Send(samples[i].build(d.world.Clock.Now(), id)...)
	return nil, nil
}

// idFor is the id of the finding a card sends: a new one, except of the card
// that sends another one again.
func (d *demo) idFor(card string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id := d.last["probe"]; card == "probe-again" && id != "" {
		return id
	}
	id := newID()
	if card == "probe-again" {
		card = "probe"
	}
	d.last[card] = id
	return id
}

// settle waits for the bot's acknowledgement and says what the person saw.
func settle(ctx context.Context, g *slackfake.Gesture, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	out, err := g.Wait(ctx)
	if err != nil {
		return nil, errors.New("the bot did not answer in time")
	}
	if len(out.Errors) > 0 {
		return map[string]any{"errors": out.Errors}, nil
	}
	if !out.OK() {
		return nil, errors.New("that did not work; Slack would show a warning sign here")
	}
	return nil, nil
}

func (d *demo) click(ctx context.Context, r request) (any, error) {
	p, err := d.as(r)
	if err != nil {
		return nil, err
	}
	g, err := p.Click(r.Channel, r.TS, r.Label)
	return settle(ctx, g, err)
}

func (d *demo) viewClick(ctx context.Context, r request) (any, error) {
	p, err := d.as(r)
	if err != nil {
		return nil, err
	}
	g, err := p.ClickView(r.Label)
	return settle(ctx, g, err)
}

func (d *demo) submit(ctx context.Context, r request) (any, error) {
	p, err := d.as(r)
	if err != nil {
		return nil, err
	}
	g, err := p.Submit(r.View, r.Values)
	if err != nil {
		return nil, errors.New("please fill in every field")
	}
	return settle(ctx, g, err)
}

// close dismisses a dialog; Slack tells the app only when it asked for that.
func (d *demo) close(_ context.Context, r request) (any, error) {
	p, err := d.as(r)
	if err != nil {
		return nil, err
	}
	_, err = p.CloseView(r.View)
	return nil, err
}

func (d *demo) slash(ctx context.Context, r request) (any, error) {
	p, err := d.as(r)
	if err != nil {
		return nil, err
	}
	command, text := cutCommand(r.Text)
	g, err := p.Slash(command, text, r.Channel)
	return settle(ctx, g, err)
}

func (d *demo) say(_ context.Context, r request) (any, error) {
	p, err := d.as(r)
	if err != nil {
		return nil, err
	}
	_, err = p.Say(r.Channel, r.Text)
	return nil, err
}

func (d *demo) page(_ context.Context, r request) (any, error) {
	number, err := strconv.Atoi(r.Key)
	if err != nil {
		return nil, errors.New("there is no such incident")
	}
	if r.Do != "acknowledge" {
		return nil, fmt.Errorf("the pager cannot %q", r.Do)
	}
	return nil, d.world.Pager.Ack(number, "Omar")
}

// maxForward bounds one move of the clock.
const maxForward = 14 * 24 * time.Hour

// forward moves the demo's time on: by seconds, or past an instant.
func (d *demo) forward(_ context.Context, r request) (any, error) {
	by := time.Duration(r.Seconds) * time.Second
	if r.To != "" {
		at, err := time.Parse(time.RFC3339Nano, r.To)
		if err != nil {
			return nil, errors.New("this is not a time")
		}
		by = at.Sub(d.world.Clock.Now()) + time.Second
	}
	if by <= 0 || by > maxForward {
		return nil, errors.New("time only moves forward, at most two weeks at once")
	}
	d.world.Forward(by)
	return nil, nil
}

func cutCommand(text string) (command, rest string) {
	for i, r := range text {
		if r == ' ' {
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}
