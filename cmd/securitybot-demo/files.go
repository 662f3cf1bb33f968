package main

import (
	"mime"
	"net/http"
	"path"
)

// serveFile offers what was put into a channel, TheHive or the bucket. It is
// never shown by the browser itself: parts of it were written by strangers.
func (d *demo) serveFile(w http.ResponseWriter, r *http.Request) {
	name, body, ok := d.file(r.PathValue("place"), r.PathValue("id"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(name)}))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(body)
}

func (d *demo) file(place, id string) (name string, body []byte, ok bool) {
	switch place {
	case "chat":
		for _, c := range d.world.Slack.Snapshot(1).Channels {
			for _, f := range c.Files {
				if f.ID == id {
					return f.Name, f.Content, true
				}
			}
		}
	case "hive":
		for _, k := range d.world.Hive.Snapshot().Cases {
			for _, a := range k.Attachments {
				if a.ID == id {
					return a.Name, a.Data, true
				}
			}
		}
	case "bucket":
		for _, o := range d.evidence() {
			if o.Key == id {
				return o.Key, o.Body, true
			}
		}
	}
	return "", nil, false
}
