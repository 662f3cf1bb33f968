// Package thehivefake stands in for TheHive 5's REST API, version 1: alerts,
// cases made from them, observables, comments and attachments of one or more
// organisations. It checks requests against the fields, limits and enumerations
// that TheHive documents, and fails as it is told to. Tests and the demo use it;
// nothing else does.
//
// Facts come from TheHive's public API documentation (version 5.7) and, where
// that is silent, from the source of TheHive 4: how a second alert with the same
// type, source and reference is refused, and that promoting twice gives the same
// case. It is stricter than TheHive in one respect: fields that are not
// documented are refused, where TheHive ignores them.
package thehivefake
