package responders

import (
	"fmt"
	"strings"
)

// WhyNotAutomatic says why a policy may not run an action by itself
// ("collect:"), in a sentence for whoever writes the policy; empty when it may.
// Policy takes evidence. What changes how an instance is connected takes a person
// who asks and another who approves.
func WhyNotAutomatic(name string) string {
	a, known := Find(name)
	switch {
	case !known:
		return fmt.Sprintf("there is no such action; policy may run %s", strings.Join(automatic(), ", "))
	case !a.Automatic:
		return fmt.Sprintf("it never runs by itself, because it would %s; leave it out, and let a responder ask for it (/ir %s) and an approver agree", a.About, name)
	}
	if _, err := a.Parse(nil); err != nil {
		return fmt.Sprintf("it cannot run by itself: %s", err)
	}
	return ""
}

// automatic lists what policy may run by itself.
func automatic() []string {
	var names []string
	for _, a := range Catalogue() {
		if a.Automatic {
			names = append(names, string(a.ID))
		}
	}
	return names
}
