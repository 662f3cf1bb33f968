package slackfake

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// maxFile bounds uploads here; Slack takes a gigabyte.
const maxFile = 64 << 20

// File is an uploaded file. It is visible when it has a channel.
type File struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Title    string    `json:"title,omitempty"`
	Size     int       `json:"size"`
	Channel  string    `json:"channel,omitempty"`
	ThreadTS string    `json:"thread_ts,omitempty"`
	SharedAt time.Time `json:"shared_at,omitzero"`
	Content  []byte    `json:"-"`

	sent bool
}

// Files returns the files shared in a channel, oldest first.
func (st State) Files(channel string) []File {
	var out []File
	for _, f := range st.s.files {
		if f.Channel == channel {
			out = append(out, *f)
		}
	}
	return out
}

// Files is [State.Files] at this moment.
func (s *Server) Files(channel string) []File {
	return read(s, func(st State) []File { return st.Files(channel) })
}

// UploadHost makes upload addresses point to another host, as an attacker in
// between would; "" is the workspace's own.
func (s *Server) UploadHost(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uploads = base
}

func uploadURL(req *request) (body, error) {
	s := req.s
	length, err := strconv.Atoi(req.args["length"])
	switch {
	case req.args["filename"] == "":
		return nil, refuse("unknown_file_name")
	case err != nil || length <= 0:
		return nil, refuse("invalid_arguments")
	case length > maxFile:
		return nil, refuse("file_upload_size_restricted")
	}
	f := &File{ID: s.id("F"), Name: req.args["filename"], Size: length}
	s.files = append(s.files, f)
	base := s.URL
	if s.uploads != "" {
		base = s.uploads
	}
	return body{"upload_url": fmt.Sprintf("%s/upload/v1/%s", base, f.ID), "file_id": f.ID}, nil
}

// serveUpload takes the bytes of a file. Calls are recorded as method
// "upload_url".
func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request, id string) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFile)
	data, err := uploaded(r)
	req := &request{s: s, method: "upload_url", args: map[string]string{"file": id, "length": strconv.Itoa(len(data))}}
	if r.Header.Get("Authorization") != "" {
		req.style = "header" // a token that has no business here
	}
	s.serve(w, r, req, func(call *Call) (body, error) {
		f := s.file(id)
		if r.Method != http.MethodPost || err != nil || f == nil || f.sent || len(data) != f.Size {
			call.Status = http.StatusBadRequest
			return nil, refuse("upload_refused")
		}
		f.Content, f.sent = data, true
		return body{}, nil
	})
}

// uploaded reads the bytes, which come as they are or as the file of a form.
func uploaded(r *http.Request) ([]byte, error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "multipart/form-data" {
		return io.ReadAll(r.Body)
	}
	form, err := r.MultipartReader()
	if err != nil {
		return nil, err
	}
	part, err := form.NextPart()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(part)
}

func (s *Server) file(id string) *File {
	i := slices.IndexFunc(s.files, func(f *File) bool { return f.ID == id })
	if i < 0 {
		return nil
	}
	return s.files[i]
}

func completeUpload(req *request) (body, error) {
	s := req.s
	var list []struct {
		ID    string `json:"id"`
		Title string `json:"title"`
	}
	if json.Unmarshal(req.jsonArg("files"), &list) != nil || len(list) == 0 {
		return nil, refuse("invalid_arguments")
	}
	c, err := req.joined(req.args["channel_id"])
	if err != nil {
		return nil, refuse("invalid_channel")
	}
	thread := req.args["thread_ts"]
	if thread != "" && !s.inThread(c, thread) {
		return nil, refuse("invalid_thread_ts")
	}
	var done []body
	for _, one := range list {
		f := s.file(one.ID)
		if f == nil || !f.sent || f.Channel != "" {
			return nil, refuse("file_not_found")
		}
		f.Title, f.Channel, f.ThreadTS, f.SharedAt = one.Title, c.ID, thread, s.now()
		done = append(done, body{"id": f.ID, "title": f.Title})
	}
	s.changed(Change{Kind: "file", Channel: c.ID})
	return body{"files": done}, nil
}
