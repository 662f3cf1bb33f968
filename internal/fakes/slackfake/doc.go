// Package slackfake is a strict Slack at the wire: the Web API methods and the
// Socket Mode connections the bot uses, in one process, on a loopback address.
//
// It is a double for tests and the workspace of the demo. It refuses what
// Slack refuses: wrong token kinds and missing scopes, channels the bot is not
// in, blocks beyond the limits, trigger ids used twice or after 3 seconds,
// response URLs used more than 5 times, more than 10 connections, and, when
// switched on, more calls than the rate limits allow.
//
// It has three sides:
//
//   - the wire, spoken to by any Slack client pointed at [Server.APIURL];
//   - people: [Server.As] returns a [Person] who clicks, types commands and
//     submits dialogs as a human does in the client, and sees what the client
//     would show;
//   - the script and the record: faults to come ([Server.Next],
//     [Server.Disconnect]), and what was posted, called and acknowledged.
//
// A server without options is a workspace with the bot as its only member, no
// rate limits and the real clock.
//
//	ws := slackfake.New()
//	defer ws.Close()
//	ada := ws.AddUser(slackfake.User{Name: "ada", Email: "ada@corp.example"})
//	// … point the bot at ws.APIURL(), ws.AppToken and ws.BotToken …
//	question, err := ws.Expect(ctx, ws.DMChannel(ada.ID), slackfake.Saying("was this you"))
//	outcome, err := ws.As(ada.ID).Click(question.Channel, question.TS, "yes")
//
// Where the behaviour of Slack is documented the documentation at
// docs.slack.dev is followed; where it is only observed in public issue
// threads the comment says so.
package slackfake
