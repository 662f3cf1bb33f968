package lookup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// download is a list that is fetched whole and kept: in memory and, when there
// is a directory for it, on disk, so that a restart does not fetch it again.
type download[T any] struct {
	door   *door
	disk   disk
	url    endpoint
	name   string
	kind   string        // the content type asked for
	maxAge time.Duration // then it is fetched again
	retry  time.Duration // the shortest time between two attempts
	most   int64         // bytes
	parse  func([]byte) (T, error)

	mu    sync.Mutex
	tried time.Time // of the last attempt
	err   error     // of the last attempt
	have  bool
	got   copyOf[T]
}

// copyOf is a parsed list with what is needed to ask for a newer one.
type copyOf[T any] struct {
	list T
	etag string
	at   time.Time // when it was fetched or found unchanged
}

// get returns the list and when it was fetched. A list that could not be
// refreshed is better than none: it is returned with stale set. Two callers
// wait for one download.
func (l *download[T]) get(ctx context.Context) (got copyOf[T], stale bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.door.now()
	if !l.have {
		l.load()
	}
	if l.have && now.Sub(l.got.at) < l.maxAge {
		return l.got, false, nil
	}
	if l.tried.IsZero() || now.Sub(l.tried) >= l.retry {
		err := l.fetch(ctx)
		if !errors.Is(err, context.Canceled) {
			l.tried, l.err = now, err
		}
		if err == nil {
			return l.got, false, nil
		}
		if !l.have {
			return copyOf[T]{}, false, err
		}
	}
	if !l.have {
		return copyOf[T]{}, false, l.err
	}
	return l.got, true, nil
}

// load reads the copy on disk, if it is any good.
func (l *download[T]) load() {
	body, etag, at, ok := l.disk.read(l.name, l.most)
	if !ok || at.After(l.door.now()) {
		return
	}
	if list, err := l.parse(body); err == nil {
		l.got, l.have = copyOf[T]{list, etag, at}, true
	}
}

// fetch asks for a newer copy.
func (l *download[T]) fetch(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url.String(), nil)
	if err != nil {
		return fail(Defect, "make request: %w", err)
	}
	if l.kind != "" {
		req.Header.Set("Accept", l.kind)
	}
	if l.have && l.got.etag != "" {
		req.Header.Set("If-None-Match", l.got.etag)
	}
	a, err := l.door.do(req, l.most)
	if err != nil {
		return err
	}
	now := l.door.now()
	switch {
	case a.status == http.StatusNotModified && l.have:
		l.got.at = now
		l.disk.touch(l.name, now)
		return nil
	case a.status != http.StatusOK:
		return fail(Broken, "HTTP %d", a.status)
	}
	list, err := l.parse(a.body)
	if err != nil {
		return fail(Unreadable, "parse %s: %w", l.name, err)
	}
	l.got, l.have = copyOf[T]{list, a.header.Get("ETag"), now}, true
	l.disk.write(l.name, a.body, l.got.etag, now)
	return nil
}

// staleNote says of when a list is that could not be refreshed.
func staleNote(stale bool, at time.Time) string {
	if !stale {
		return ""
	}
	return fmt.Sprintf("the list is of %s UTC and could not be refreshed", at.UTC().Format("2006-01-02 15:04"))
}
