package incidents

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

var t0 = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const (
	idA   = "7F3KQXABCDEFGH23"
	ana   = "U0ANA"
	omar  = "U0OMAR"
	zoe   = "U0ZOE"
	group = "S0RESP"
	caseA = "ABCDEFGHIJKLMNOP"
)

func rules() Rules {
	return Rules{Groups: []string{group}, OnCall: true, Page: []findings.Level{findings.Critical, findings.High}, Hive: true}
}

func opening() Opening {
	return Opening{By: ana, Title: "Keys of the deploy user leaked", Level: findings.High}
}

func started(t *testing.T, o Opening, r Rules) (*Incident, []store.Effect) {
	t.Helper()
	c, effects, err := Start(idA, o, r, t0)
	if err != nil {
		t.Fatal(err)
	}
	return c, effects
}

// ready is an open incident with its channel, summary and nothing under way.
func ready(t *testing.T) *Incident {
	t.Helper()
	r := rules()
	r.Page, r.Groups, r.OnCall = nil, nil, false
	c, effects := started(t, opening(), r)
	w := newWorld(c)
	w.plan(effects)
	w.drain(t, t0)
	if c.Summary.TS == "" || len(c.Pending) > 0 || c.Hive.ID == "" || !c.Doc.Made() {
		t.Fatalf("not ready: %+v", c)
	}
	return c
}

// names lists the steps of effects, sorted.
func steps(effects []store.Effect) string {
	var out []string
	for _, e := range effects {
		s, ok := StepOf(e.Kind)
		if !ok {
			s = "?" + e.Kind
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func only(t *testing.T, effects []store.Effect, step string) store.Effect {
	t.Helper()
	var found []store.Effect
	for _, e := range effects {
		if s, _ := StepOf(e.Kind); s == step {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d effects %q in %s", len(found), step, steps(effects))
	}
	return found[0]
}

// shown is a message as plain lines, with outside text in ‹›.
func shown(m message.Message) string {
	var b strings.Builder
	line := func(t message.Text) string {
		var l strings.Builder
		for _, s := range t {
			switch s.Kind {
			case message.Value, message.Code:
				l.WriteString("‹" + s.S + "›")
			case message.Person:
				l.WriteString("@" + s.S)
			case message.Channel:
				l.WriteString("#" + s.S)
			case message.Instant:
				l.WriteString(stamp(s.At))
			case message.Link:
				l.WriteString(s.S + "→" + s.URL)
			default:
				l.WriteString(s.S)
			}
		}
		return l.String()
	}
	for _, p := range m.Parts {
		switch p.Kind {
		case message.Title:
			b.WriteString("# " + line(p.Text) + "\n")
		case message.Fields:
			for _, f := range p.Fields {
				b.WriteString(f.Label + ": " + line(f.Text) + "\n")
			}
		case message.Actions:
			for _, a := range p.Buttons {
				b.WriteString("[" + a.Label + "] ")
			}
			b.WriteString("\n")
		default:
			b.WriteString(line(p.Text) + "\n")
		}
	}
	return b.String()
}

func refused(t *testing.T, err error, part string) {
	t.Helper()
	r, ok := err.(Refusal)
	if !ok || !strings.Contains(string(r), part) || !strings.HasSuffix(string(r), ".") {
		t.Errorf("error %v (%T), want a Refusal with %q", err, err, part)
	}
}
