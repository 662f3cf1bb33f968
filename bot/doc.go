// Package bot is the runtime: it puts the parts together and runs the three
// lines along which everything happens.
//
// # The life of a finding
//
//  1. findings/intake receives a message from SQS and parses it
//     ([findings.Parse]); what cannot be used goes to [Bot.Park].
//
//  2. [Bot.HandleArrivals] loads what is known of the finding, folds it
//     (fold, foldCause), asks the policy (decide), and commits the case, its
//     timer and its planned effects in one atomic step. Only then is the
//     message deleted. Nothing has been sent to anybody.
//
//  3. runLane claims planned effects, lane by lane, and performs them: do is
//     one function a kind. doPage, doNotice, doAsk, … commit their outcome the
//     way everything is committed (change).
//
//  4. A person presses a button. [Bot.Action] authorises, commits (answer), and
//     returns; only then is the click acknowledged. A "no" plans a page in the
//     same commit.
//
//  5. A deadline passes. runTimers hands it to the question or case it belongs
//     to (fire); silence plans a page the same way.
//
//  6. A responder closes the case ([Bot.Submit], closeCase): planned pages are
//     cancelled, sent ones resolved, buttons disappear.
//
//  7. Meanwhile a case that matters gets lines in its record (cases.Record), and
//     doRecord carries them over to TheHive in order, for as long as it takes.
//
// # The life of an incident
//
// [Bot.Command] or a button opens one (openIncident): the incident, its audit
// record and its planned steps are one commit. doIncident performs the steps,
// one function each in incidentSteps: channel, members, summary, document,
// TheHive, page. What people do goes through onIncident, which authorises on each
// linked case. What operations did on instances is written into it by
// evidenceFor. Closing plans its end: timeline into the channel and TheHive, pages
// resolved, channel archived.
//
// # The life of an operation
//
// [Bot.Order], a dialog or policy (doCollect) proposes one; doPlan looks at the
// instance; approveOperation lets it begin where a second person is needed; doStep
// does one step after the other, each stored; doShow keeps its message up to date
// with few edits, the end first; doOperationRecord tells case, incident, TheHive and
// audit log how it ended.
//
// # What to rely on
//
// All decisions are made by pure engines (bot/cases, inquiries,
// findings/policy). All changes go through tx and store.Commit, which writes
// everything or nothing if and only if nobody was faster. All effects have
// stable ids that reach the far end (PagerDuty's dedup key, Slack's message
// metadata), so that doing one twice is harmless or noticed.
package bot
