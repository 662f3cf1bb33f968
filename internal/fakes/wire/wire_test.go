package wire

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

func TestAScriptIsPlayedOnce(t *testing.T) {
	t.Parallel()
	var s Script
	s.Fail("a", 500, 0)
	for _, want := range []int{500, 0, -1} {
		if got := s.Next("a"); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
	if got := s.Next("b"); got != -1 {
		t.Errorf("another kind: %d", got)
	}
}

func TestALostAnswerDidItsWork(t *testing.T) {
	t.Parallel()
	var worked atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		Lose(r, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", "y")
			w.WriteHeader(http.StatusCreated)
			_, err := w.Write([]byte("done"))
			worked.Store(err == nil)
		})
	}))
	defer server.Close()
	if resp, err := http.Get(server.URL); err == nil {
		resp.Body.Close()
		t.Error("the answer arrived")
	}
	if !worked.Load() {
		t.Error("the work was not done")
	}
}

func TestWaitingForNews(t *testing.T) {
	t.Parallel()
	var n News
	var count atomic.Int64
	go func() {
		for range 3 {
			count.Add(1)
			n.Happened()
		}
	}()
	if err := n.WaitFor(t.Context(), 3, func() int { return int(count.Load()) }); err != nil {
		t.Error(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.WaitFor(gone, 4, func() int { return int(count.Load()) }); err == nil {
		t.Error("waited for what did not happen")
	}
}
