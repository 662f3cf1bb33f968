package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// cli is the world a command runs in.
type cli struct {
	out  io.Writer // results
	errs io.Writer // logs and complaints
}

const (
	exitNo    = 1
	exitUsage = 2
)

// failure ends a command with an exit code.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// negative is the answer "no", with the reason.
func negative(err error) error { return &failure{exitNo, err} }

// usage is a command line that cannot be carried out, with what to do instead.
func usage(format string, args ...any) error {
	return &failure{exitUsage, fmt.Errorf(format, args...)}
}

// exitCode prints an error. What cobra itself refuses (an unknown flag, a
// missing argument) is a matter of usage.
func (c *cli) exitCode(err error) int {
	if err == nil {
		return 0
	}
	code := exitUsage
	var f *failure
	if errors.As(err, &f) {
		code = f.code
	}
	fmt.Fprintf(c.errs, "aws-ir: %s\n", printable(err.Error()))
	return code
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "aws-ir",
		Short:         "takes evidence from an EC2 instance, isolates it, and takes that back",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no command %q; see: aws-ir --help", args[0])
			}
			return usage("no command is given; see: aws-ir --help")
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w; see: %s --help", err, cmd.CommandPath())
	})
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(c.planCommand(), c.runCommand(), c.resumeCommand(), c.serveCommand(), c.verifyCommand(), c.documentsCommand())
	return root
}

// common are the flags of commands that reach AWS.
type common struct {
	config  string
	journal string
}

func (f *common) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.config, "config", "aws-ir.yaml", "configuration `file`")
	cmd.Flags().StringVar(&f.journal, "journal", "aws-ir-jobs", "`directory` of jobs and records")
}
