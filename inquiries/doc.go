// Package inquiries asks a person "was this you?" and decides what their
// answer, or their silence, means.
//
// It is a pure state machine: Inquiry is the whole state, New and Apply take an
// instant and return the next state with the effects to perform, Next says when
// the clock wants to be heard. The runtime stores the state, performs the
// effects at least once and reports what happened as events. There is no I/O,
// clock or randomness here, so the same events always give the same decisions.
//
//	held ──▶ asked ──▶ reminded ──┬─▶ yes                   (no proof asked for)
//	                              ├─▶ verifying ─┬─▶ verified
//	                              │              ├─▶ refused     (counts as "no")
//	                              │              └─▶ unverified  (no proof came)
//	                              ├─▶ unsure
//	                              ├─▶ expired, undeliverable     (silence is not consent)
//	                              ├─▶ withdrawn                  (the case was closed otherwise)
//	                              └─▶ no        also from every state to the right of here
//
// The rules that matter most:
//
//   - A "no" of the person asked is believed in every state, always pages and
//     needs nothing else to be up.
//   - A "yes" needs proof where the rule says so, and never closes a case of
//     high or critical level.
//   - The deadline is an absolute instant, fixed when the question is made. It
//     can become earlier, never later. Silence until then escalates.
//   - The first answer decides. Later ones are noted, except "no".
//
// The words people read are in texts.go; wording.go and outcome.go put them
// together.
package inquiries
