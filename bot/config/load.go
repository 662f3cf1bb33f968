package config

import (
	"os"
	"path/filepath"
	"reflect"

	"github.com/goccy/go-yaml/token"
)

// Loader reads configurations. The zero value is not usable: Load and Parse use
// the process's environment.
type Loader struct {
	LookupEnv func(string) (string, bool) // resolves ${env:NAME}
}

// Load reads the file at path. A refusal is a Problems with every mistake
// found. It must be a regular file of at most 1 MiB that not everybody on the
// machine can change; relative paths in it are relative to its directory.
func Load(path string) (*Config, error) { return Loader{LookupEnv: os.LookupEnv}.Load(path) }

// Parse reads src, which came from the file called name.
func Parse(name string, src []byte) (*Config, error) {
	return Loader{LookupEnv: os.LookupEnv}.Parse(name, src)
}

// Load is like the function Load.
func (l Loader) Load(path string) (*Config, error) {
	src, err := readRegular(path, maxSize)
	if err != nil {
		return nil, Problems{{File: path, Line: 1, Col: 1, Msg: err.Error()}}
	}
	return l.Parse(path, src)
}

// Parse is like the function Parse.
func (l Loader) Parse(name string, src []byte) (*Config, error) {
	d := &document{file: name, places: map[string]place{}, unread: map[string]bool{}}
	c := Default()
	if root := d.root(src); root != nil {
		d.value("", root, reflect.ValueOf(c).Elem())
		dir := filepath.Dir(name)
		d.resolve(l, dir)
		c.complete(dir)
		d.check(c)
	}
	if len(d.problems) > 0 {
		return nil, d.problems.sorted(name)
	}
	c.Warnings = d.warnings.sorted(name)
	c.secrets, c.file = d.secrets, name
	return c, nil
}

// set says whether the file names the setting at path.
func (d *document) set(path string) bool {
	_, ok := d.places[path]
	return ok
}

// where is the place to point at for a problem with the setting at path: its
// value, or the nearest thing around it that is in the file.
func (d *document) where(path string) *token.Token {
	for p := path; p != ""; p = parent(p) {
		if at, ok := d.places[p]; ok {
			if p == path {
				return at.value
			}
			return at.key
		}
	}
	return nil
}

// parent cuts the last step off a path: a.b[0] → a.b → a → "".
func parent(path string) string {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '.' || path[i] == '[' {
			return path[:i]
		}
	}
	return ""
}

// wrong notes a mistake in the setting at path.
func (d *document) wrong(path, format string, args ...any) {
	d.at(d.where(path), format, args...)
}

// warn notes something that works but is probably not meant.
func (d *document) warn(path, format string, args ...any) {
	line, col := position(d.where(path))
	d.warnings = append(d.warnings, d.problem(line, col, format, args...))
}
