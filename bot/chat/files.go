package chat

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// MaxUpload bounds a file the bot uploads, in bytes. It holds the file in
// memory; what is larger belongs elsewhere, with a link to it.
const MaxUpload = 20 << 20

// maxFileName bounds names and titles of files.
const maxFileName = 150

// File is a file to upload.
type File struct {
	Name, Title string
	Content     []byte
}

// Upload shares a file in a channel, in a thread when thread is not empty.
// Slack shares it a moment later and gives it no timestamp to find it by. Only
// an Ambiguous error means that it may have been shared.
func (s *Slack) Upload(ctx context.Context, channel, thread, name, title string, content []byte) error {
	return s.UploadAll(ctx, channel, thread, []File{{Name: name, Title: title, Content: content}})
}

// UploadAll is Upload for several files that appear together or not at all.
func (s *Slack) UploadAll(ctx context.Context, channel, thread string, files []File) error {
	const end = "files.completeUploadExternal"
	var sent []map[string]string
	for _, f := range files {
		id, err := s.deposit(ctx, f)
		if err != nil {
			return notShared(err)
		}
		sent = append(sent, map[string]string{"id": id, "title": label(f.Title, maxFileName, fileName(f.Name))})
	}
	args := url.Values{"files": {string(marshal(sent))}, "channel_id": {channel}}
	if thread != "" {
		args.Set("thread_ts", thread)
	}
	return s.call(ctx, end, args, nil)
}

// deposit hands the bytes of a file to Slack. Nobody can see them yet.
func (s *Slack) deposit(ctx context.Context, f File) (id string, err error) {
	const begin = "files.getUploadURLExternal"
	switch {
	case len(f.Content) == 0: // Slack refuses it with a code that says less
		return "", &Error{Kind: Permanent, Code: "file_is_empty", Method: begin}
	case len(f.Content) > MaxUpload:
		return "", &Error{Kind: Permanent, Code: "file_too_large", Method: begin}
	}
	var place struct {
		URL string `json:"upload_url"`
		ID  string `json:"file_id"`
	}
	if err := s.call(ctx, begin, url.Values{"filename": {fileName(f.Name)}, "length": {strconv.Itoa(len(f.Content))}}, &place); err != nil {
		return "", err
	}
	return place.ID, s.send(ctx, place.URL, f.Content)
}

// send posts the bytes. The address comes from outside and needs no token, so
// none is sent, and only Slack's own hosts are spoken to.
func (s *Slack) send(ctx context.Context, address string, content []byte) error {
	const method = "upload_url"
	u, err := url.Parse(address)
	if err != nil || !s.trusted(u) {
		return &Error{Kind: Permanent, Code: "bad_upload_url", Method: method}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(content))
	if err != nil {
		return &Error{Kind: Permanent, Code: "bad_upload_url", Method: method}
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := s.via.http.Do(req)
	if err != nil {
		return lostError(method, err, true)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK:
		return nil
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
		return &Error{Kind: Transient, Code: "http_" + strconv.Itoa(resp.StatusCode), Method: method}
	}
	return &Error{Kind: Permanent, Code: "http_" + strconv.Itoa(resp.StatusCode), Method: method}
}

// notShared marks a failure before the last step: whatever Slack has by then,
// nobody can see it.
func notShared(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != Ambiguous {
		return err
	}
	plain := *e
	plain.Kind = Transient
	return &plain
}

// fileName makes a name of at most 150 harmless characters: letters, digits and
// "._-"; it may be built from outside text.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, name)
	name = strings.TrimLeft(name, ".")
	if name == "" {
		return "file"
	}
	return name[max(0, len(name)-maxFileName):] // the end tells the type
}
