package thehive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"path"
	"slices"
	"strings"
)

// File is a piece of evidence, a manifest or a timeline.
type File struct {
	Name        string // as people see it; at most 120 bytes
	ContentType string // empty is application/octet-stream
	Size        int64  // bytes, as far as known
	SHA256      string // hex, as far as known; what is read must have it
	URI         string // where it is kept: s3://…, arn:…
	Note        string
	// Open returns the bytes. nil when they stay where they are, as snapshots
	// and memory dumps do.
	Open func(context.Context) (io.ReadCloser, error)
}

// Attachment is what became of a file.
type Attachment struct {
	Name   string // as TheHive has it; empty when only link and hash were recorded
	SHA256 string
	There  bool // it was there already
}

const maxName = 120

// Attach uploads a file to a record, unless a file with the same bytes is there
// under its name. What is too large, or has no bytes to upload, is recorded as
// observables: its place and its hash.
func (c *Client) Attach(ctx context.Context, to Record, f File) (Attachment, error) {
	const op = "attach"
	where, err := to.path(op)
	if err != nil {
		return Attachment{}, err
	}
	if f.Open == nil || f.Size > c.maxFile {
		return Attachment{SHA256: f.SHA256}, c.note(ctx, to, f)
	}
	data, err := f.read(ctx, c.maxFile)
	if errors.Is(err, errTooLarge) {
		return Attachment{SHA256: f.SHA256}, c.note(ctx, to, f)
	}
	if err != nil {
		return Attachment{}, err
	}
	sum := sha256.Sum256(data)
	got := Attachment{Name: fileName(f.Name), SHA256: hex.EncodeToString(sum[:])}
	if f.SHA256 != "" && !strings.EqualFold(f.SHA256, got.SHA256) {
		return Attachment{}, permanent(op, "the bytes read are not those that were recorded: their hash differs")
	}
	if got.There, err = c.attached(ctx, op, to, &got); err != nil || got.There {
		return got, err
	}
	err = c.upload(ctx, op, where+"/attachments", got.Name, f.ContentType, data)
	if refused(err) { // it may have arrived in the meantime
		there, lookErr := c.attached(ctx, op, to, &got)
		if lookErr == nil && there {
			got.There = true
			return got, nil
		}
	}
	return got, err
}

var errTooLarge = errors.New("too large")

func (f File) read(ctx context.Context, most int64) ([]byte, error) {
	r, err := f.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", fileName(f.Name), err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", fileName(f.Name), err)
	}
	if int64(len(data)) > most {
		return nil, errTooLarge
	}
	return data, nil
}

// attached looks for a file's bytes under its name. When the name is taken by
// other bytes, a part of the hash goes into the name.
func (c *Client) attached(ctx context.Context, op string, to Record, a *Attachment) (bool, error) {
	second := suffixed(a.Name, a.SHA256[:8])
	there, taken := "", false
	err := list(ctx, c, op, to, "attachments", func(one struct {
		Name   string   `json:"name"`
		Hashes []string `json:"hashes"`
	}) bool {
		if one.Name != a.Name && one.Name != second {
			return false
		}
		if slices.ContainsFunc(one.Hashes, func(h string) bool { return strings.EqualFold(h, a.SHA256) }) {
			there = one.Name
			return true
		}
		taken = taken || one.Name == a.Name
		return false
	})
	switch {
	case err != nil:
		return false, err
	case there != "":
		a.Name = there
		return true, nil
	case taken:
		a.Name = second
	}
	return false, nil
}

func (c *Client) upload(ctx context.Context, op, where, name, contentType string, data []byte) error {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", multipart.FileContentDisposition("attachments", name))
	h.Set("Content-Type", mediaType(contentType))
	part, err := w.CreatePart(h)
	if err == nil {
		_, err = part.Write(data)
	}
	if err == nil {
		err = w.WriteField("canRename", "false") // a second copy under another name helps nobody
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return permanent(op, "the file cannot be put into a request")
	}
	ctx, cancel := context.WithTimeout(ctx, c.uploadPatience)
	defer cancel()
	var made struct {
		Attachments []struct {
			ID string `json:"_id"`
		} `json:"attachments"`
	}
	if err := c.send(ctx, op, http.MethodPost, where, w.FormDataContentType(), body.Bytes(), &made); err != nil {
		return err
	}
	if len(made.Attachments) == 0 {
		return &Error{Op: op, Class: Retry, Status: http.StatusCreated, cause: errors.New("the answer names no file")}
	}
	return nil
}

// note records a file that stays where it is.
func (c *Client) note(ctx context.Context, to Record, f File) error {
	name := fileName(f.Name)
	says := "evidence " + name
	if f.Size > 0 {
		says += fmt.Sprintf(", %d bytes", f.Size)
	}
	if f.Note != "" {
		says += ": " + f.Note
	}
	var list []Observable
	if f.URI != "" {
		list = append(list, Observable{Type: "other", Data: f.URI, Message: says, Tags: []string{"evidence"}})
	}
	if f.SHA256 != "" {
		list = append(list, Observable{Type: "hash", Data: f.SHA256, Message: "SHA-256 of " + says, Tags: []string{"evidence"}})
	}
	if len(list) == 0 {
		return permanent("attach", "the file is too large and there is neither a link nor a hash to record")
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
