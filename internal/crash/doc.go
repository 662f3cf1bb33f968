// Package crash kills things: the real program at every named instant
// (internal/failpoint), its store, one of several replicas. It runs the program
// as processes against the doubles of internal/rig and a redis-server with an
// append-only file, and holds the logs of the doubles against what was promised:
// no finding is lost, nobody is paged twice, a click that was acknowledged
// counts, and a crash shows at most one message a second time. A machine is acted
// on once, after one approval, and what is undone is exactly what was there.
//
// It has no code of its own, only tests.
package crash
