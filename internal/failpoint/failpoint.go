// Package failpoint names the instants at which a crash would be most
// inconvenient, so that tests can crash there.
//
// In an ordinary build Hit is an empty function that the compiler removes. A
// binary built with the tag "failpoints" reads SECURITYBOT_FAILPOINT
// ("name" or "name:n", the n-th hit) and kills itself with SIGKILL there; with
// SECURITYBOT_FAILPOINT_LIST=FILE it appends each name it passes to FILE.
package failpoint
