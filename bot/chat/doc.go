// Package chat is how the bot speaks with Slack, and the only package that
// imports the Slack library.
//
// It has three parts that know little of each other:
//
//   - The supervisor (Run) keeps two or three Socket Mode connections open,
//     hands what arrives to a Handler and acknowledges it once the Handler has
//     made it durable.
//   - The lanes (Wait) and the method buckets keep to Slack's rate limits.
//     They delay; they never drop.
//   - The renderer (Render) turns a neutral message into Block Kit. It is the
//     only way text reaches Slack, and it escapes, defangs and bounds
//     everything that came from outside.
//
// Errors of every call are *Error and say whether the act certainly did not
// happen (RateLimited, Transient, Permanent, Auth) or may have (Ambiguous).
// Nothing that posts is retried in here: whoever planned the post decides,
// and looks with Find first.
package chat
