package slackfake

import (
	"encoding/json"
	"slices"
	"time"
	"unicode/utf8"
)

// maxMarkdown bounds the markdown of a canvas, in bytes.
const maxMarkdown = 1 << 20

// Canvas is the document in the first tab of a channel.
type Canvas struct {
	ID       string    `json:"id"`
	Channel  string    `json:"channel"`
	Title    string    `json:"title,omitempty"`
	Markdown string    `json:"markdown"`
	Edits    int       `json:"edits"`
	EditedAt time.Time `json:"edited_at"`
}

// NoCanvases makes the workspace one that cannot have channel canvases, as some
// plans and some administrators do: making and editing them is refused with
// the code ("canvas_disabled_user_team", "team_tier_cannot_create_channel_canvases"
// …) until it is called with "".
func (s *Server) NoCanvases(code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noCanvas = code
}

// Canvas returns the canvas of a channel.
func (st State) Canvas(channel string) (Canvas, bool) {
	if v := st.s.canvasOf(channel); v != nil {
		return *v, true
	}
	return Canvas{}, false
}

// Canvas is [State.Canvas] at this moment.
func (s *Server) Canvas(channel string) (c Canvas, ok bool) {
	s.Look(func(st State) { c, ok = st.Canvas(channel) })
	return c, ok
}

func (s *Server) canvasOf(channel string) *Canvas {
	i := slices.IndexFunc(s.canvases, func(c *Canvas) bool { return c.Channel == channel })
	if i < 0 {
		return nil
	}
	return s.canvases[i]
}

// documentContent is what a canvas says, or one edit puts into it.
type documentContent struct {
	Type     string `json:"type"`
	Markdown string `json:"markdown"`
}

func (d documentContent) check() error {
	switch {
	case d.Type != "markdown" || d.Markdown == "":
		return &apiError{code: "invalid_arguments", messages: []string{"document_content needs the type markdown and some markdown"}}
	case len(d.Markdown) > maxMarkdown:
		return refuse("canvas_content_too_large")
	case !utf8.ValidString(d.Markdown):
		return refuse("invalid_arguments")
	}
	return nil
}

func canvasCreate(req *request) (body, error) {
	s := req.s
	c, err := req.joined(req.args["channel_id"])
	if err != nil {
		return nil, err
	}
	switch {
	case s.noCanvas != "":
		return nil, refuse(s.noCanvas)
	case s.canvasOf(c.ID) != nil:
		return nil, refuse("channel_canvas_already_exists")
	}
	var d documentContent
	if raw := req.jsonArg("document_content"); raw != nil {
		if json.Unmarshal(raw, &d) != nil {
			return nil, refuse("invalid_arguments")
		}
		if err := d.check(); err != nil {
			return nil, err
		}
	}
	v := &Canvas{ID: s.id("F"), Channel: c.ID, Title: req.args["title"], Markdown: d.Markdown, EditedAt: s.now()}
	s.canvases = append(s.canvases, v)
	s.changed(Change{Kind: "canvas", Channel: c.ID})
	return body{"canvas_id": v.ID}, nil
}

// canvasEdit knows one edit, the replacement of the whole document; the others
// need section ids, which no caller here has.
func canvasEdit(req *request) (body, error) {
	s, id := req.s, req.args["canvas_id"]
	i := slices.IndexFunc(s.canvases, func(c *Canvas) bool { return c.ID == id })
	switch {
	case s.noCanvas != "":
		return nil, refuse(s.noCanvas)
	case i < 0:
		return nil, refuse("canvas_not_found")
	}
	v := s.canvases[i]
	if _, err := req.joined(v.Channel); err != nil {
		return nil, err
	}
	var changes []struct {
		Operation string          `json:"operation"`
		Section   string          `json:"section_id"`
		Content   documentContent `json:"document_content"`
	}
	if json.Unmarshal(req.jsonArg("changes"), &changes) != nil || len(changes) != 1 || changes[0].Operation != "replace" || changes[0].Section != "" {
		return nil, &apiError{code: "invalid_arguments", messages: []string{"changes must be one replacement of the whole document"}}
	}
	if err := changes[0].Content.check(); err != nil {
		return nil, err
	}
	v.Markdown, v.EditedAt = changes[0].Content.Markdown, s.now()
	v.Edits++
	s.changed(Change{Kind: "canvas", Channel: v.Channel})
	return body{}, nil
}
