package slackfake

import (
	"encoding/json"
	"fmt"

	"github.com/securitybot/securitybot/internal/fakes/slackfake/blockkit"
)

// maxStack is how many modals may lie on each other.
const maxStack = 3

type viewPayload struct {
	Type       string `json:"type"`
	CallbackID string `json:"callback_id"`
	Private    string `json:"private_metadata"`
	ExternalID string `json:"external_id"`
}

// view checks the view argument; kind is the type it must have.
func (req *request) view(kind string) (View, error) {
	raw := req.jsonArg("view")
	if raw == nil {
		return View{}, &apiError{code: "invalid_arguments", messages: []string{"missing required field: view"}}
	}
	return req.s.checkView(raw, kind)
}

func (s *Server) checkView(raw json.RawMessage, kind string) (View, error) {
	res := blockkit.View(raw)
	if res.Code != "" {
		return View{}, &apiError{code: res.Code, messages: res.Messages()}
	}
	var p viewPayload
	if json.Unmarshal(res.Filled, &p) != nil || p.Type != kind {
		return View{}, &apiError{code: "invalid_arguments", messages: []string{fmt.Sprintf("must be of type %s [json-pointer:/view/type]", kind)}}
	}
	if p.ExternalID != "" {
		for _, v := range s.views {
			if v.ExternalID == p.ExternalID {
				return View{}, refuse("duplicate_external_id")
			}
		}
	}
	return View{Type: p.Type, CallbackID: p.CallbackID, Private: p.Private, ExternalID: p.ExternalID, Raw: res.Filled}, nil
}

// keep stores a new view of the user.
func (s *Server) keep(v View, user, previous string) *View {
	v.ID, v.User, v.OpenedAt, v.PreviousID = s.id("V"), user, s.now(), previous
	v.RootID = v.ID
	if prev := s.views[previous]; prev != nil {
		v.RootID = prev.RootID
	}
	v.Hash = s.newHash()
	s.views[v.ID] = &v
	s.changed(Change{Kind: "view", User: user})
	return &v
}

func (s *Server) newHash() string {
	s.ids++
	return fmt.Sprintf("%d.%08x", s.now().Unix(), s.ids)
}

// wireView is a view as the API and payloads show it.
func (s *Server) wireView(v *View, state any) body {
	var out body
	if err := json.Unmarshal(v.Raw, &out); err != nil {
		panic("slackfake: stored view: " + err.Error())
	}
	fill := func(k string, def any) {
		if _, ok := out[k]; !ok {
			out[k] = def
		}
	}
	for _, k := range []string{"callback_id", "private_metadata", "external_id"} {
		fill(k, "")
	}
	for _, k := range []string{"close", "submit", "title"} {
		fill(k, nil)
	}
	fill("clear_on_close", false)
	fill("notify_on_close", false)
	out["id"], out["team_id"], out["app_id"], out["bot_id"] = v.ID, s.TeamID, s.AppID, s.BotID
	out["app_installed_team_id"], out["hash"], out["root_view_id"] = s.TeamID, v.Hash, v.RootID
	out["previous_view_id"] = nil
	if v.PreviousID != "" {
		out["previous_view_id"] = v.PreviousID
	}
	out["state"] = body{"values": state}
	return out
}

func viewsOpen(req *request) (body, error) { return req.openView(false) }
func viewsPush(req *request) (body, error) { return req.openView(true) }

func (req *request) openView(push bool) (body, error) {
	s := req.s
	t, err := s.findTrigger(req.args["trigger_id"])
	if err != nil {
		return nil, err
	}
	v, err := req.view("modal")
	if err != nil {
		return nil, err
	}
	stack := s.stacks[t.user]
	if push && len(stack) == 0 {
		return nil, refuse("not_found")
	}
	if push && len(stack) >= maxStack {
		return nil, refuse("push_limit_reached")
	}
	t.used = true
	if !push {
		s.closeModals(t.user)
	}
	return body{"view": s.wireView(s.pushView(v, t.user), body{})}, nil
}

// pushView puts a view on top of the user's modals.
func (s *Server) pushView(v View, user string) *View {
	stack, previous := s.stacks[user], ""
	if len(stack) > 0 {
		previous = stack[len(stack)-1]
	}
	kept := s.keep(v, user, previous)
	s.stacks[user] = append(stack, kept.ID)
	return kept
}

func (s *Server) closeModals(user string) {
	for _, id := range s.stacks[user] {
		delete(s.views, id)
	}
	delete(s.stacks, user)
	s.changed(Change{Kind: "view", User: user})
}

// closeTop closes the visible modal; the one below shows again.
func (s *Server) closeTop(user string) {
	stack := s.stacks[user]
	if len(stack) == 0 {
		return
	}
	delete(s.views, stack[len(stack)-1])
	s.stacks[user] = stack[:len(stack)-1]
	s.changed(Change{Kind: "view", User: user})
}

func viewsUpdate(req *request) (body, error) {
	s, id := req.s, req.args["view_id"]
	var old *View
	for _, v := range s.views {
		if v.ID == id || id == "" && v.ExternalID != "" && v.ExternalID == req.args["external_id"] {
			old = v
		}
	}
	if old == nil {
		return nil, refuse("not_found")
	}
	if h := req.args["hash"]; h != "" && h != old.Hash {
		return nil, refuse("hash_conflict")
	}
	external := old.ExternalID
	old.ExternalID = "" // it may keep its own
	v, err := req.view(old.Type)
	old.ExternalID = external
	if err != nil {
		return nil, err
	}
	s.replaceView(old, v)
	return body{"view": s.wireView(old, body{})}, nil
}

func (s *Server) replaceView(old *View, v View) {
	old.CallbackID, old.Private, old.ExternalID, old.Raw = v.CallbackID, v.Private, v.ExternalID, v.Raw
	old.Hash = s.newHash()
	s.changed(Change{Kind: "view", User: old.User})
}

func viewsPublish(req *request) (body, error) {
	s, user := req.s, req.args["user_id"]
	if s.user(user) == nil {
		return nil, refuse("user_not_found")
	}
	old := s.views[s.homes[user]]
	if h := req.args["hash"]; h != "" && old != nil && h != old.Hash {
		return nil, refuse("hash_conflict")
	}
	v, err := req.view("home")
	if err != nil {
		return nil, err
	}
	if old != nil {
		s.replaceView(old, v)
	} else {
		old = s.keep(v, user, "")
		s.homes[user] = old.ID
	}
	return body{"view": s.wireView(old, body{})}, nil
}

// open returns the modal the user sees.
func (s *Server) openModal(user string) *View {
	if stack := s.stacks[user]; len(stack) > 0 {
		return s.views[stack[len(stack)-1]]
	}
	return nil
}
