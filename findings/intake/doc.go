// Package intake takes messages from an Amazon SQS queue, turns them into
// findings and deletes them when, and only when, somebody says that they are
// durable (Handler, Handled).
//
// The life of a message:
//
//	receive ── received too often ────────────────────────────► parked ─┐
//	   │                                                                │
//	   ├─ parse, allow-lists, SNS signature ── nothing usable ─► parked ┤
//	   │                                                                │
//	   ├─ Handler ── Later ──► hidden for a while ──► received again    │
//	   │     ├────── panics ───────────────────────────────────► parked ┤
//	   │  Handled ── some of it unusable ──────────────────────► parked ┤
//	   │     │                                                          │
//	   └─► deleted                       the queue's own dead-letter queue
//
// While a message is in hand its visibility is extended, for as long as the
// handler may be thought to make progress (Config.MaxHold) and no longer. It
// stops before the message is deleted or handed back.
//
// # Parked
//
// What cannot be used is given to Parker once, with the reason and the first
// 4 KiB, and stays in the queue. It is received again each 30 seconds (each
// hour at last), looked at by its id only, until the queue's redrive policy
// moves it to the dead-letter queue. It is never deleted here, so that nothing
// is lost, and it never keeps anybody waiting. A queue without a redrive
// policy shows it once an hour until the queue's retention ends it.
//
// A message that holds several documents, some of them unusable, takes both
// ways: the usable ones are handled, the unusable ones parked, and the message
// is left for the dead-letter queue, because what was parked is only its
// beginning. Another replica, or this one after a restart, may then handle the
// usable ones again; a handler folds what it knows.
//
// A message received more than Config.QuarantineAfter times is parked before
// anybody parses it: whatever crashes the process does not crash all replicas
// for ever. Receives that this process has survived without a panic and without
// a handler that never came back do not count, nor does anything within an hour
// of an outage of the handler. The dead-letter queue's own limit should be
// well above it; the templates in deploy/ say 20.
//
// # Load
//
// An empty queue is asked by one long poll at a time, three calls a minute.
// While batches come back full, further loops receive at the same time, up to
// Config.Workers. What bounds them is the number of messages in hand, not of
// batches that wait for something slow.
//
// # Later
//
// A batch to which the handler says Later as a whole is held and offered again,
// after a second at first, so that a short outage costs nobody more than
// seconds. When three different messages fail like that, and nothing succeeds,
// receiving slows down to one message in 15 seconds: what is in the queue keeps
// its place and its receive count. After Config.MaxHold a batch is handed back,
// hidden for 10 s, then 30 s, up to ten minutes, so that another replica may
// try. With maxReceiveCount at 20 that is good for an outage of two hours;
// what has gone to the dead-letter queue by then is there to be redriven.
//
// A single message of a batch to which the handler says Later is handed back
// at once in the same way.
package intake
