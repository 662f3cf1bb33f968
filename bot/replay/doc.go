// Package replay decides archived findings again with two policies and says what
// would change.
//
// Both policies get exactly what the archive holds: the same finding, facts, time,
// and what did not answer then does not answer now. A decision that hangs on
// something nobody asked at the time is not determined; it is counted apart and
// never guessed.
package replay
