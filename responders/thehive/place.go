package thehive

import (
	"context"
	"fmt"
	"path"
	"strings"
)

// Place records where a file is kept and its hash, as observables.
func (c *Client) Place(ctx context.Context, to Record, f File) error {
	name := fileName(f.Name)
	says := "evidence " + name
	if f.Size > 0 {
		says += fmt.Sprintf(", %d bytes", f.Size)
	}
	if f.Note != "" {
		says += ": " + f.Note
	}
	if f.Why != "" {
		says += "; not uploaded: " + f.Why
	}
	var list []Observable
	if f.URI != "" {
		list = append(list, Observable{Type: "other", Data: f.URI, Message: says, Tags: []string{"evidence"}})
	}
	if f.SHA256 != "" {
		list = append(list, Observable{Type: "hash", Data: f.SHA256, Message: "SHA-256 of " + says, Tags: []string{"evidence"}})
	}
	if len(list) == 0 {
		return permanent("attach", "the file is not uploaded and there is neither a link nor a hash to record")
	}
	return c.AddObservables(ctx, to, list)
}

// fileName is a name without directories and without what file systems or
// browsers stumble over.
func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|;%`, r) {
			return '_'
		}
		return r
	}, line(s, maxName))
	if s = strings.Trim(s, ". "); s == "" {
		return "file"
	}
	return s
}

// suffixed puts a word before the name's extension.
func suffixed(name, word string) string {
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + "-" + word + ext
}

func mediaType(s string) string {
	if len(s) > 100 || !strings.Contains(s, "/") || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "application/octet-stream"
	}
	return s
}
