package chat

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/securitybot/securitybot/internal/message"
)

// maxCanvasTitle bounds the title of a canvas; Slack's own limit is not
// documented, and nobody reads more.
const maxCanvasTitle = 150

// Canvas makes the canvas of a channel, the document in its first tab, and
// returns its id. A channel has one; when there is one already, the id of that
// is returned with its content replaced, so that repeating the call is
// harmless. When CanvasUnavailable reports the error, the workspace has no
// canvases for the bot: pin a message instead.
func (s *Slack) Canvas(ctx context.Context, channel, title string, m message.Message) (string, error) {
	const method = "conversations.canvases.create"
	var out struct {
		ID string `json:"canvas_id"`
	}
	err := s.call(ctx, method, url.Values{"channel_id": {channel},
		"title": {label(title, maxCanvasTitle, "Notes")}, "document_content": {string(document(m, s.look))}}, &out)
	switch c := code(err); {
	case c == "channel_canvas_already_exists" || c == "free_team_canvas_tab_already_exists":
		id, err := s.canvasOf(ctx, channel)
		if err != nil {
			return "", err
		}
		return id, s.UpdateCanvas(ctx, id, m)
	case err != nil:
		return "", err
	case out.ID == "":
		return "", &Error{Kind: Ambiguous, Code: "bad_answer", Method: method}
	}
	return out.ID, nil
}

// ChannelCanvas returns the id of the canvas a channel has, if it has one.
func (s *Slack) ChannelCanvas(ctx context.Context, channel string) (id string, found bool, err error) {
	id, err = s.canvasOf(ctx, channel)
	if code(err) == "canvas_not_found" {
		return "", false, nil
	}
	return id, err == nil, err
}

// canvasOf returns the id of the canvas a channel has.
func (s *Slack) canvasOf(ctx context.Context, channel string) (string, error) {
	const method = "conversations.info"
	var out struct {
		Channel struct {
			Properties struct {
				Canvas struct {
					ID string `json:"file_id"`
				} `json:"canvas"`
			} `json:"properties"`
		} `json:"channel"`
	}
	if err := s.call(ctx, method, url.Values{"channel": {channel}}, &out); err != nil {
		return "", err
	}
	id := out.Channel.Properties.Canvas.ID
	if id == "" {
		return "", &Error{Kind: Permanent, Code: "canvas_not_found", Method: method}
	}
	return id, nil
}

// UpdateCanvas replaces the whole content of a canvas; its title stays. What
// people wrote into it is lost, so it should say who keeps it. While somebody
// edits it Slack may refuse (canvas_editing_locked), which is Transient.
func (s *Slack) UpdateCanvas(ctx context.Context, id string, m message.Message) error {
	change := marshal([]canvasChange{{Operation: "replace", Content: document(m, s.look)}})
	return s.call(ctx, "canvases.edit", url.Values{"canvas_id": {id}, "changes": {string(change)}}, nil)
}

// canvasChange is one edit; canvases.edit takes one a call. Without a section
// it concerns the whole document.
type canvasChange struct {
	Operation string          `json:"operation"`
	Content   json.RawMessage `json:"document_content"`
}

func document(m message.Message, look RenderOptions) json.RawMessage {
	return marshal(map[string]string{"type": "markdown", "markdown": RenderCanvas(m, look)})
}

// CanvasUnavailable reports whether an error of Canvas or UpdateCanvas means
// that this workspace, or the bot in it, cannot have this canvas now or later.
// The caller keeps the same content in a pinned message.
func CanvasUnavailable(err error) bool {
	switch code(err) {
	case "canvas_disabled_user_team", "team_tier_cannot_create_channel_canvases", "free_teams_cannot_create_non_tabbed_canvases",
		"free_teams_cannot_edit_standalone_canvases", "unsupported_channel_type", "canvas_not_found", "canvas_deleted",
		"channel_canvas_deleted", "restricted_action", "missing_scope", "unknown_method", "not_allowed_token_type", "access_denied",
		"canvas_creation_failed", "method_not_supported_for_channel_type":
		return true
	}
	return false
}
