package slackfake

import (
	"encoding/json"
	"strings"
	"time"
)

func digits(ts string) string { return strings.ReplaceAll(ts, ".", "") }

// wire is a message as the API and interaction payloads show it.
func (s *Server) wire(m *Message, metadata bool) body {
	out := body{"type": "message", "user": m.User, "ts": m.TS, "text": m.Text, "team": s.TeamID}
	if u := s.user(m.User); u != nil {
		out["team"] = u.TeamID
	}
	if m.fromApp() {
		out["bot_id"], out["app_id"] = m.BotID, s.AppID
		out["bot_profile"] = body{"id": s.BotID, "app_id": s.AppID, "name": s.user(s.BotUser).RealName, "team_id": s.TeamID, "deleted": false, "updated": 0}
	}
	if m.ThreadTS != "" {
		out["thread_ts"] = m.ThreadTS
		if m.ThreadTS != m.TS {
			if parent := s.byRef[Ref{m.Channel, m.ThreadTS}]; parent != nil {
				out["parent_user_id"] = parent.User
			}
		}
	}
	if replies := s.replies(m); len(replies) > 0 {
		out["thread_ts"], out["reply_count"], out["latest_reply"] = m.TS, len(replies), replies[len(replies)-1].TS
		out["reply_users"], out["reply_users_count"] = []string{replies[0].User}, 1
	}
	if m.Blocks != nil {
		out["blocks"] = m.Blocks
	}
	if m.Attachments != nil {
		out["attachments"] = m.Attachments
	}
	if m.Metadata != nil && metadata {
		out["metadata"] = m.Metadata
	}
	if !m.EditedAt.IsZero() {
		out["edited"] = body{"user": m.User, "ts": stamp(m.EditedAt)}
	}
	return out
}

// replies returns the thread below m, if m starts one.
func (s *Server) replies(m *Message) []*Message {
	if m.ThreadTS != "" && m.ThreadTS != m.TS {
		return nil
	}
	return s.threads[m.Ref()]
}

func stamp(t time.Time) string {
	us := t.UnixMicro()
	return itoa(us/1e6) + "." + itoa(1e6 + us%1e6)[1:]
}

// wireChannel is a conversation as the API shows it.
func (s *Server) wireChannel(c *Channel) body {
	out := body{
		"id": c.ID, "created": c.Created.Unix(), "is_archived": c.Archived, "is_ext_shared": c.ExtShared,
		"is_shared": c.ExtShared, "is_org_shared": false, "is_pending_ext_shared": false,
		"is_member": c.has(s.BotUser), "context_team_id": s.TeamID, "num_members": len(c.Members),
		"topic":   body{"value": c.Topic, "creator": "", "last_set": 0},
		"purpose": body{"value": c.Purpose, "creator": "", "last_set": 0},
	}
	for k, v := range c.Kind.flags() {
		out[k] = v
	}
	if c.Kind == DM {
		delete(out, "topic")
		delete(out, "purpose")
		for _, m := range c.Members {
			if m != s.BotUser {
				out["user"] = m
				out["is_user_deleted"] = s.user(m) != nil && s.user(m).Deleted
			}
		}
		return out
	}
	if v := s.canvasOf(c.ID); v != nil {
		out["properties"] = body{"canvas": body{"file_id": v.ID, "is_empty": v.Markdown == "", "quip_thread_id": ""}}
	}
	out["name"], out["name_normalized"], out["creator"] = c.Name, c.Name, c.Creator
	return out
}

// wireUser is a user as users.info shows it.
func (s *Server) wireUser(u *User, email, locale bool) body {
	profile := body{"real_name": u.RealName, "display_name": u.Name, "team": u.TeamID}
	if email && !u.NoEmail && !u.Bot && u.Email != "" {
		profile["email"] = u.Email
	}
	out := body{
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "deleted": u.Deleted, "profile": profile,
		"is_bot": u.Bot, "is_app_user": false, "updated": 1,
	}
	if u.Stranger || u.TeamID != s.TeamID {
		out["is_stranger"] = u.Stranger
	}
	if !u.Deleted {
		offset := 0
		if loc, err := time.LoadLocation(u.TZ); err == nil {
			_, offset = s.now().In(loc).Zone()
		}
		out["real_name"], out["tz"], out["tz_label"], out["tz_offset"] = u.RealName, u.TZ, u.TZ, offset
		out["is_admin"], out["is_owner"], out["is_primary_owner"] = false, false, false
		out["is_restricted"], out["is_ultra_restricted"] = u.Guest || u.UltraGuest, u.UltraGuest
		out["is_email_confirmed"] = true
	}
	if locale {
		out["locale"] = u.Locale
	}
	return out
}

// channelName is the name of a channel in interaction payloads.
func (c *Channel) payloadName() string {
	switch c.Kind {
	case DM:
		return "directmessage"
	case Private, GroupDM:
		return "privategroup"
	}
	return c.Name
}

// mustJSON marshals what cannot fail to marshal.
func mustJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic("slackfake: marshal: " + err.Error())
	}
	return data
}
