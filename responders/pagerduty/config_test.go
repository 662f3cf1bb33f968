package pagerduty

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

// Whatever client is handed in, an attempt ends and a redirect is not followed.
func TestHTTPClientIsBounded(t *testing.T) {
	t.Parallel()
	given := &http.Client{}
	for name, tc := range map[string]struct {
		http *http.Client
		want time.Duration
	}{"none": {nil, callTimeout}, "without timeout": {given, callTimeout}, "with its own": {&http.Client{Timeout: time.Second}, time.Second}} {
		h := Config{HTTP: tc.http}.client()
		if h.Timeout != tc.want || h.CheckRedirect == nil || !errors.Is(h.CheckRedirect(nil, nil), http.ErrUseLastResponse) {
			t.Errorf("%s: timeout %v", name, h.Timeout)
		}
	}
	if given.Timeout != 0 || given.CheckRedirect != nil {
		t.Error("the client that was handed in was changed")
	}
}
