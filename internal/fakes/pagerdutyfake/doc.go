// Package pagerdutyfake stands in for the PagerDuty Events API v2: it refuses
// what the real service refuses, groups events into incidents by their
// deduplication key, limits the rate per integration key, and fails as it is
// told to. Beside it stands the one method of the REST API that is asked, who is
// on call. Tests and the demo use it; nothing else does.
//
// Facts come from PagerDuty's public documentation ("Events API v2", "Send an
// alert event", "API Response Codes & Retry Logic").
package pagerdutyfake
