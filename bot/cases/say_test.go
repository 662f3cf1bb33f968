package cases

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/store"
)

// said is what the planned lines say.
func said(effects []store.Effect) string {
	var out []string
	for _, e := range effects {
		if e.Kind == KindThread {
			out = append(out, string(e.Body))
		}
	}
	return strings.Join(out, "|")
}

func TestALineWaitsForTheMessageItStandsUnder(t *testing.T) {
	t.Parallel()
	c, _, _ := opened(t, decided(policy.Ticket, policy.Notify)) // the owner's message, then security's
	if got := c.Say("first", routes, t0); len(got) != 0 {
		t.Fatalf("a line under no message: %+v", got)
	}
	c.Delivered(0, Ref{"C0PAY", "1.1"}, false, c.Looks(), routes, t0)
	if got := c.Say("second\nof two", routes, t0); len(got) != 0 {
		t.Fatalf("a line under the owner's message: %+v", got)
	}
	body, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(c.ID, body)
	if err != nil {
		t.Fatal(err)
	}
	if got := said(again.Delivered(1, Ref{routes.Security, "2.2"}, false, again.Looks(), routes, t0)); got != "first\nsecond of two" {
		t.Fatalf("under the message it says %q", got)
	}
	if got := said(again.Say("third", routes, t0)); got != "third" || len(again.Unsaid) != 0 {
		t.Fatalf("then it says %q, unsaid %q", got, again.Unsaid)
	}
}

func TestALineOfAQuestionIsSaidWhenSecurityHearsOfIt(t *testing.T) {
	t.Parallel()
	c, _, _ := opened(t, decided(policy.Inquire))
	if got := c.Say("Ana was reminded", routes, t0); len(got) != 0 {
		t.Fatal("a line under no message")
	}
	c.Decided(policy.Page, "silence", routes, t0)
	if got := said(c.Delivered(0, Ref{routes.Security, "1.1"}, true, c.Looks(), routes, t0)); got != "Ana was reminded" {
		t.Errorf("it says %q", got)
	}
}

func TestLinesNobodyWillSeeAreNotKept(t *testing.T) {
	t.Parallel()
	c, effects, _ := opened(t, decided(policy.Notify))
	c.Delivered(0, Ref{"C0PAY", "1.1"}, false, c.Looks(), routes, t0)
	c.Finished(effects[0].ID, t0)
	c.Say("after the end", routes, t0)
	if len(c.Unsaid) != 0 {
		t.Error("a closed case keeps a line for a message that never comes")
	}
	c, _, _ = opened(t, decided(policy.Ticket))
	for n := range 3 * maxUnsaid {
		c.Say(fmt.Sprint(n), routes, t0.Add(time.Minute))
	}
	if len(c.Unsaid) != maxUnsaid || c.Unsaid[maxUnsaid-1] != fmt.Sprint(3*maxUnsaid-1) {
		t.Errorf("%d lines are kept, the last is %q", len(c.Unsaid), c.Unsaid[len(c.Unsaid)-1])
	}
}
