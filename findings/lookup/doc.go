// Package lookup investigates IP addresses and domain names.
//
// A person types something in whatever form they have it: Parse undoes
// defanging, chat mark-up and odd notations, and refuses what could mean two
// things. Classify says what the indicator is without asking anybody, and
// whether anybody outside may be asked. An Investigator then asks its sources,
// all at once and each within its limits, and reports at once what is known
// here, later what the sources said, each in its own words. There is no score:
// whoever reads the report judges.
//
// Investigations are quiet. Nothing is sent to the indicator itself; a query
// that its own name servers would see is made only when it is asked for.
package lookup
