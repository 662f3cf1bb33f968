package intake

import "sync"

// memorySize is how many messages are remembered at least.
const memorySize = 5000

// note is what this process knows about a message it has seen before.
type note struct {
	parked  bool // parked, and everything usable in it handled
	excused int  // receives by this process that did it no harm
}

// memory is a bounded map in two generations: the older one is forgotten when
// the younger one is full.
type memory struct {
	size int

	mu         sync.Mutex
	young, old map[string]note
}

func newMemory(size int) *memory { return &memory{size: size, young: map[string]note{}} }

func (m *memory) get(id string) note {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.find(id)
}

func (m *memory) find(id string) note {
	if n, ok := m.young[id]; ok {
		return n
	}
	return m.old[id]
}

func (m *memory) update(id string, f func(*note)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.find(id)
	f(&n)
	if len(m.young) >= m.size {
		m.old, m.young = m.young, map[string]note{}
	}
	m.young[id] = n
}

// park remembers that nothing is left to do about a message.
func (m *memory) park(id string) { m.update(id, func(n *note) { n.parked = true }) }

// excuse counts a receive by this process as harmless; blame takes it back.
func (m *memory) excuse(id string) { m.update(id, func(n *note) { n.excused++ }) }
func (m *memory) blame(id string)  { m.update(id, func(n *note) { n.excused-- }) }
