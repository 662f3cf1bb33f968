package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// cli is the world a command runs in.
type cli struct {
	in   io.Reader
	out  io.Writer // results
	errs io.Writer // logs and complaints
}

const (
	exitNo    = 1
	exitUsage = 2
)

// failure ends a command with an exit code. Without err everything has been
// said already.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit code %d", f.code)
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// negative is the answer "no", with the reason when it has not been printed.
func negative(err error) error { return &failure{code: exitNo, err: err} }

// usage is a command line that cannot be carried out, with what to do instead.
func usage(format string, args ...any) error {
	return &failure{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// exitCode prints what is still to be said about err. What cobra itself refuses
// (an unknown flag, a missing argument) is a matter of usage.
func (c *cli) exitCode(err error) int {
	if err == nil {
		return 0
	}
	code := exitUsage
	var f *failure
	if errors.As(err, &f) {
		if f.err == nil {
			return f.code
		}
		code = f.code
	}
	fmt.Fprintf(c.errs, "securitybot: %s\n", err)
	return code
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "securitybot",
		Short:         "asks the right person about each security finding, and pages when it must",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE:          group,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w; see: %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(c.runCommand(), c.checkCommand(), c.doctorCommand(), c.drillCommand(), c.investigateCommand(), c.policyCommand(), c.manifestCommand(), c.iamPolicyCommand(),
		c.auditCommand(), c.reportCommand(), c.nlbMapCommand(), c.versionCommand())
	return root
}

// group answers for a command that only has subcommands.
func group(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		hint := ""
		cmd.SuggestionsMinimumDistance = 2
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			hint = fmt.Sprintf("; did you mean %q?", near[0])
		}
		return usage("%s has no subcommand %q%s; see: %s --help", cmd.CommandPath(), args[0], hint, cmd.CommandPath())
	}
	cmd.SetOut(cmd.ErrOrStderr())
	if err := cmd.Help(); err != nil {
		return err
	}
	return &failure{code: exitUsage}
}

// noArgs refuses arguments, naming the first.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s takes no argument %q; see: %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	return nil
}

const defaultConfig = "securitybot.yaml"

func configFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "config", defaultConfig, "configuration `file`")
}

// format is the value of --format.
type format string

const (
	asText format = "text"
	asJSON format = "json"
)

func (f *format) String() string { return string(*f) }
func (f *format) Type() string   { return "text|json" }

// Set implements pflag.Value.
func (f *format) Set(s string) error {
	if s != string(asText) && s != string(asJSON) {
		return fmt.Errorf("it is %s or %s", asText, asJSON)
	}
	*f = format(s)
	return nil
}

func formatFlag(cmd *cobra.Command, f *format) {
	*f = asText
	cmd.Flags().Var(f, "format", "how results are printed; json is one object a line")
}

// printable replaces what could steer a terminal: text of a finding comes from
// outside.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || (r >= 0x7f && r < 0xa0) || (r >= 0x200b && r <= 0x200f) || (r >= 0x2028 && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) || r == 0xfeff {
			return '\ufffd'
		}
		return r
	}, s)
}
