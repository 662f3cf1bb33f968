// Package guardduty asks Amazon GuardDuty whether a finding that arrived in the
// queue exists there. Whoever can write to the queue can make up a finding; they
// must not be able to make the bot act on a machine with it.
package guardduty
