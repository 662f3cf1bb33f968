package sqsfake

import (
	"strconv"
	"strings"
)

// handle is the receipt of the latest delivery of m.
func (q *queue) handle(m *message) string {
	return "AQEB/" + q.name + "/" + strconv.FormatUint(m.seq, 10) + "/" + strconv.Itoa(m.receives)
}

// find resolves a receipt handle. A message that is gone, or was delivered
// again since, gives nil; text that never was a handle is refused.
func (s *Server) find(q *queue, handle string) (*message, error) {
	parts := strings.Split(handle, "/")
	if len(parts) != 4 || parts[0] != "AQEB" || parts[1] != q.name {
		return nil, refuse("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	}
	seq, err1 := strconv.ParseUint(parts[2], 10, 64)
	n, err2 := strconv.Atoi(parts[3])
	if err1 != nil || err2 != nil || seq == 0 || seq > s.issued {
		return nil, refuse("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	}
	if m := q.live[seq]; m != nil && m.valid <= n && n <= m.receives {
		return m, nil
	}
	return nil, nil
}

// hidden is a heap by visibleAt.
type hidden []*message

func (h hidden) Len() int           { return len(h) }
func (h hidden) Less(i, j int) bool { return h[i].visibleAt.Before(h[j].visibleAt) }
func (h hidden) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *hidden) Push(x any) {
	m := x.(*message)
	m.index = len(*h)
	*h = append(*h, m)
}
func (h *hidden) Pop() any {
	old := *h
	m := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	m.index = -1
	return m
}
