package awsfake

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of multipart uploads (Amazon S3 User Guide, "multipart upload limits").
const (
	minPart  = 5 << 20 // bytes, all parts but the last
	maxParts = 10000
)

type upload struct {
	id     string
	object *Object // what it will be
	parts  map[int]part
}

type part struct {
	body []byte
	at   time.Time
}

func (b *bucket) upload(r *request, key string) (*upload, error) {
	u := b.uploads[r.http.URL.Query().Get("uploadId")]
	if u == nil || u.object.Key != key {
		return nil, &apiError{http.StatusNotFound, "NoSuchUpload", "The specified multipart upload does not exist."}
	}
	return u, nil
}

// Uploads returns the ids of the multipart uploads of a bucket that are under
// way.
func (c *Cloud) Uploads(name string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := stateOf[s3State](c, "", "").buckets[name]
	if b == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(b.uploads))
}

func createUpload(c *Cloud, r *request) (any, error) {
	b, key, err := c.bucket(r)
	if err != nil {
		return nil, err
	}
	o, err := described(c, b, r, key)
	if err != nil {
		return nil, err
	}
	c.issued++
	u := &upload{id: fmt.Sprintf("upload-%06d", c.issued), object: o, parts: map[int]part{}}
	b.uploads[u.id] = u
	return asXML("InitiateMultipartUploadResult", struct {
		XMLName               xml.Name `xml:"InitiateMultipartUploadResult"`
		Bucket, Key, UploadId string
	}{Bucket: b.Name, Key: key, UploadId: u.id}), nil
}

func uploadPart(c *Cloud, r *request) (any, error) {
	b, key, err := c.bucket(r)
	if err != nil {
		return nil, err
	}
	u, err := b.upload(r, key)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(r.http.URL.Query().Get("partNumber"))
	if err != nil || n < 1 || n > maxParts {
		return nil, refuse("InvalidArgument", "Part number must be an integer between 1 and %d, inclusive", maxParts)
	}
	if err := checkBody(r); err != nil {
		return nil, err
	}
	u.parts[n] = part{r.body, r.At}
	return &Reply{Header: http.Header{"Etag": {etag(r.body)}}}, nil
}

type listedPart struct {
	PartNumber   int
	ETag         string
	Size         int
	LastModified string
}

func listParts(c *Cloud, r *request) (any, error) {
	b, key, err := c.bucket(r)
	if err != nil {
		return nil, err
	}
	u, err := b.upload(r, key)
	if err != nil {
		return nil, err
	}
	out := struct {
		XMLName               xml.Name `xml:"ListPartsResult"`
		Bucket, Key, UploadId string
		MaxParts              int
		IsTruncated           bool
		NextPartNumberMarker  int
		Part                  []listedPart
	}{Bucket: b.Name, Key: key, UploadId: u.id, MaxParts: 1000}
	after, _ := strconv.Atoi(r.http.URL.Query().Get("part-number-marker"))
	if n, err := strconv.Atoi(r.http.URL.Query().Get("max-parts")); err == nil {
		out.MaxParts = min(n, 1000)
	}
	for _, n := range slices.Sorted(maps.Keys(u.parts)) {
		if n <= after {
			continue
		}
		if len(out.Part) == out.MaxParts {
			out.IsTruncated, out.NextPartNumberMarker = true, out.Part[len(out.Part)-1].PartNumber
			break
		}
		out.Part = append(out.Part, listedPart{n, etag(u.parts[n].body), len(u.parts[n].body), u.parts[n].at.Format(time.RFC3339)})
	}
	return asXML("ListPartsResult", out), nil
}

func listUploads(c *Cloud, r *request) (any, error) {
	b, _, err := c.bucket(r)
	if err != nil {
		return nil, err
	}
	type entry struct{ Key, UploadId string }
	out := struct {
		XMLName        xml.Name `xml:"ListMultipartUploadsResult"`
		Bucket, Prefix string
		IsTruncated    bool
		Upload         []entry
	}{Bucket: b.Name, Prefix: r.http.URL.Query().Get("prefix")}
	for _, id := range slices.Sorted(maps.Keys(b.uploads)) {
		if k := b.uploads[id].object.Key; strings.HasPrefix(k, out.Prefix) {
			out.Upload = append(out.Upload, entry{k, id})
		}
	}
	return asXML("ListMultipartUploadsResult", out), nil
}

func completeUpload(c *Cloud, r *request) (any, error) {
	b, key, err := c.bucket(r)
	if err != nil {
		return nil, err
	}
	u, err := b.upload(r, key)
	if err != nil {
		return nil, err
	}
	if err := fresh(b, r, key); err != nil {
		return nil, err
	}
	var in struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := xml.Unmarshal(r.body, &in); err != nil || len(in.Part) == 0 {
		return nil, refuse("MalformedXML", "The XML you provided was not well-formed")
	}
	o, last := u.object, 0
	var body []byte
	for i, p := range in.Part {
		have, ok := u.parts[p.PartNumber]
		switch {
		case p.PartNumber <= last:
			return nil, refuse("InvalidPartOrder", "The list of parts was not in ascending order.")
		case !ok || strings.Trim(p.ETag, `"`) != strings.Trim(etag(have.body), `"`):
			return nil, refuse("InvalidPart", "One or more of the specified parts could not be found.")
		case i < len(in.Part)-1 && len(have.body) < minPart:
			return nil, refuse("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
		}
		body, last = append(body, have.body...), p.PartNumber
	}
	o.Body = body
	o.ETag, o.Version, o.Modified, o.PartsUploaded = fmt.Sprintf(`"%x-%d"`, len(o.Body), len(in.Part)), c.version(), r.At, len(in.Part)
	b.versions = append(b.versions, o)
	delete(b.uploads, u.id)
	out := asXML("CompleteMultipartUploadResult", struct {
		XMLName                     xml.Name `xml:"CompleteMultipartUploadResult"`
		Location, Bucket, Key, ETag string
	}{Bucket: b.Name, Key: key, ETag: cmp.Or(o.ETag)})
	out.Header.Set("X-Amz-Version-Id", o.Version)
	return out, nil
}

func abortUpload(c *Cloud, r *request) (any, error) {
	b, key, err := c.bucket(r)
	if err != nil {
		return nil, err
	}
	u, err := b.upload(r, key)
	if err != nil {
		return nil, err
	}
	delete(b.uploads, u.id)
	return &Reply{Status: http.StatusNoContent}, nil
}
