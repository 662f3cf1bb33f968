// Package awsrole gets sessions in the accounts of an organization: with the
// credentials this process runs under it assumes a role of a known name in the
// account concerned.
//
// Every session is for one job and one purpose. It lasts fifteen minutes,
// carries who asked as SourceIdentity and the job as RoleSessionName, so that
// CloudTrail names both, and is narrowed by a session policy to what the job is
// about. Sessions are never held across a wait: ask again at each step; the
// answer comes from a cache until shortly before the session ends.
//
// Sources: AWS STS API reference, AssumeRole; IAM user guide, "Monitor and
// control actions taken with assumed roles".
package awsrole
