package store

// keys names every Redis key the store uses. All of them start with the same
// hash tag, so that a Cluster keeps them in one slot and a script may touch
// any of them together.
type keys struct{ tag string }

func newKeys(prefix string) keys { return keys{tag: "{" + prefix + "}:"} }

// doc is a document: "<version> <last ops> <body>".
// STRING; lives as long as Write.TTL says, for ever while the document is open.
func (k keys) doc(id string) string { return k.tag + "d:" + id }

// docID undoes doc.
func (k keys) docID(key string) string { return key[len(k.doc("")):] }

// mark is an inbox mark; its value is the operation that set it.
// STRING; lives for Mark.TTL.
func (k keys) mark(id string) string { return k.tag + "m:" + id }

// op remembers a commit that leaves no other trace of its operation (no mark,
// no document). STRING; lives for opTTL.
func (k keys) op(op string) string { return k.tag + "o:" + op }

// timers holds the documents to be looked at again, by instant in ms.
// ZSET; for ever, an entry goes with its document.
func (k keys) timers() string { return k.tag + "timers" }

// open holds the ids of the open documents.
// SET; for ever, an entry goes when its document closes.
func (k keys) open() string { return k.tag + "open" }

// effects holds the planned effects by id:
// "<attempt> <fence> <lane> <description>\n<body>".
// HASH; for ever, a field goes when its effect is done or cancelled.
func (k keys) effects() string { return k.tag + "effects" }

// lane holds the effects of one lane by the instant, in ms, at which they are
// due: planned, given back, or claimed with a lease that ends then.
// ZSET; for ever, an entry goes with its effect.
func (k keys) lane(l Lane) string { return k.tag + "lane:" + string(l) }

// fence is the number of the latest claim. STRING (integer); for ever.
func (k keys) fence() string { return k.tag + "fence" }

// seq counts the commits, which shows a server that went back in time.
// STRING (integer); for ever.
func (k keys) seq() string { return k.tag + "seq" }

// epoch is a random name given to the store when it was empty. STRING; for ever.
func (k keys) epoch() string { return k.tag + "epoch" }

// ping is written by Ping and never read.
// STRING; lives for a minute.
func (k keys) ping() string { return k.tag + "ping" }

// lanes lists the keys of all lanes in the order of Lanes.
func (k keys) lanes() []string {
	out := make([]string, len(Lanes))
	for i, l := range Lanes {
		out[i] = k.lane(l)
	}
	return out
}
