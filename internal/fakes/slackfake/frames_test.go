package slackfake

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// frame makes a WebSocket frame with a masked payload of n bytes.
func frame(first byte, n int) []byte {
	out := []byte{first}
	switch {
	case n < 126:
		out = append(out, 0x80|byte(n))
	case n < 1<<16:
		out = append(out, 0x80|126, byte(n>>8), byte(n))
	default:
		out = append(out, 0x80|127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, make([]byte, 4+n)...)
}

// TestFramesAreFollowed cuts a stream of frames at random places, which must
// not matter.
func TestFramesAreFollowed(t *testing.T) {
	t.Parallel()
	const text, more, ping, final = 0x1, 0x0, 0x9, 0x80
	var stream []byte
	for _, f := range [][]byte{
		frame(final|text, 10),
		frame(text, 300), frame(final|ping, 5), frame(more, 0), frame(final|more, 70_000),
		frame(final|text, 0),
		frame(final|text, 125), frame(final|text, 126), frame(final|text, 65_536),
		frame(text, 1), frame(final|more, 1),
	} {
		stream = append(stream, f...)
	}
	const want = "[false true false false false false true]"
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		var f frameWatcher
		for rest := stream; len(rest) > 0; {
			n := min(len(rest), 1+r.IntN(1+len(stream)>>r.IntN(17)))
			f.follow(rest[:n])
			rest = rest[n:]
		}
		if got := fmt.Sprint(f.results); got != want {
			t.Fatalf("seed %d: %s, want %s", seed, got, want)
		}
	}
	f := frameWatcher{results: []bool{true, false}}
	if got := fmt.Sprint(f.fragmented(), f.fragmented(), f.fragmented()); got != "true false false" {
		t.Error(got)
	}
}
