package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/securitybot/securitybot/responders"
)

// journal keeps jobs as files, one each. A file is replaced in one piece, so
// that a crash leaves either the old or the new one.
type journal struct{ dir string }

// page is one job's file.
type page struct {
	State   string         `json:"state"`
	Message string         `json:"message,omitempty"` // why it ended, or the last error
	Again   time.Time      `json:"again,omitzero"`    // when the next step makes sense
	Job     responders.Job `json:"job"`
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9]{8,32}$`)

func openJournal(dir string) (journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return journal{}, fmt.Errorf("make the directory of jobs: %w", err)
	}
	return journal{dir}, nil
}

func (j journal) file(id string) string { return filepath.Join(j.dir, id+".json") }

// write stores a page durably.
func (j journal) write(p page) error {
	body, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return fmt.Errorf("write the job: %w", err)
	}
	return replace(j.file(p.Job.ID), append(body, '\n'))
}

func (j journal) read(id string) (page, error) {
	var p page
	if !idForm.MatchString(id) {
		return p, fmt.Errorf("%q is not the id of a job", id)
	}
	body, err := os.ReadFile(j.file(id))
	if errors.Is(err, os.ErrNotExist) {
		return p, fmt.Errorf("there is no job %s in %s; name the directory with --journal", id, j.dir)
	}
	if err != nil {
		return p, fmt.Errorf("read the job: %w", err)
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return p, fmt.Errorf("%s is not a job: %w", j.file(id), err)
	}
	if p.Job.ID != id {
		return p, fmt.Errorf("%s holds another job", j.file(id))
	}
	return p, nil
}

// errBusy means that another process has the job.
var errBusy = errors.New("another process is working on this job")

// lock keeps other processes away from a job until it is released; the lock
// ends with the process.
func (j journal) lock(id string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(j.dir, id+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the job: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, errBusy
	}
	return func() { f.Close() }, nil
}

// replace writes a file in one piece and makes it durable.
func replace(name string, body []byte) error {
	temp, err := writeTemp(name, body)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, name); err != nil {
		return fmt.Errorf("replace %s: %w", name, err)
	}
	return syncDir(filepath.Dir(name))
}

// writeTemp writes a durable file beside the one it will become.
func writeTemp(name string, body []byte) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(body)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(f.Name())
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	return f.Name(), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
