// Package redistest gives tests a Redis server: a real redis-server of their
// own on a loopback port, which can be killed, restarted and reconfigured, a
// faulty TCP proxy in front of it, or miniredis in this process.
//
// A test that asks for the real server is skipped where the binary is missing,
// except when CI=true: then it fails.
package redistest
