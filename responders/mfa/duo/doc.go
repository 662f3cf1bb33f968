// Package duo asks people for a second proof by a push of Duo's Auth API v2
// (https://duo.com/docs/authapi): preauth says whether the person can be
// pushed to, auth sends the push and returns a transaction, auth_status says
// how it stands.
//
// One call of Start sends at most one push. Only a press of "Approve" is a
// proof: a person whom Duo lets pass without asking (bypass, remembered device)
// has proved nothing. Verified Push, in which a code is typed, cannot be asked
// for through this API.
package duo
