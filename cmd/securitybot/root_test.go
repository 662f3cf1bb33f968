package main

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

func TestWhatCouldSteerATerminalIsReplaced(t *testing.T) {
	t.Parallel()
	for _, r := range []rune{0, '\n', '\r', '\t', 0x1b, 0x7f, 0x85, 0x9b, 0x200b, 0x200e, 0x2028, 0x202e, 0x2066, 0x2069, 0xfeff} {
		if got := printable("a" + string(r) + "b"); got != "a\ufffdb" {
			t.Errorf("%U: %q", r, got)
		}
	}
	if text := "Größe ✓ 例え 🔐"; printable(text) != text {
		t.Errorf("%q became %q", text, printable(text))
	}
}

func TestExitCodesFollowTheKindOfError(t *testing.T) {
	t.Parallel()
	cases := []struct {
		err  error
		code int
		said string
	}{
		{nil, 0, ""},
		{&failure{code: exitNo}, 1, ""},
		{negative(errors.New("the store is gone")), 1, "securitybot: the store is gone\n"},
		{fmt.Errorf("policy: %w", negative(errors.New("no"))), 1, "securitybot: policy: no\n"},
		{usage("no file %q", "x"), 2, "securitybot: no file \"x\"\n"},
		{errors.New("accepts 1 arg(s)"), 2, "securitybot: accepts 1 arg(s)\n"},
	}
	for _, c := range cases {
		var errs bytes.Buffer
		code := (&cli{errs: &errs}).exitCode(c.err)
		if code != c.code || errs.String() != c.said {
			t.Errorf("%v: exit code %d, said %q", c.err, code, errs.String())
		}
	}
}
