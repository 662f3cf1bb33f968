package config

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what a Secret shows whatever it is asked.
const redacted = "[redacted]"

// Secret is a value that must not be seen: it prints as "[redacted]" in fmt,
// JSON, YAML, slog and errors. The value sits behind a function, because fmt
// looks through pointers and past methods when a Secret is in an unexported
// field. For the same reason two Secrets cannot be compared.
type Secret struct {
	get func() *held
}

func hold(h *held) Secret { return Secret{get: func() *held { return h }} }

func (s Secret) held() *held {
	if s.get == nil {
		return nil
	}
	return s.get()
}

type held struct {
	ref      reference
	value    string
	known    bool
	validate func(value string) error // says what is wrong without repeating it
}

// NewSecret returns a Secret that holds value. It is for tests and for values
// that do not come from the file.
func NewSecret(value string) Secret {
	return hold(&held{value: value, known: true})
}

// Reveal returns the value: "" when nothing is configured, or when the secret
// is kept in AWS and Fetch has not run yet.
func (s Secret) Reveal() string {
	if s.get == nil {
		return ""
	}
	return s.get().value
}

// Configured says whether the file names a value, fetched or not.
func (s Secret) Configured() bool { return s.get != nil }

// String returns "[redacted]", or "" when nothing is configured.
func (s Secret) String() string {
	if s.get == nil {
		return ""
	}
	return redacted
}

// Format prints the same as String for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// GoString returns the same as String.
func (s Secret) GoString() string { return s.String() }

// MarshalText keeps the value out of JSON, YAML, XML and anything else that
// asks a value for its text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue keeps the value out of logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
