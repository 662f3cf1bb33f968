// Command aws-ir acts on one EC2 instance without the bot: it plans and runs
// the actions of the catalogue from a command line (plan, run, resume), behind
// a local HTTP interface (serve), and as a function for a chain of serverless
// calls: in AWS Lambda it answers events instead of reading its arguments.
//
// A job is performed in steps. On the command line and behind HTTP it is
// written to a file before and after each of them, so that a crash costs at
// most one step, which may be repeated.
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

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		serveFunction()
		return
	}
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}

// serveFunction answers events until Lambda ends the process.
func serveFunction() {
	lambda.Start(newFunction(os.Stderr).handle)
}

// execute runs one command line. The first signal asks it to stop after the
// step under way; a second one ends it at once.
func execute(args []string, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	c := &cli{out: out, errs: errs}
	root := c.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	return c.exitCode(root.ExecuteContext(ctx))
}
