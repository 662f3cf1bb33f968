// Package trail answers which API calls came from an address, from the event
// history of CloudTrail.
//
// The event history cannot be searched by address. It can be searched by the
// access key or user name that a finding names, so that is done, and the events
// are sorted out here: what other credentials did from the same address is not
// seen. LookupEvents takes two calls a second for each account and region, gives
// 50 events each and goes back 90 days (CloudTrail API reference).
package trail
