// Package incidents is the incident engine: what is known and planned about an
// incident and the channel it is worked in.
//
// It is pure: (incident, event, now) → (incident', effects). The runtime
// (package bot) loads an incident, calls one of these functions and commits the
// result with its effects and its timer in one atomic step. Randomness (the id)
// and the clock are the caller's.
//
//	Open ──▶ channel ──▶ summary ──▶ pin
//	  │         ├──────▶ topic, document
//	  ├──▶ gather ─────▶ invite
//	  ├──▶ hive, page
//	  ▼
//	Close ─▶ resolve, record          (no chat needed)
//	      └▶ edit ──▶ export ──▶ archive, and nothing in the channel after it
//	Reopen ▶ unarchive, else a fresh channel; rehive, page
//
// Every step is an effect with a stable id. A step that is given up does not
// stop the others: it is shown in the summary (Failures) and can be tried again
// (Retry). What an effect achieved is reported with the effect's id; a report
// about an effect that is not under way changes nothing, so that reports may be
// repeated or late.
package incidents
