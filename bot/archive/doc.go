// Package archive is the format in which the bot keeps its decisions: NDJSON,
// one object a line, one file a month, only ever appended to.
//
// A line of kind "decided" holds what a decision was made on (the finding, the
// facts as rules saw them, what was unavailable, the time) and the decision, so
// that it can be made again. What becomes of the case comes later, in lines of
// its own with the same case_id. Nothing is rewritten. A line may be there
// twice, with the same id. Lines carry a version; those of version 0, from before
// there was one, are read as far as they go.
//
// There are no secrets in it, but people: e-mail addresses, chat ids and addresses
// of devices, as far as rules see them.
package archive
