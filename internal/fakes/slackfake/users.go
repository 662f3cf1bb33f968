package slackfake

import (
	"slices"
	"strings"
)

func (req *request) mayEmail() bool { return slices.Contains(req.token.Scopes, "users:read.email") }

func usersInfo(req *request) (body, error) {
	u := req.s.user(req.args["user"])
	if u == nil {
		return nil, refuse("user_not_found")
	}
	if u.Invisible {
		return nil, refuse("user_not_visible")
	}
	return body{"user": req.s.wireUser(u, req.mayEmail(), req.flag("include_locale"))}, nil
}

// usersLookupByEmail finds active people whose address apps may see. That
// deactivated people are not found is observed, not documented.
func usersLookupByEmail(req *request) (body, error) {
	email := strings.TrimSpace(req.args["email"])
	for _, u := range req.s.users {
		hidden := u.Deleted || u.Invisible || u.NoEmail || u.Bot || u.TeamID != req.s.TeamID
		if !hidden && email != "" && strings.EqualFold(u.Email, email) {
			return body{"user": req.s.wireUser(u, true, false)}, nil
		}
	}
	return nil, refuse("users_not_found")
}

func usersList(req *request) (body, error) {
	list := slices.DeleteFunc(slices.Clone(req.s.users), func(u *User) bool { return u.Invisible })
	list, meta, err := page(req, list, 200, 1000)
	if err != nil {
		return nil, err
	}
	members := make([]body, len(list))
	for i, u := range list {
		members[i] = req.s.wireUser(u, req.mayEmail(), req.flag("include_locale"))
	}
	return body{"members": members, "cache_ts": req.s.now().Unix(), "response_metadata": meta}, nil
}

func usergroupsList(req *request) (body, error) {
	out := []body{}
	for _, g := range req.s.groups {
		if g.Disabled && !req.flag("include_disabled") {
			continue
		}
		item := body{
			"id": g.ID, "team_id": req.s.TeamID, "is_usergroup": true, "is_external": false,
			"name": g.Name, "handle": g.Handle, "description": "", "date_delete": 0, "user_count": len(g.Users),
		}
		if g.Disabled {
			item["date_delete"] = 1
		}
		if req.flag("include_users") {
			item["users"] = orEmpty(g.Users)
		}
		out = append(out, item)
	}
	return body{"usergroups": out}, nil
}

func usergroupsUsersList(req *request) (body, error) {
	for _, g := range req.s.groups {
		if g.ID == req.args["usergroup"] && (!g.Disabled || req.flag("include_disabled")) {
			return body{"users": orEmpty(g.Users)}, nil
		}
	}
	return nil, refuse("no_such_subteam")
}
