package slackfake

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake/blockkit"
)

// Lifetimes from docs.slack.dev/interactivity/handling-user-interaction.
const (
	triggerLife = 3 * time.Second
	hookLife    = 30 * time.Minute
	hookUses    = 5
)

type trigger struct {
	user  string
	until time.Time
	used  bool
}

// newTrigger makes a trigger id for something the user did.
func (s *Server) newTrigger(user string) string {
	s.ids++
	id := fmt.Sprintf("%d.%d.%032x", 1000000000000+s.ids, 4200001, s.ids)
	s.triggers[id] = &trigger{user: user, until: s.now().Add(s.set.triggerLife)}
	return id
}

// findTrigger checks a trigger id; it is used up by spend, after the view was
// found to be good.
func (s *Server) findTrigger(id string) (*trigger, error) {
	t := s.triggers[id]
	switch {
	case t == nil:
		return nil, refuse("invalid_trigger_id")
	case t.used:
		return nil, refuse("exchanged_trigger_id")
	case s.now().After(t.until):
		return nil, refuse("expired_trigger_id")
	}
	return t, nil
}

// hook is a response URL.
type hook struct {
	channel, user string
	origin        *Message // the message the interaction was on; nil for commands
	until         time.Time
	uses          int
}

// newHook makes a response URL. The path tells as little as Slack's.
func (s *Server) newHook(kind string, c *Channel, user string, origin *Message) string {
	s.ids++
	path := fmt.Sprintf("%s/%s/%d/%024x", kind, s.TeamID, s.ids, s.ids)
	s.hooks[path] = &hook{channel: c.ID, user: user, origin: origin, until: s.now().Add(hookLife)}
	return s.URL + "/hooks/" + path
}

// reply is a message sent to a response URL or in the ack of a command.
type reply struct {
	Text            string          `json:"text"`
	Blocks          json.RawMessage `json:"blocks"`
	Attachments     json.RawMessage `json:"attachments"`
	ResponseType    string          `json:"response_type"`
	ThreadTS        string          `json:"thread_ts"`
	ReplaceOriginal *bool           `json:"replace_original"`
	DeleteOriginal  bool            `json:"delete_original"`
}

// serveHook serves response URLs. The calls are recorded as method
// "response_url".
func (s *Server) serveHook(w http.ResponseWriter, r *http.Request, path string) {
	data, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)) // a body cut short is no JSON
	req := &request{s: s, method: "response_url", args: map[string]string{"body": string(data)}}
	s.serve(w, r, req, func(call *Call) (_ body, err error) {
		call.Status, err = s.useHook(s.hooks[path], data)
		return body{}, err
	})
}

// useHook performs a call of a response URL and returns the HTTP status.
func (s *Server) useHook(h *hook, data []byte) (int, error) {
	switch {
	case h == nil:
		return http.StatusNotFound, refuse("invalid_url")
	case s.now().After(h.until):
		return http.StatusNotFound, refuse("expired_url")
	case h.uses >= hookUses:
		return http.StatusNotFound, refuse("used_url")
	}
	var in reply
	if json.Unmarshal(data, &in) != nil {
		return http.StatusBadRequest, refuse("invalid_payload")
	}
	h.uses++
	if in.DeleteOriginal {
		if h.origin == nil {
			return http.StatusNotFound, refuse("message_not_found")
		}
		s.remove(h.origin)
		return http.StatusOK, nil
	}
	m, err := in.message()
	if err != nil {
		return http.StatusOK, err
	}
	if in.ReplaceOriginal != nil && *in.ReplaceOriginal && h.origin != nil {
		s.edit(h.origin, m)
		return http.StatusOK, nil
	}
	if m.empty() {
		return http.StatusBadRequest, refuse("no_text")
	}
	s.respond(s.channel(h.channel), h.user, in, m, "response_url")
	return http.StatusOK, nil
}

// message checks what a reply says.
func (in reply) message() (Message, error) {
	m := Message{Text: in.Text, ThreadTS: in.ThreadTS}
	if string(in.Attachments) != "null" {
		m.Attachments = slices.Clone(in.Attachments)
	}
	if len(in.Blocks) == 0 || string(in.Blocks) == "null" {
		return m, nil
	}
	filled, err := checkBlocks(blockkit.Message, in.Blocks)
	m.Blocks = filled
	return m, err
}

// respond posts a reply: for the person alone unless it says in_channel.
func (s *Server) respond(c *Channel, user string, in reply, m Message, via string) *Message {
	if in.ResponseType != "in_channel" {
		m.EphemeralTo = user
	}
	return s.post(c, m, via)
}
