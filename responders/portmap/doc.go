// Package portmap knows which ports of which instances are reached from the
// internet through a network load balancer, and answers one question: is a
// probe of these ports explained by the balancer alone?
//
// A network load balancer can keep the client's address, so its targets look
// probed by every scanner of the internet although only the balancer reaches
// them. Such findings are noise, but only when the map proves it: every probed
// port has to be covered by a listener of an internet-facing balancer that
// keeps the client's address, in a complete and fresh scan, on an instance that
// nobody reaches directly on that port. In every other case the answer is no,
// or an error that wraps enrich.ErrUnavailable; neither may lower attention.
//
// Scan reads one account and region, Build turns what was read into entries
// (pure), a Shelf keeps them, Judge answers from them (pure), and Job scans all
// accounts and regions over and over.
//
// Not seen: Global Accelerator and other ways in besides a public address and a
// network load balancer; rules of an application load balancer behind one, which
// hides the client's address anyway.
package portmap
