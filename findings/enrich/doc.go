// Package enrich answers what a finding alone does not say: who owns the
// resource, which person stands behind a principal, whether the network is
// ours.
//
// Directory answers from the configuration alone. Every answer carries a
// plain sentence saying how it was reached. Nothing here proves who did
// something: session names are chosen by whoever opens the session and tags
// are written by whoever may tag, so an answer tells whom to ask or to tell,
// and nothing more.
package enrich
