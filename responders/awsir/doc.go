// Package awsir acts on one EC2 instance in any account of an organization:
// it copies volumes, isolates and releases, and through SSM documents asks
// osquery, dumps memory and captures packets.
//
// An Actor performs a responders.Job in steps. A step takes at most fifteen
// seconds, does at most one kind of change, looks at the instance again before
// it changes anything, and may be repeated after a crash: before each change
// it reads what is there. Calls that AWS does not recognise as repeated are
// announced first in Records, and what they made is found again by its tags.
// Reads run under the read role, changes under the action's own role, both for
// the job alone (see internal/awsrole), and changes with a session policy for
// the instance concerned.
//
// Containment keeps the safest state it has reached: an error never opens what
// was closed. What a security group cannot do is said in Job.Still.
//
// # Isolate
//
//	record     what was there: groups of each interface in order, Auto Scaling,
//	           target groups with ports, protection; never overwritten
//	mark       the record's hash and the original groups as tags
//	protect    against termination; volumes survive it
//	standby    out of the Auto Scaling group, which would replace it
//	deregister from target groups and classic load balancers
//	group      the isolation group of each VPC, without a single rule
//	apply      that group alone on every interface
//	verify     read all of it back, with interfaces that appeared meanwhile
//
// # Release
//
// The same backwards, from the record alone; the record is deleted last.
//
// # Osquery, memory and tcpdump
//
//	(start)    agent, platform, instance and document are as they must be
//	describe   osquery only: what AWS says of the instance is kept, see describe.go
//	addresses  where the host puts the parts, written down
//	send       the command: announced in Records, sent, else found by its comment
//	wait       until SSM says that it has ended
//	collect    parts put together, sizes compared
//	read back  what is stored is hashed and compared with what the host hashed
//	manifest   added to the chain of the case
//
// What the script on the host does is in documents/; its last line is a
// receipt, which is not believed but compared with the store.
//
// # Failpoints
//
// A test build can crash at isolate.recorded, isolate.marked,
// isolate.protected, isolate.standby, isolate.deregistered, isolate.grouped,
// isolate.interface (after each), isolate.applied, isolate.verified,
// release.interface (after each), release.restored, release.registered,
// release.inservice, release.unprotected, release.unmarked, release.forgotten,
// snapshot.intended, snapshot.created, snapshot.locked (after each),
// instance.described, host.announced, host.sent and host.completed.
package awsir
