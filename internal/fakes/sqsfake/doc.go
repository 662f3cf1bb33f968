// Package sqsfake is Amazon SQS in this process, at the wire: the JSON protocol
// that the AWS SDKs speak (AWS JSON 1.0), on a loopback listener.
//
// It refuses what the service refuses (limits, unknown queues, invalid receipt
// handles, a visibility beyond 12 hours) and can be told to misbehave as the
// service does on a bad day: see Fault, QueueOptions and Server.Redeliver.
// Every call is recorded with its time and outcome.
//
// What it does not do: FIFO queues, permissions, encryption, retention,
// message attributes beyond returning them, and anything about SNS.
//
// The rules encoded here are those of the Amazon SQS API reference and of the
// developer guide's quota pages.
package sqsfake

import "time"

// Limits of the service (Amazon SQS developer guide, "Amazon SQS message
// quotas").
const (
	MaxBatch      = 10               // entries of a batch, messages of a receive
	MaxSize       = 1 << 20          // bytes of a message, and of a batch of messages
	MaxWait       = 20 * time.Second // long poll
	MaxVisibility = 12 * time.Hour   // from the receive, in total
	MaxDelay      = 15 * time.Minute
)

const (
	defaultAccount    = "111122223333"
	defaultRegion     = "us-east-1"
	defaultVisibility = 30 * time.Second
	// DefaultLatency is what every call takes at least. An answer that comes
	// sooner than the client has finished writing its request makes Go's HTTP
	// client drop the connection, and with it the batch that was received.
	DefaultLatency = time.Millisecond
)
