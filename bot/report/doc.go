// Package report counts what an archive tells: what arrived, what was dropped and
// by which rule, what people were asked and how they answered, pages and how they
// ended, and which rules were wrong.
//
// It counts and does not interpret. What is not known stays apart as not known, and
// small numbers are said to be small.
package report
