// Package okta asks people for a second proof by an Okta Verify push
// (https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserFactor/):
// the user is found by login, a push factor is chosen, verifying it starts a
// transaction, and its poll link says how it stands.
//
// Where Okta asks for a number challenge, its answer while waiting holds the
// number to be picked on the telephone. The API token needs the right to verify
// factors of users, which is much (a Help Desk administrator's): keep it apart
// from other tokens and restrict it to the bot's addresses.
package okta
