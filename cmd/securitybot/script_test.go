package main

import (
	"encoding/json"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"securitybot": main})
}

// TestCommandLine plays the sessions in testdata: what the program promises to
// scripts and people.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "jsonlines": jsonLines,
		},
	})
}

// exits runs a program and checks its exact exit code: "exits 2 securitybot …".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG]...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// jsonLines checks that the last standard output is one JSON object a line, of
// the given number, and that each has the given keys or else the key error.
func jsonLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: jsonlines COUNT [KEY]...")
	}
	out := strings.TrimSuffix(ts.ReadFile("stdout"), "\n")
	lines := strings.Split(out, "\n")
	if strconv.Itoa(len(lines)) != args[0] {
		ts.Fatalf("%d lines, want %s:\n%s", len(lines), args[0], out)
	}
	for _, line := range lines {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			ts.Fatalf("%q is not a JSON object: %v", line, err)
		}
		if _, refused := object["error"]; refused {
			continue
		}
		for _, key := range args[1:] {
			if v, ok := object[key]; !ok || v == nil {
				ts.Fatalf("%s is missing or null in %s", key, line)
			}
		}
	}
}
