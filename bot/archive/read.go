package archive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
)

// Files turns what somebody named into files to read, in order: a directory is
// the archives in it by name, and a file named twice is read once.
func Files(names []string) ([]string, error) {
	var out []string
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("read the archive: %w", err)
		}
		found := []string{filepath.Clean(name)}
		if info.IsDir() {
			if found, err = filepath.Glob(filepath.Join(name, "findings-*.ndjson")); err != nil {
				return nil, fmt.Errorf("read the archive: %w", err)
			}
			slices.Sort(found)
			if len(found) == 0 {
				return nil, fmt.Errorf("read the archive: %s has no file findings-*.ndjson in it", name)
			}
		}
		for _, f := range found {
			if !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	return out, nil
}

// Tally is what was read and what was left out.
type Tally struct {
	Files    int
	Lines    int // that were read, without repeated ones
	Repeated int
	LeftOut  []Gap // by reason, in the order of first appearance
}

// Gap is a reason for leaving lines out.
type Gap struct {
	Why   string
	N     int
	First Place // where it was seen first
}

// Place is a line of a file, from 1.
type Place struct {
	File string
	Line int
}

// Skipped counts all lines left out.
func (t *Tally) Skipped() int {
	n := 0
	for _, g := range t.LeftOut {
		n += g.N
	}
	return n
}

func (t *Tally) leaveOut(why string, at Place) {
	i := slices.IndexFunc(t.LeftOut, func(g Gap) bool { return g.Why == why })
	if i < 0 {
		i = len(t.LeftOut)
		t.LeftOut = append(t.LeftOut, Gap{Why: why, First: at})
	}
	t.LeftOut[i].N++
}

// batchLines is how many lines are worked on together.
const batchLines = 128

// batch is a run of lines of one file.
type batch[T any] struct {
	file  string
	first int
	text  []byte
	ends  []int
	torn  bool // the last line has no end
	long  []int
	out   []result[T]
	done  chan struct{}
}

type result[T any] struct {
	id    string
	place Place
	value T
	err   error
}

// Read reads files and gives what work makes of each line to use, in the order of
// the files. work runs on several goroutines at once, use on the caller's. A line
// that cannot be read is left out and counted; the error is about files.
func Read[T any](files []string, work func(*Line) T, use func(T)) (Tally, error) {
	t := Tally{Files: len(files)}
	workers := max(runtime.GOMAXPROCS(0), 1)
	todo, order := make(chan *batch[T], workers), make(chan *batch[T], 2*workers)
	var failed error
	go func() {
		defer close(order)
		defer close(todo)
		for _, name := range files {
			if failed = scanFile(name, func(b *batch[T]) { order <- b; todo <- b }); failed != nil {
				return
			}
		}
	}()
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for b := range todo {
				b.run(work)
				close(b.done)
			}
		})
	}
	seen := map[string]bool{}
	for b := range order {
		<-b.done
		for _, r := range b.out {
			switch {
			case r.err != nil:
				t.leaveOut(r.err.Error(), r.place)
			case seen[r.id]:
				t.Repeated++
			default:
				seen[r.id] = true
				t.Lines++
				use(r.value)
			}
		}
	}
	group.Wait()
	return t, failed
}

var (
	errTorn = errors.New("the file ends in the middle of it: the bot was stopped while writing, or is writing it now")
	errLong = fmt.Errorf("it is longer than %d KiB", MaxLine>>10)
)

// run decodes the lines of a batch.
func (b *batch[T]) run(work func(*Line) T) {
	start := 0
	for i, end := range b.ends {
		text := bytes.TrimSpace(b.text[start:end])
		start = end
		r := result[T]{place: Place{b.file, b.first + i}}
		if slices.Contains(b.long, i) {
			r.err = errLong
		} else if len(text) == 0 {
			continue
		} else if l, err := decode(text); err != nil {
			if r.err = err; b.torn && i == len(b.ends)-1 && errors.Is(err, errNotJSON) {
				r.err = errTorn
			}
		} else {
			r.id, r.value = string(l.Kind)+" "+l.ID, work(&l)
		}
		b.out = append(b.out, r)
	}
	b.text = nil
}

// scanFile cuts a file into batches.
func scanFile[T any](name string, give func(*batch[T])) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read the archive: %w", err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 64<<10)
	next := &batch[T]{file: name, first: 1, done: make(chan struct{})}
	for {
		text, long, err := readLine(in, next.text)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the archive %s: %w", name, err)
		}
		next.torn = err != nil && len(text) > len(next.text)
		if long {
			next.long = append(next.long, len(next.ends))
		}
		next.text, next.ends = text, append(next.ends, len(text))
		if err != nil {
			give(next)
			return nil
		}
		if len(next.ends) >= batchLines || len(next.text) > MaxLine {
			give(next)
			next = &batch[T]{file: name, first: next.first + len(next.ends), done: make(chan struct{})}
		}
	}
}

// readLine appends the next line to buf, or nothing when it is too long. The
// error is io.EOF after the last.
func readLine(in *bufio.Reader, buf []byte) (out []byte, long bool, err error) {
	start := len(buf)
	for {
		part, err := in.ReadSlice('\n')
		if !long {
			buf = append(buf, part...)
		}
		if len(buf)-start > MaxLine+1 {
			buf, long = buf[:start], true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return buf, long, err
		}
	}
}
