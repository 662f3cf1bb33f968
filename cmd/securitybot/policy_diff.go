package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/bot/archive"
	"github.com/securitybot/securitybot/bot/replay"
	"github.com/securitybot/securitybot/findings/policy"
)

// builtIn is the name of the policy built in, where a file is named.
const builtIn = "built-in"

type diffOptions struct {
	archive, allow []string
	failOn         []string
	since          string
	examples       int
	format         format
}

func (c *cli) policyDiffCommand() *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff OLD NEW --archive FILE...",
		Short: "decide archived findings again with another policy, and say what would change",
		Long: `Reads the archive that the bot writes (archive.dir), decides about every finding in
it with both policies, and says what would change: first the pages that would no
longer happen, then other findings that get less attention, then those that get
more, then what stays but comes with something else. OLD and NEW are policy files,
or the word built-in.

Both policies get exactly what the archive holds: the facts and the time of the
first decision. What hangs on a look-up that nobody made at the time is not
determined; it is counted and not guessed. Expiry is judged by the time of the
finding. Lines that cannot be read are left out and counted.

FILE is a file or a directory of the archive; --archive may be repeated.

--fail-on names what makes the exit code 1, any of:
  page          a page would no longer happen
  high          something of severity 7 or more gets less attention
  confirmed     something real gets less attention: it was closed as a real attack, or
                the person asked said that it was not them
  less          anything gets less attention
  change        anything changes
  undetermined  something could not be compared, or a line could not be read
  never         nothing does
--allow RULE leaves out of that what NEW gives to this rule: it is meant.

Exit code 1 also when the archive has no decision in it.`,
		Example: `  securitybot policy diff policy.yaml new.yaml --archive /var/lib/securitybot/archive
  securitybot policy diff policy.yaml new.yaml --archive archive --since 30d --fail-on less,undetermined
  securitybot policy diff built-in new.yaml --archive findings-2026-11.ndjson --allow our-scanner --json`,
		RunE: func(_ *cobra.Command, args []string) error { return c.policyDiff(o, args) },
	}
	cmd.Flags().StringArrayVar(&o.archive, "archive", nil, "`file` or directory of the archive; may be repeated")
	cmd.Flags().StringSliceVar(&o.failOn, "fail-on", words(replay.Usual()), "what makes the exit code 1, as a list with commas")
	cmd.Flags().StringArrayVar(&o.allow, "allow", nil, "`rule` of NEW whose changes are meant; may be repeated")
	cmd.Flags().StringVar(&o.since, "since", "", "leave out decisions from before this `time`: 2026-11-01, 30d, 36h")
	cmd.Flags().IntVar(&o.examples, "examples", 3, "how many examples of each change are shown")
	formatFlag(cmd, &o.format)
	jsonFlag(cmd, &o.format)
	return cmd
}

// jsonFlag is short for --format json.
func jsonFlag(cmd *cobra.Command, f *format) {
	cmd.Flags().BoolFunc("json", "the same as --format json", func(string) error { *f = asJSON; return nil })
}

func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}

func (c *cli) policyDiff(o diffOptions, args []string) error {
	if len(args) < 2 || len(o.archive) == 0 {
		return usage("two policies and an archive are needed: securitybot policy diff OLD NEW --archive FILE")
	}
	when, err := conditions(o.failOn)
	if err != nil {
		return err
	}
	if o.examples < 0 {
		return usage("--examples is not below 0")
	}
	since, err := sinceTime(o.since, time.Now())
	if err != nil {
		return usage("--since: %w", err)
	}
	files, err := archive.Files(append(o.archive, args[2:]...)) // --archive *.ndjson leaves files behind
	if err != nil {
		return usage("%w", err)
	}
	old, err := c.namedPolicy(args[0])
	if err != nil {
		return err
	}
	new, err := c.namedPolicy(args[1])
	if err != nil {
		return err
	}
	for _, id := range o.allow {
		if !slices.ContainsFunc(new.Rules(), func(r policy.RuleInfo) bool { return r.ID == id }) {
			return usage("--allow: %s has no rule %q", args[1], id)
		}
	}
	r, err := replay.Compare(files, replay.Options{Old: old, New: new, Since: since, Examples: o.examples})
	if err != nil {
		return negative(err)
	}
	no := r.Failures(when, o.allow)
	if r.Decisions == 0 {
		no = append(no, "there is no decision in the archive to compare")
	}
	if o.format == asJSON {
		err = diffJSON(c.out, r, no)
	} else {
		err = diffText(c.out, r)
	}
	if err != nil {
		return negative(fmt.Errorf("write the results: %w", err))
	}
	if len(no) > 0 {
		return negative(fmt.Errorf("no: %s", strings.Join(no, "; ")))
	}
	return nil
}

// namedPolicy reads one of the two policies, and says what is wrong with it.
func (c *cli) namedPolicy(name string) (*policy.Policy, error) {
	path := name
	if name == builtIn {
		path = ""
	}
	p, err := loadPolicy(path)
	if err != nil {
		return nil, c.badPolicy(err)
	}
	return p, nil
}

func conditions(names []string) ([]replay.Condition, error) {
	var out []replay.Condition
	for _, name := range names {
		when := replay.Condition(strings.TrimSpace(name))
		if !slices.Contains(replay.Conditions(), when) {
			return nil, usage("--fail-on: %q is not one of %s", name, strings.Join(words(replay.Conditions()), ", "))
		}
		out = append(out, when)
	}
	if slices.Contains(out, replay.FailNever) && len(out) > 1 {
		return nil, usage("--fail-on: never stands alone")
	}
	return out, nil
}
