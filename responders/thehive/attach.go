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
	Why         string // why only its place and hash are recorded, when Open is nil
	// Harmful means that the bytes may hurt whoever opens them, as captured
	// packets do: they are uploaded in a zip with the password ZipPassword, so that
	// neither a click nor a scanner touches them.
	Harmful bool
	// Open returns the bytes. nil when they stay where they are, as snapshots
	// and memory dumps do.
	Open func(context.Context) (io.ReadCloser, error)
}

// Attachment is what became of a file.
type Attachment struct {
	Name   string // as TheHive has it; empty when only link and hash were recorded
	Why    string // why only those; empty otherwise
	SHA256 string
	There  bool // it was there already
}

const maxName = 120

// Errors of Attach about the bytes themselves. Trying again helps with the
// first at most.
var (
	ErrUnreadable = errors.New("the file cannot be read")
	ErrOtherBytes = errors.New("the bytes read are not those that were recorded: their hash differs")
)

// Attach uploads a file to a record, unless a file with the same bytes is there
// under its name. What is too large, or has no bytes to upload, is recorded as
// observables: its place and its hash, and why.
func (c *Client) Attach(ctx context.Context, to Record, f File) (Attachment, error) {
	const op = "attach"
	where, err := to.path(op)
	if err != nil {
		return Attachment{}, err
	}
	if f.Open == nil {
		return c.placeOnly(ctx, to, f)
	}
	if f.Size > c.maxFile {
		return c.tooLarge(ctx, to, f)
	}
	got := Attachment{Name: fileName(f.Name), SHA256: strings.ToLower(f.SHA256)}
	if got.SHA256 != "" && !f.Harmful { // what is there need not be read again
		if got.There, err = c.attached(ctx, op, to, &got); err != nil || got.There {
			return got, err
		}
	}
	data, err := f.read(ctx, c.maxFile)
	if errors.Is(err, errTooLarge) {
		return c.tooLarge(ctx, to, f)
	}
	if err != nil {
		return Attachment{}, err
	}
	if got.Name = fileName(f.Name); f.Harmful {
		if got.Name, data, err = sealed(got.Name, data); err != nil {
			return Attachment{}, err
		}
		f.ContentType = "application/zip"
	}
	got.SHA256 = hashOf(data)
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

func (c *Client) tooLarge(ctx context.Context, to Record, f File) (Attachment, error) {
	f.Why = fmt.Sprintf("larger than %d KiB", c.maxFile>>10)
	if c.maxFile >= 1<<20 {
		f.Why = fmt.Sprintf("larger than %d MiB", c.maxFile>>20)
	}
	return c.placeOnly(ctx, to, f)
}

func (c *Client) placeOnly(ctx context.Context, to Record, f File) (Attachment, error) {
	return Attachment{SHA256: f.SHA256, Why: f.Why}, c.Place(ctx, to, f)
}

var errTooLarge = errors.New("too large")

// read returns the bytes when they are at most most, and those that were
// recorded.
func (f File) read(ctx context.Context, most int64) ([]byte, error) {
	r, err := f.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreadable, fileName(f.Name), err)
	}
	defer r.Close()
	var b bytes.Buffer
	b.Grow(int(min(max(f.Size, 0), most)) + bytes.MinRead) // one piece of memory where the size is known
	if _, err := b.ReadFrom(io.LimitReader(r, most+1)); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreadable, fileName(f.Name), err)
	}
	if int64(b.Len()) > most {
		return nil, errTooLarge
	}
	if f.SHA256 != "" && !strings.EqualFold(f.SHA256, hashOf(b.Bytes())) {
		return nil, &Error{Op: "attach", Class: Permanent, cause: ErrOtherBytes}
	}
	return b.Bytes(), nil
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
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
