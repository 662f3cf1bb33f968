package bot

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// appendLine writes a line that has its end, and makes sure that it is on disk. A
// line torn by a crash is ended first, so that it does not take this one with it.
func appendLine(name string, line []byte) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	torn, err := endsTorn(f)
	if err == nil {
		if torn {
			line = append([]byte("\n"), line...)
		}
		if _, err = f.Write(line); err == nil {
			err = f.Sync()
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// endsTorn says whether the last line of a file lacks its end.
func endsTorn(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return last[0] != '\n', nil
}
