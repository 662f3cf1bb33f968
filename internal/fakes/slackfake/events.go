package slackfake

import (
	"fmt"
	"maps"
	"strings"
)

// Event sends an event of the Events API to the app, whether or not it is
// subscribed, and returns the envelope id of the first attempt.
func (s *Server) Event(eventType string, fields map[string]any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sendEvent(eventType, fields).EnvelopeID
}

// event sends an event when the app is subscribed to its type.
func (s *Server) event(eventType string, fields body) {
	if s.set.events[eventType] {
		s.sendEvent(eventType, fields)
	}
}

func (s *Server) sendEvent(eventType string, fields body) *delivery {
	inner := body{"type": eventType, "event_ts": s.timestamp()}
	maps.Copy(inner, fields)
	s.ids++
	payload := body{
		"token": "fake-verification-token", "team_id": s.TeamID, "api_app_id": s.AppID, "type": "event_callback",
		"event": inner, "event_id": fmt.Sprintf("Ev0%08d", s.ids), "event_time": s.now().Unix(),
		"authorizations": []body{{
			"enterprise_id": nil, "team_id": s.TeamID, "user_id": s.BotUser, "is_bot": true, "is_enterprise_install": false,
		}},
		"is_ext_shared_channel": false, "event_context": "4-fake",
	}
	return s.dispatch(&delivery{Delivery: Delivery{Type: "events_api", Payload: mustJSON(payload)}})
}

// announce sends the events that a message of a person causes.
func (s *Server) announce(c *Channel, m *Message) {
	if !c.has(s.BotUser) {
		return
	}
	fields := body{
		"user": m.User, "text": m.Text, "ts": m.TS, "channel": c.ID, "team": s.user(m.User).TeamID,
		"channel_type": string(c.Kind), "event_ts": m.TS,
	}
	if m.ThreadTS != "" {
		fields["thread_ts"] = m.ThreadTS
	}
	s.event("message", fields)
	if strings.Contains(m.Text, "<@"+s.BotUser+">") {
		delete(fields, "channel_type")
		s.event("app_mention", fields)
	}
}
