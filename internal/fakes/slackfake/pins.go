package slackfake

import "slices"

// maxPins is how many messages one channel pins; the number is observed, not
// documented.
const maxPins = 100

func pinsAdd(req *request) (body, error) {
	c, err := req.joined(req.args["channel"])
	if err != nil {
		return nil, err
	}
	ts := req.args["timestamp"]
	m := req.s.byRef[Ref{c.ID, ts}]
	switch {
	case ts == "":
		return nil, refuse("no_item_specified")
	case m == nil || m.Deleted || m.EphemeralTo != "":
		return nil, refuse("message_not_found")
	case slices.Contains(c.Pins, ts):
		return nil, refuse("already_pinned")
	case len(c.Pins) >= maxPins:
		return nil, refuse("too_many_pins")
	}
	c.Pins = append(c.Pins, ts)
	req.s.changed(Change{Kind: "channel", Channel: c.ID, TS: ts})
	return body{}, nil
}

// joined finds a channel that the app is in and that is not archived.
func (req *request) joined(id string) (*Channel, error) {
	c := req.s.channel(id)
	switch {
	case c == nil || c.Kind != Public && !c.has(req.s.BotUser):
		return nil, refuse("channel_not_found")
	case !c.has(req.s.BotUser):
		return nil, refuse("not_in_channel")
	case c.Archived:
		return nil, refuse("is_archived")
	}
	return c, nil
}
