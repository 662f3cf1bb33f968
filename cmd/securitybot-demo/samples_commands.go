package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/lookupfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// The cards of the gallery that are typed and not sent: what a responder does.

// mining is the domain the miner asks for.
const mining = "pool.miner.example"

// commandCards are about the finding that Ana was asked about last.
func commandCards(ana string) []sample {
	return []sample{
		{ID: "ip", Title: "Who is that address?", Level: "/ir", Command: "/ir ip " + farAway(ana),
			About: "Our own cases first, then what the world knows. One source hangs and one is broken here: both are named, and nobody waits for them."},
		{ID: "domain", Title: "What is that domain?", Level: "/ir", Command: "/ir domain pool[.]miner[.]example",
			About: "In any form, defanged or not. Its own servers are not asked, because whoever runs them would see it."},
		{ID: "isolate", Title: "Cut a machine off", Level: "/ir", Command: "/ir isolate " + idOf(builder) + " account=" + account + " region=" + region + " reason=it mines coins",
			About: "The plan is shown, and an approver who did not ask has to press the button: be Mei. Afterwards Release… gives back exactly what was there."},
		{ID: "open", Title: "Open an incident", Level: "/ir", Command: "/ir open high Mining on build-7",
			About: "A private channel with its people, a pinned summary, a document and a case in TheHive. /ir close exports the timeline."},
	}
}

// farAway is the address in Ana's finding with an id: another one each time,
// because the same one again would be the same act.
func farAway(id string) string {
	n := uint64(0)
	if len(id) >= 2 {
		n, _ = strconv.ParseUint(id[:2], 16, 8)
	}
	return fmt.Sprintf("203.0.113.%d", 50+n%200)
}

// sources tells the sources of look-ups what they know. One of them hangs and
// one is broken.
func sources(w *rig.Rig) {
	for n := 50; n < 250; n++ {
		w.Lookups.AddHost(fmt.Sprintf("203.0.113.%d", n), lookupfake.Host{ASN: 64500, ASName: "EXAMPLE-HOSTING", Prefix: "203.0.113.0/24", Country: "BR",
			Holder: "Example Hosting", Abuse: "abuse@hosting.example", Tor: true, Malicious: 7, Harmless: 60, Reports: 12, Confidence: 88})
	}
	w.Lookups.AddName(mining, lookupfake.Name{Registered: time.Now().AddDate(0, 0, -9), Registrar: "Example Registrar", Servers: []string{"ns1.miner.example"},
		Addresses: []string{"203.0.113.80"}, Malicious: 19, Harmless: 50, Scans: 3, ScanBad: true})
	w.Lookups.Down("greynoise", lookupfake.Hang())
	w.Lookups.Down("urlscan", lookupfake.Status(500))
}
