// Package thehive keeps the records of cases in TheHive 5 through its REST API,
// version 1 (https://docs.strangebee.com/thehive/api-docs/).
//
// One call of a method is one attempt; trying again is the runtime's business,
// and Error says whether and when. Every method may be repeated after an answer
// was lost: an alert is unique by type, source and source reference, a case is
// always made from its alert, and comments, observables and files are looked
// for before they are added again.
//
// Descriptions and comments are Markdown. What came from outside is escaped and
// defanged on its way there (markdown.go); observables carry it as it is,
// because that is what they are for.
package thehive
