package commands

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/internal/message"
)

// room is a desk that says what it was asked.
type room struct {
	open   []message.Text
	hidden int
	err    error
}

func (d *room) OpenIncidents(_ context.Context, _ Request, limit int) (Lines, error) {
	return Lines{d.open[:min(limit, len(d.open))], d.hidden}, d.err
}

func (d *room) IncidentStatus(_ context.Context, _ Request, ref string) (message.Message, error) {
	return plain("status of " + ref), d.err
}

func (d *room) WhoIsOnCall(context.Context) (message.Message, error) { return plain("Omar"), d.err }

func (d *room) OpenIncident(_ context.Context, _ Request, o Opening) (Reply, error) {
	return Say(plain(fmt.Sprintf("open %q cases=%v users=%v unknown=%v page=%v", o.Text, o.Cases, o.People.Users, o.People.Unknown, o.Page))), d.err
}

func (d *room) ChangeIncident(_ context.Context, _ Request, ref string, c IncidentChange) (Reply, error) {
	p := c.People
	return Say(plain(fmt.Sprintf("%s %s %s%q %v %v %v %v %v", c.Act, ref, c.Kind, c.Text, p.Users, p.Emails, p.Groups, p.OnCall, p.Unknown))), d.err
}

func ask(t *testing.T, d *room, user, text string) string {
	t.Helper()
	o := newOffice()
	out, _ := New(o, Desks{Cases: o, Incidents: d}).Run(t.Context(), Request{Root: "/ir", Text: text, User: user, Team: "T0CORP"})
	return strings.TrimSpace(flat(out.Message))
}

func TestWhatIsTypedAboutIncidents(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 300)
	for text, want := range map[string]string{
		"open":                                `open "" cases=[] users=[] unknown=[] page=false`,
		"declare high Laptop stolen":          `open "high Laptop stolen" cases=[] users=[] unknown=[] page=false`,
		"new “Laptop stolen”":                 `open "Laptop stolen" cases=[] users=[] unknown=[] page=false`,
		"OPEN Laptop --page":                  `open "Laptop" cases=[] users=[] unknown=[] page=true`,
		"open Laptop —page":                   `open "Laptop" cases=[] users=[] unknown=[] page=true`,
		"open Laptop case=7f3k7qxa":           `open "Laptop" cases=[SB-7F3K7QXA] users=[] unknown=[] page=false`,
		"open case=SB-7F3K7QXA":               `open "" cases=[SB-7F3K7QXA] users=[] unknown=[] page=false`,
		"open Laptop case=SB-$(id)":           "«SB-$(id)» is not a reference: those look like «SB-7F3K9QXA».",
		"open Laptop case=":                   "«» is not a reference: those look like «SB-7F3K9QXA».",
		"open Laptop <@U0ANA|ana>":            `open "Laptop" cases=[] users=[U0ANA] unknown=[] page=false`,
		"open Laptop @ana":                    `open "Laptop @ana" cases=[] users=[] unknown=[@ana] page=false`,
		"open Laptop <@U0ANA":                 `open "Laptop <@U0ANA" cases=[] users=[] unknown=[] page=false`,
		"open <!channel> $(reboot) `x`":       "open \"<!channel> $(reboot) `x`\" cases=[] users=[] unknown=[] page=false",
		"open " + long:                        `open "` + long + `" cases=[] users=[] unknown=[] page=false`,
		"open a=b":                            `open "a=b" cases=[] users=[] unknown=[] page=false`,
		"status":                              "status of",
		"status inc-7f3kqx":                   "status of INC-7F3KQX",
		"status `INC-7F3KQX`":                 "status of INC-7F3KQX",
		"status INC-1":                        "«INC-1» is not the reference of an incident: those look like «INC-7F3KQX».",
		"status INC-7F3KQ*":                   "«INC-7F3KQ*» is not the reference of an incident: those look like «INC-7F3KQX».",
		"status INC-../../..":                 "«INC-../../..» is not the reference of an incident: those look like «INC-7F3KQX».",
		"status retry":                        `retry  "" [] [] [] false []`,
		"status INC-7F3KQX retry":             `retry INC-7F3KQX "" [] [] [] false []`,
		"severity":                            `severity  "" [] [] [] false []`,
		"sev critical":                        `severity  "critical" [] [] [] false []`,
		"severity inc-7f3kqx sev1":            `severity INC-7F3KQX "sev1" [] [] [] false []`,
		"lead":                                `lead  "" [] [] [] false []`,
		"lead me":                             `lead  "" [U0OMAR] [] [] false []`,
		"lead INC-7F3KQX <@U0ANA>":            `lead INC-7F3KQX "" [U0ANA] [] [] false []`,
		"lead @ana":                           `lead  "" [] [] [] false [@ana]`,
		"lead U0OMAR; drop":                   `lead  "" [U0OMAR] [] [] false [drop]`,
		"invite oncall":                       `invite  "" [] [] [] true []`,
		"invite ana@corp.example <@U0ANA>":    `invite  "" [U0ANA] [ana@corp.example] [] false []`,
		"invite <mailto:a@b.example|a@b.exa>": `invite  "" [] [a@b.example] [] false []`,
		"invite <!subteam^S0RESP|@resp>":      `invite  "" [] [] [S0RESP] false []`,
		"invite <!here>":                      `invite  "" [] [] [] false [<!here>]`,
		"invite <@U0ANA|<@U0MEI>":             `invite  "" [U0ANA] [] [] false []`,
		"invite ana@corp":                     `invite  "" [] [] [] false [ana@corp]`,
		"page":                                `page  "" [] [] [] false []`,
		"page it spreads":                     `page  "it spreads" [] [] [] false []`,
		"note":                                `note  note"" [] [] [] false []`,
		"note it is 10:30":                    `note  note"it is 10:30" [] [] [] false []`,
		"note decision: wipe it":              `note  decision"wipe it" [] [] [] false []`,
		"log INC-7F3KQX Todo : call":          `note INC-7F3KQX task"call" [] [] [] false []`,
		"note server is up":                   `note  note"server is up" [] [] [] false []`,
		"note “decision: wipe”":               `note  decision"wipe" [] [] [] false []`,
		"close":                               `close  "" [] [] [] false []`,
		"close it was 'nothing'":              `close  "it was 'nothing'" [] [] [] false []`,
		"close sb-7f3k7qxa false alarm":       "This command ends incidents. A case is closed with the button on its message, or on «/ir case sb-7f3k7qxa».",
		"oncall":                              "Omar",
		"opne x":                              "There is no command «opne». Did you mean «/ir open»? «/ir help» shows all of them.",
		"incidents":                           "No incident and no case is open.",
	} {
		if diff := cmp.Diff(want, ask(t, &room{}, "U0OMAR", text)); diff != "" {
			t.Errorf("%.60q (-want +got)\n%s", text, diff)
		}
	}
}

func TestIncidentsAreForResponders(t *testing.T) {
	t.Parallel()
	for _, c := range incidentCommands() {
		for _, user := range []string{"U0ANA", "U0STRANGER", ""} {
			if got := ask(t, &room{}, user, c.name+" text"); got != "refused" {
				t.Errorf("%q may %s: %s", user, c.name, got)
			}
		}
	}
}

func TestTheListShowsIncidentsBeforeCases(t *testing.T) {
	t.Parallel()
	o, d := newOffice(), &room{}
	o.open = []message.Text{message.L("a case")}
	for range 30 {
		d.open = append(d.open, message.L("an incident"))
	}
	out, err := New(o, Desks{Cases: o, Incidents: d}).Run(t.Context(), Request{Root: "/ir", Text: "list", User: "U0OMAR"})
	got := flat(out.Message)
	if err != nil || strings.Count(got, "an incident") != listMost || strings.Count(got, "Only the first") != 1 || strings.Index(got, "an incident") > strings.Index(got, "a case") {
		t.Errorf("%v:\n%s", err, got)
	}
}

func TestWhatSomebodyMayNotSeeIsCountedOnly(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cases, incidents int // hidden
		shown            bool
		want, not        string
	}{
		"nothing hidden":   {0, 0, true, "a case", "look after"},
		"some of each":     {2, 1, true, "3 more are in AWS accounts you do not look after.", "No incident"},
		"one":              {1, 0, true, "1 more is in an AWS account", "No incident"},
		"all of it":        {0, 4, false, "No incident and no case of your accounts is open.", "no case is open"},
		"there is nothing": {0, 0, false, "No incident and no case is open.", "look after"},
	} {
		o := newOffice()
		o.hidden = tc.cases
		if tc.shown {
			o.open = []message.Text{message.L("a case")}
		}
		out, err := New(o, Desks{Cases: o, Incidents: &room{hidden: tc.incidents}}).Run(t.Context(), Request{Root: "/ir", Text: "list", User: "U0OMAR"})
		if got := flat(out.Message); err != nil || !strings.Contains(got, tc.want) || strings.Contains(got, tc.not) {
			t.Errorf("%s: %v %q", name, err, got)
		}
	}
}

func TestNoTwoCommandsHaveOneName(t *testing.T) {
	t.Parallel()
	o := newOffice()
	seen := map[string]string{}
	for _, c := range New(o, Desks{Cases: o, Incidents: &room{}}).table {
		for _, name := range append([]string{c.name}, c.aliases...) {
			if other, twice := seen[name]; twice {
				t.Errorf("%q is both %s and %s", name, other, c.name)
			}
			seen[name] = c.name
		}
	}
}

func FuzzIncidentCommands(f *testing.F) {
	for _, s := range []string{"open high x case=SB-7F3K7QXA", "invite <@U0ANA|x> oncall", "note decision: x", "status INC-7F3KQX retry", "close “x”", "lead <@"} {
		f.Add(s)
	}
	o := newOffice()
	set := New(o, Desks{Cases: o, Incidents: &room{}})
	f.Fuzz(func(t *testing.T, text string) {
		out, err := set.Run(context.Background(), Request{Root: "/ir", Text: text, User: "U0OMAR"})
		if err != nil || len(out.Message.Parts) == 0 {
			t.Fatalf("%q: no answer, %v", text, err)
		}
	})
}
