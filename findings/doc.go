// Package findings is the ground floor: what arrives and what it means.
//
// Parse turns any envelope into Findings, Key and CauseKey say which of them
// are the same thing, and the catalogue knows every GuardDuty type: its group,
// a plain sentence for people, and the resource it speaks of. The package is
// pure and imports nothing else of this module.
//
// # How a document is read
//
// The common path, a finding in an EventBridge event in an SNS notification, is
// decoded in one pass for each layer into the few fields that are used, in any
// casing. Every other form is recognised by its keys and rewritten into those
// same fields, so that one function decides what a finding is. Decoding is
// strict about what JSON is (no key twice, not even in another case; only valid
// UTF-8) and lenient about what a field holds. What is refused has a reason in
// our own words.
//
// # Decisions worth knowing
//
// A missing severity is the type's default, and 7 for a type not listed: what
// we do not understand gets more attention. A severity outside 0 to 10 is
// refused.
//
// Groups follow the type, never the severity. Critical for access are the
// changes to CloudTrail and other records (Stealth and DefenseEvasion under
// IAMUser), the password policy, credentials used where they do not belong or
// known to be stolen, and everything about S3 but malware in stored files.
// Types under EC2 are ec2, the rest of IAMUser and IAM is iam. Runtime types
// are ec2 on an instance and other on a cluster.
//
// Calls that weaken GuardDuty become Tamper findings: 8 when they blind it at
// once, 4 to 6 when they can hide things but are often ordinary work, at most 5
// when they were refused. Calls that change nothing about what it sees become
// Audit findings with severity 1.
//
// A coverage event is identified by its resource, so that "healthy" is an
// update of "unhealthy"; an announcement by its text.
package findings
