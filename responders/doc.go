// Package responders says what can be done about a finding on an instance, and
// in what order.
//
// The catalogue (catalogue.go) is the list of actions with their parameters,
// permissions and undo; help, documentation and IAM policies are made from it.
// A Job is one action on one instance. Whoever performs it (responders/awsir)
// does so in small steps: each step is short, may be repeated after a crash,
// and leaves in the job what the next one needs. The same job therefore runs in
// the bot, on the command line and as a chain of serverless calls.
//
// Nothing here reaches outside.
package responders
