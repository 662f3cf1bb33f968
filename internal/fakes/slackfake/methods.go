package slackfake

// method is one Web API method: who may call it and what it does. The tier is
// the one of docs.slack.dev/apis/web-api/rate-limits; 0 is for methods with
// limits of their own.
type method struct {
	run   methodFunc
	scope string // required; "" when none or when it depends on the conversation
	app   bool   // wants an app-level token
	tier  int
}

var methods = map[string]method{
	"api.test":              {run: apiTest},
	"auth.test":             {run: authTest},
	"apps.connections.open": {run: connectionsOpen, scope: "connections:write", app: true, tier: 1},

	"chat.postMessage":   {run: postMessage, scope: "chat:write"},
	"chat.postEphemeral": {run: postEphemeral, scope: "chat:write", tier: 4},
	"chat.update":        {run: updateMessage, scope: "chat:write", tier: 3},
	"chat.delete":        {run: deleteMessage, scope: "chat:write", tier: 3},
	"chat.getPermalink":  {run: permalink},

	"conversations.open":       {run: conversationsOpen, tier: 3},
	"conversations.info":       {run: conversationsInfo, tier: 3},
	"conversations.list":       {run: conversationsList, tier: 2},
	"conversations.history":    {run: conversationsHistory, tier: 3},
	"conversations.replies":    {run: conversationsReplies, tier: 3},
	"conversations.members":    {run: conversationsMembers, tier: 4},
	"conversations.create":     {run: conversationsCreate, tier: 2},
	"conversations.invite":     {run: conversationsInvite, tier: 3},
	"conversations.setTopic":   {run: conversationsSetTopic, tier: 2},
	"conversations.setPurpose": {run: conversationsSetPurpose, tier: 2},
	"conversations.archive":    {run: conversationsArchive, tier: 2},
	"conversations.unarchive":  {run: conversationsUnarchive, tier: 2},

	"conversations.canvases.create": {run: canvasCreate, scope: "canvases:write", tier: 2},
	"canvases.edit":                 {run: canvasEdit, scope: "canvases:write", tier: 3},
	"pins.add":                      {run: pinsAdd, scope: "pins:write", tier: 2},
	"files.getUploadURLExternal":    {run: uploadURL, scope: "files:write", tier: 4},
	"files.completeUploadExternal":  {run: completeUpload, scope: "files:write", tier: 4},

	"users.info":            {run: usersInfo, scope: "users:read", tier: 4},
	"users.lookupByEmail":   {run: usersLookupByEmail, scope: "users:read.email", tier: 3},
	"users.conversations":   {run: usersConversations, tier: 3},
	"users.list":            {run: usersList, scope: "users:read", tier: 2},
	"usergroups.list":       {run: usergroupsList, scope: "usergroups:read", tier: 2},
	"usergroups.users.list": {run: usergroupsUsersList, scope: "usergroups:read", tier: 2},

	"views.open":    {run: viewsOpen, tier: 4},
	"views.push":    {run: viewsPush, tier: 4},
	"views.update":  {run: viewsUpdate, tier: 4},
	"views.publish": {run: viewsPublish, tier: 4},
}

func apiTest(*request) (body, error) { return body{"args": body{}}, nil }

func authTest(req *request) (body, error) {
	s := req.s
	return body{
		"url": "https://" + s.set.domain + ".slack.com/", "team": s.set.team, "team_id": s.TeamID,
		"user": s.user(s.BotUser).Name, "user_id": s.BotUser, "bot_id": s.BotID,
		"is_enterprise_install": false,
	}, nil
}
