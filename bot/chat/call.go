package chat

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// call makes one call of a Web API method within its limit and decodes the
// answer into out, unless that is nil. It stands beside the client library for
// methods whose answers the library does not hand on whole.
func (s *Slack) call(ctx context.Context, method string, args url.Values, out any) error {
	if err := s.tiers.wait(ctx, method); err != nil {
		return err
	}
	args.Set("token", s.cfg.BotToken)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.APIURL+method, strings.NewReader(args.Encode()))
	if err != nil {
		return &Error{Kind: Permanent, Code: "bad_request", Method: method}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.via.Do(req)
	if err != nil {
		return s.failed(method, err)
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return &Error{Kind: Ambiguous, Code: "bad_answer", Method: method}
	}
	return nil
}

// fine turns refusals that say that it is so already into success.
func fine(err error, already ...string) error {
	got := code(err)
	for _, c := range already {
		if got == c {
			return nil
		}
	}
	return err
}
