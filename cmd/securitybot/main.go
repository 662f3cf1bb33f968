// Command securitybot is the bot and the tools around it. Every subcommand is
// one file: run.go, check.go, policy_eval.go, and so on.
//
// Results go to standard output, everything else to standard error. The exit
// code is 0 when all is well, 1 when the answer is "no" and 2 when the command
// line itself is wrong.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	_ "github.com/securitybot/securitybot/internal/firstgc" // the first collection later: a start takes less time
)

func main() {
	os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// execute runs one command line. The first signal asks it to stop; a second one
// ends it at once.
func execute(args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	c := &cli{in: in, out: out, errs: errs}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	return c.exitCode(root.ExecuteContext(ctx))
}
