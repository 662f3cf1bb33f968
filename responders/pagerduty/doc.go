// Package pagerduty wakes people through the PagerDuty Events API v2
// (https://developer.pagerduty.com/docs/events-api-v2-overview).
//
// A page must get out, so nothing about its content makes it fail: what is too
// long is cut, what cannot be encoded is left out and said to be. One call is
// one attempt; trying again is the runtime's business, and Error says whether
// and when. All attempts of one page carry the same deduplication key, which
// makes a repeat harmless while the incident is open. After a resolve the same
// key would open a new incident: the caller never triggers a resolved key.
//
// API asks the REST API who is on call, for people to read; no page depends on
// it.
package pagerduty
