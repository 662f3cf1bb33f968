package lookup

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// disk keeps downloaded lists in a directory; "" keeps nothing. It is a cache:
// whatever goes wrong with it only costs a download. A file holds the ETag on
// its first line, then the list; its time of change is when it was fetched.
type disk string

func (d disk) path(name string) string { return filepath.Join(string(d), name+".list") }

func (d disk) read(name string, most int64) (body []byte, etag string, at time.Time, ok bool) {
	if d == "" {
		return nil, "", time.Time{}, false
	}
	info, err := os.Lstat(d.path(name))
	if err != nil || !info.Mode().IsRegular() || info.Size() > most+1024 {
		return nil, "", time.Time{}, false
	}
	all, err := os.ReadFile(d.path(name))
	if err != nil {
		return nil, "", time.Time{}, false
	}
	head, body, found := bytes.Cut(all, []byte("\n"))
	return body, string(head), info.ModTime(), found
}

// write replaces the file in one step, so that a crash leaves the old one.
func (d disk) write(name string, body []byte, etag string, at time.Time) {
	if d == "" || strings.ContainsAny(etag, "\r\n") || os.MkdirAll(string(d), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(string(d), name+".*")
	if err != nil {
		return
	}
	_, err = f.Write(append([]byte(etag+"\n"), body...))
	if closed := f.Close(); err == nil && closed == nil && os.Chtimes(f.Name(), at, at) == nil && os.Rename(f.Name(), d.path(name)) == nil {
		return
	}
	_ = os.Remove(f.Name())
}

func (d disk) touch(name string, at time.Time) {
	if d != "" {
		_ = os.Chtimes(d.path(name), at, at)
	}
}
