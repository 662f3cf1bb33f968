package inquiries

// transitions is what every event does to an inquiry in every status:
// "status: effects", or "-" when neither status nor effects change.
const transitions = `
clock
  held           -
  asked          -
  reminded       -
  verifying      -
  yes            -
  verified       -
  no             -
  refused        -
  unverified     -
  unsure         -
  expired        -
  undeliverable  -
  withdrawn      -
clock much later
  held           expired: decide=ticket
  asked          expired: decide=page outcome
  reminded       expired: decide=page outcome
  verifying      unverified: decide=page outcome
  yes            -
  verified       -
  no             -
  refused        -
  unverified     -
  unsure         -
  expired        -
  undeliverable  -
  withdrawn      -
yes
  held           yes: decide=record
  asked          yes: decide=record outcome
  reminded       yes: decide=record outcome
  verifying      -
  yes            -
  verified       -
  no             no: tell
  refused        -
  unverified     -
  unsure         unsure: tell
  expired        expired: tell
  undeliverable  undeliverable: tell
  withdrawn      -
no
  held           no: decide=page
  asked          no: decide=page outcome
  reminded       no: decide=page outcome
  verifying      no: decide=page outcome
  yes            no: decide=page outcome
  verified       no: decide=page outcome
  no             -
  refused        -
  unverified     no: decide=page outcome
  unsure         no: decide=page outcome
  expired        no: decide=page outcome
  undeliverable  no: decide=page
  withdrawn      no: decide=page outcome
unsure
  held           unsure: decide=ticket
  asked          unsure: decide=ticket outcome
  reminded       unsure: decide=ticket outcome
  verifying      verifying: tell
  yes            yes: tell
  verified       verified: tell
  no             no: tell
  refused        refused: tell
  unverified     unverified: tell
  unsure         -
  expired        expired: tell
  undeliverable  undeliverable: tell
  withdrawn      -
yes much later
  held           expired: decide=ticket tell
  asked          expired: decide=page outcome tell
  reminded       expired: decide=page outcome tell
  verifying      -
  yes            -
  verified       -
  no             no: tell
  refused        -
  unverified     -
  unsure         unsure: tell
  expired        expired: tell
  undeliverable  undeliverable: tell
  withdrawn      -
no much later
  held           no: decide=page
  asked          no: decide=page outcome
  reminded       no: decide=page outcome
  verifying      no: decide=page outcome
  yes            no: decide=page outcome
  verified       no: decide=page outcome
  no             -
  refused        -
  unverified     no: decide=page outcome
  unsure         no: decide=page outcome
  expired        no: decide=page outcome
  undeliverable  no: decide=page
  withdrawn      no: decide=page outcome
stranger says yes
  held           held: tell
  asked          asked: tell
  reminded       reminded: tell
  verifying      verifying: tell
  yes            yes: tell
  verified       verified: tell
  no             no: tell
  refused        refused: tell
  unverified     unverified: tell
  unsure         unsure: tell
  expired        expired: tell
  undeliverable  undeliverable: tell
  withdrawn      withdrawn: tell
stranger says no
  held           held: tell
  asked          asked: tell
  reminded       reminded: tell
  verifying      verifying: tell
  yes            yes: tell
  verified       verified: tell
  no             no: tell
  refused        refused: tell
  unverified     unverified: tell
  unsure         unsure: tell
  expired        expired: tell
  undeliverable  undeliverable: tell
  withdrawn      withdrawn: tell
unknown button
  held           -
  asked          -
  reminded       -
  verifying      -
  yes            -
  verified       -
  no             -
  refused        -
  unverified     -
  unsure         -
  expired        -
  undeliverable  -
  withdrawn      -
delivered
  held           -
  asked          -
  reminded       -
  verifying      -
  yes            -
  verified       -
  no             -
  refused        -
  unverified     -
  unsure         -
  expired        -
  undeliverable  undeliverable: outcome
  withdrawn      -
reminder posted
  held           -
  asked          -
  reminded       -
  verifying      verifying: outcome
  yes            yes: outcome
  verified       verified: outcome
  no             no: outcome
  refused        refused: outcome
  unverified     unverified: outcome
  unsure         unsure: outcome
  expired        expired: outcome
  undeliverable  -
  withdrawn      withdrawn: outcome
undeliverable
  held           undeliverable: decide=page
  asked          -
  reminded       -
  verifying      -
  yes            -
  verified       -
  no             -
  refused        -
  unverified     -
  unsure         -
  expired        -
  undeliverable  -
  withdrawn      -
proof started
  held           -
  asked          -
  reminded       -
  verifying      verifying: outcome
  yes            -
  verified       -
  no             -
  refused        -
  unverified     -
  unsure         -
  expired        -
  undeliverable  -
  withdrawn      -
proof waits
  held           -
  asked          -
  reminded       -
  verifying      -
  yes            -
  verified       -
  no             -
  refused        -
  unverified     -
  unsure         -
  expired        -
  undeliverable  -
  withdrawn      -
proof
  held           -
  asked          -
  reminded       -
  verifying      verified: decide=record outcome
  yes            -
  verified       -
  no             -
  refused        -
  unverified     unverified: tell
  unsure         -
  expired        -
  undeliverable  -
  withdrawn      -
proof much later
  held           -
  asked          -
  reminded       -
  verifying      unverified: decide=page outcome
  yes            -
  verified       -
  no             -
  refused        -
  unverified     unverified: tell
  unsure         -
  expired        -
  undeliverable  -
  withdrawn      -
refusal
  held           -
  asked          -
  reminded       -
  verifying      refused: decide=page outcome
  yes            -
  verified       refused: decide=page outcome
  no             -
  refused        -
  unverified     refused: decide=page outcome
  unsure         -
  expired        -
  undeliverable  -
  withdrawn      -
fraud
  held           -
  asked          -
  reminded       -
  verifying      refused: decide=page outcome
  yes            -
  verified       refused: decide=page outcome
  no             -
  refused        -
  unverified     refused: decide=page outcome
  unsure         -
  expired        -
  undeliverable  -
  withdrawn      -
no proof
  held           -
  asked          -
  reminded       -
  verifying      unverified: decide=page outcome
  yes            -
  verified       -
  no             -
  refused        -
  unverified     -
  unsure         -
  expired        -
  undeliverable  -
  withdrawn      -
odd proof
  held           -
  asked          -
  reminded       -
  verifying      unverified: decide=page outcome
  yes            -
  verified       -
  no             -
  refused        -
  unverified     -
  unsure         -
  expired        -
  undeliverable  -
  withdrawn      -
joined
  held           asked: ask
  asked          asked: outcome
  reminded       reminded: outcome
  verifying      -
  yes            -
  verified       -
  no             -
  refused        -
  unverified     -
  unsure         -
  expired        -
  undeliverable  -
  withdrawn      -
joined, high
  held           asked: ask
  asked          asked: outcome
  reminded       reminded: outcome
  verifying      -
  yes            -
  verified       -
  no             -
  refused        -
  unverified     -
  unsure         -
  expired        -
  undeliverable  -
  withdrawn      -
joined, critical
  held           asked: ask decide=page
  asked          asked: decide=page outcome
  reminded       reminded: decide=page outcome
  verifying      -
  yes            -
  verified       -
  no             -
  refused        -
  unverified     -
  unsure         -
  expired        -
  undeliverable  -
  withdrawn      -
joined again
  held           -
  asked          -
  reminded       -
  verifying      -
  yes            -
  verified       -
  no             -
  refused        -
  unverified     -
  unsure         -
  expired        -
  undeliverable  -
  withdrawn      -
withdrawn
  held           withdrawn:
  asked          withdrawn: outcome
  reminded       withdrawn: outcome
  verifying      withdrawn: outcome
  yes            yes: outcome
  verified       verified: outcome
  no             no: outcome
  refused        refused: outcome
  unverified     unverified: outcome
  unsure         unsure: outcome
  expired        expired: outcome
  undeliverable  -
  withdrawn      -
`
