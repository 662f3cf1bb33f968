// Package awsfake is a few services of AWS in this process, at the wire: one
// listener on the loopback interface for any number of accounts and regions.
//
// A request says in its signature which service and region it is for and whose
// key it uses; the key says which account and role. The fake speaks the query
// protocols (EC2, STS, Auto Scaling, Elastic Load Balancing), JSON 1.0 and 1.1,
// and REST, refuses what the services refuse, including what a session's
// policy or its role's does not allow, and can be told to misbehave (Fault).
// Every call is recorded. Signatures are not verified.
//
// A service is a file: a function that returns its table of operations, named
// in services.go. Its state hangs on (account, region); see stateOf.
//
// The rules encoded here are those of the services' public API references and
// of the IAM user guide.
package awsfake
