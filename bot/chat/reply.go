package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/securitybot/securitybot/internal/message"
)

// privately is the shape of a message in an acknowledgement and for a
// response_url.
type privately struct {
	Type         string        `json:"response_type"`
	Text         string        `json:"text"`
	Blocks       []slack.Block `json:"blocks,omitempty"`
	UnfurlLinks  bool          `json:"unfurl_links"`
	UnfurlMedia  bool          `json:"unfurl_media"`
	ReplaceFirst bool          `json:"replace_original"`
}

func (s *Slack) private(m message.Message) privately {
	blocks, text := renderBlocks(m, s.look)
	return privately{Type: "ephemeral", Text: text, Blocks: blocks}
}

// answer puts into the acknowledgement what may and fits, and returns what is
// left to do after it.
func (s *Slack) answer(what any, r Reply, accepts bool) (json.RawMessage, Reply) {
	if !accepts {
		return nil, r
	}
	switch what.(type) {
	case Command:
		if r.Message == nil {
			return nil, r
		}
		if payload := marshal(s.private(*r.Message)); len(payload) <= maxAck {
			r.Message = nil
			return payload, r
		}
		return marshal(privately{Type: "ephemeral", Text: "The answer is long and follows in a moment."}), r
	case Submission:
		return s.answerView(r)
	}
	return nil, r
}

// answerView answers a dialog: with errors it stays, with a new dialog or a
// message it changes, else it closes.
func (s *Slack) answerView(r Reply) (json.RawMessage, Reply) {
	var view message.Modal
	switch {
	case len(r.Errors) > 0:
		errs := make(map[string]string, len(r.Errors))
		for field, text := range r.Errors {
			errs[field] = label(text, maxInputHint, "Please check this.")
		}
		if payload := marshal(slack.NewErrorsViewSubmissionResponse(errs)); len(payload) <= maxAck {
			return payload, r
		}
		view = viewOf(message.Message{}.Para(message.L("Something in this form is not right. Please open it again.")))
	case r.Modal != nil:
		view, r.Modal = *r.Modal, nil
	case r.Message != nil:
		view = viewOf(*r.Message)
	default:
		return nil, r
	}
	rendered := renderModal(view, s.look)
	if payload := marshal(slack.NewUpdateViewSubmissionResponse(&rendered)); len(payload) <= maxAck {
		r.Message = nil
		return payload, r
	}
	if r.Message == nil {
		r.Message = &message.Message{Parts: view.Parts}
	}
	return marshal(slack.NewClearViewSubmissionResponse()), r
}

// follow delivers what did not go with the acknowledgement.
func (s *Slack) follow(ctx context.Context, what any, r Reply) {
	t := targetOf(what)
	if r.Modal != nil {
		if err := s.OpenModal(ctx, t.trigger, *r.Modal); err != nil {
			s.log.Warn("cannot open a dialog", "code", code(err))
			if r.Message == nil {
				late := message.Message{}.Para(message.L("That took too long to open. Please try it once more."))
				r.Message = &late
			}
		}
	}
	if r.Message == nil {
		return
	}
	if err := s.tell(ctx, t, *r.Message); err != nil {
		s.log.Error("cannot answer a person", "code", code(err), "kind", KindOf(err).String())
	}
}

// target is where a private answer goes.
type target struct{ channel, thread, user, trigger, responseURL string }

func targetOf(what any) target {
	switch w := what.(type) {
	case Action:
		return target{w.Channel, w.Thread, w.User, w.TriggerID, w.ResponseURL}
	case Command:
		return target{w.Channel, "", w.User, w.TriggerID, w.ResponseURL}
	case Submission:
		return target{user: w.User, trigger: w.TriggerID}
	}
	return target{}
}

// tell shows a message to one person: where the person acted, through the
// response address when the bot may not speak there, and as a direct message
// when there is no such place.
func (s *Slack) tell(ctx context.Context, t target, m message.Message) error {
	if t.channel != "" {
		err := s.ephemeral(ctx, t.channel, t.user, t.thread, m)
		if err == nil || KindOf(err) != Permanent || t.responseURL == "" {
			return err
		}
		return s.Respond(ctx, t.responseURL, m, false)
	}
	dm, err := s.DM(ctx, t.user)
	if err != nil {
		return err
	}
	if err := s.lanes.wait(ctx, dm, true); err != nil {
		return &Error{Kind: Transient, Code: "canceled", Method: "chat.postMessage", cause: err}
	}
	_, err = s.Post(ctx, dm, "", m, "")
	return err
}

// Respond sends a private message through a response_url, which is good for
// five uses in 30 minutes (docs.slack.dev, "Handling user interaction"). With
// replace it takes the place of the message whose button was pressed, even one
// that only this person sees; the response_url of a command has no such message
// and Slack then shows one more (slackapi/bolt-js#2287).
//
// The address comes from outside, so only Slack's own hosts, and the host of
// the configured API, are spoken to. A used-up or old one is a Permanent error
// response_url_expired.
func (s *Slack) Respond(ctx context.Context, address string, m message.Message, replace bool) error {
	const method = "response_url"
	u, err := url.Parse(address)
	if err != nil || !s.trusted(u) {
		return &Error{Kind: Permanent, Code: "bad_response_url", Method: method}
	}
	content := s.private(m)
	content.ReplaceFirst = replace
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(marshal(content)))
	if err != nil {
		return &Error{Kind: Permanent, Code: "bad_response_url", Method: method}
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.via.http.Do(req)
	if err != nil {
		return lostError(method, err, true)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK:
		return nil
	case resp.StatusCode == http.StatusTooManyRequests:
		return &Error{Kind: RateLimited, Code: "ratelimited", Method: method, RetryAfter: retryAfter(resp.Header, time.Now())}
	case resp.StatusCode < 500:
		return &Error{Kind: Permanent, Code: "response_url_expired", Method: method}
	}
	return &Error{Kind: Ambiguous, Code: "bad_answer", Method: method}
}

func (s *Slack) trusted(u *url.URL) bool {
	api, err := url.Parse(s.cfg.APIURL)
	if err == nil && u.Scheme == api.Scheme && u.Host == api.Host {
		return true
	}
	host := strings.ToLower(u.Hostname())
	return u.Scheme == "https" && u.User == nil &&
		(hostMatches(host, "*.slack.com") || hostMatches(host, "*.slack-gov.com"))
}
