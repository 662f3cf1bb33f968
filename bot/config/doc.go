// Package config reads securitybot.yaml: one strict YAML document that is
// either right as a whole or refused with every mistake in it.
//
// The way of a file is: Load → one YAML document (document.go) → values by
// field, each with its place (decode.go) → secrets found (reference.go) →
// checks of meaning (check.go, check_*.go). Every step adds to one list of
// Problems, "file:line:col: message", so that a person sees all of them at once.
//
// Nothing outside this machine is contacted: a secret kept in AWS is checked
// for form only, and fetched by Fetch when the bot starts.
package config
