package responders_test

import (
	"flag"
	"os"
	"testing"

	"github.com/securitybot/securitybot/responders"
)

var update = flag.Bool("update", false, "write the documentation that is made from the catalogue")

func TestTheReferenceIsUpToDate(t *testing.T) {
	const name = "../docs/actions.md"
	want := responders.Reference()
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil { //nolint:gosec // documentation
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/actions.md is not what the catalogue says; run: go generate ./responders")
	}
}
