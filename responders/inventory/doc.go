// Package inventory asks AWS about our own machines: what state an instance is
// in now, and which of them holds an address. It only reads, with sessions of the
// reading role.
package inventory
