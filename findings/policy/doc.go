// Package policy decides how much attention a finding gets.
//
// A policy is one strict YAML document with rules written in CEL. Compile
// checks all of it and reports every problem at once with its line and column;
// Decide is pure: the same finding, facts and time give the same Decision.
//
// The first rule that matches wins and the last rule matches everything. What
// cannot be decided (an expression fails, a look-up is unavailable) raises
// attention and never lowers it. docs/policy.md tells the whole story for the
// people who write policies.
package policy
