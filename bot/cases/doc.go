// Package cases is the case engine: what is known, decided and planned about a
// finding that was folded with its copies and updates.
//
// It is pure: (case, event, now) → (case', effects). The runtime (package bot)
// loads a case, calls one of these functions and commits the result with its
// effects and its timer in one atomic step.
//
//	           ┌──────────── suppress, record ───────────┐
//	           │                                         ▼
//	arrives ──▶ open ── notify delivered ──────────▶ closed ◀──────────┐
//	             │  └── ticket ──▶ waiting ──────── a responder closes ─┤
//	             ├── inquire ────▶ asked ── yes ─────────▶ closed        │
//	             │                   └── no, silence ──▶ paged ──────────┘
//	             └── page ──────────────────────────────▶ paged
//
// A case that matters also has a Record: the lines that TheHive is to be told,
// in order. The runtime carries them over, one after the other, whenever
// TheHive takes them; nothing else waits for that.
//
// A closed case keeps only what recognising the finding again needs. A closed
// or quiet case whose finding rises in severity starts a new generation.
package cases
