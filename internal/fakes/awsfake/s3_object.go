package awsfake

import (
	"cmp"
	"crypto/md5" //nolint:gosec // Content-MD5
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checkBody compares a body with the digests that came with it.
func checkBody(r *request) error {
	h := r.http.Header
	if h.Get("X-Amz-Content-Sha256") == "STREAMING-UNSIGNED-PAYLOAD-TRAILER" {
		if err := unchunk(r); err != nil {
			return err
		}
	}
	if r.http.ContentLength < 0 {
		return &apiError{http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header."}
	}
	m := md5.Sum(r.body) //nolint:gosec // as above
	s := sha256.Sum256(r.body)
	var crc [4]byte
	binary.BigEndian.PutUint32(crc[:], crc32.ChecksumIEEE(r.body))
	for name, want := range map[string][]byte{"Content-Md5": m[:], "X-Amz-Checksum-Sha256": s[:], "X-Amz-Checksum-Crc32": crc[:]} {
		if v := h.Get(name); v != "" && v != base64.StdEncoding.EncodeToString(want) {
			return refuse("BadDigest", "The %s you specified did not match what we received.", name)
		}
	}
	if v := h.Get("X-Amz-Content-Sha256"); len(v) == 64 && v != hex.EncodeToString(s[:]) {
		return refuse("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	return nil
}

// fresh refuses to overwrite when the request wants that.
func fresh(b *bucket, r *request, key string) error {
	switch v := r.http.Header.Get("If-None-Match"); {
	case v == "":
		return nil
	case v != "*":
		return &apiError{http.StatusNotImplemented, "NotImplemented", "If-None-Match takes only *"}
	case b.current(key) != nil:
		return &apiError{http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"}
	}
	return nil
}

// described is an object with what the headers of a request say about it.
func described(c *Cloud, b *bucket, r *request, key string) (*Object, error) {
	h := r.http.Header
	o := &Object{Key: key, Type: h.Get("Content-Type"), Metadata: map[string]string{}, LockMode: h.Get("X-Amz-Object-Lock-Mode"),
		RetainUntil: h.Get("X-Amz-Object-Lock-Retain-Until-Date"), SSE: h.Get("X-Amz-Server-Side-Encryption"), Modified: r.At}
	for name, v := range h {
		if k, ok := strings.CutPrefix(strings.ToLower(name), "x-amz-meta-"); ok {
			o.Metadata[k] = v[0]
		}
	}
	if (o.LockMode == "") != (o.RetainUntil == "") {
		return nil, refuse("InvalidRequest", "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied")
	}
	if o.LockMode != "" {
		until, err := time.Parse(time.RFC3339, o.RetainUntil)
		if !b.Lock || err != nil || !until.After(r.At) {
			return nil, refuse("InvalidRequest", "Bucket is missing Object Lock Configuration, or the date is not in the future")
		}
	}
	return o, nil
}

func putObject(c *Cloud, r *request) (any, error) {
	b, key, err := c.bucket(r)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(checkBody(r), fresh(b, r, key)); err != nil {
		return nil, err
	}
	o, err := described(c, b, r, key)
	if err != nil {
		return nil, err
	}
	h := r.http.Header
	if o.LockMode != "" && h.Get("Content-Md5") == "" && h.Get("X-Amz-Checksum-Crc32") == "" && h.Get("X-Amz-Checksum-Sha256") == "" {
		return nil, refuse("InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters")
	}
	o.Body, o.ETag, o.Version = r.body, etag(r.body), c.version()
	b.versions = append(b.versions, o)
	return &Reply{Header: http.Header{"Etag": {o.ETag}, "X-Amz-Version-Id": {o.Version}}}, nil
}

// getObject answers GetObject and HeadObject.
func getObject(c *Cloud, r *request) (any, error) {
	b, key, err := c.bucket(r)
	if err != nil {
		return nil, err
	}
	o := b.current(key)
	if v := r.http.URL.Query().Get("versionId"); v != "" {
		i := slices.IndexFunc(b.versions, func(o *Object) bool { return o.Key == key && o.Version == v })
		if i < 0 {
			return nil, &apiError{http.StatusNotFound, "NoSuchVersion", "The specified version does not exist."}
		}
		o = b.versions[i]
	}
	if o == nil {
		return nil, noSuchKey()
	}
	h := http.Header{"Etag": {o.ETag}, "X-Amz-Version-Id": {o.Version}, "Content-Type": {cmp.Or(o.Type, "binary/octet-stream")}, "Last-Modified": {o.Modified.Format(http.TimeFormat)}}
	for k, v := range o.Metadata {
		h.Set("X-Amz-Meta-"+k, v)
	}
	if o.LockMode != "" {
		h.Set("X-Amz-Object-Lock-Mode", o.LockMode)
		h.Set("X-Amz-Object-Lock-Retain-Until-Date", o.RetainUntil)
	}
	out := &Reply{Header: h, Body: o.Body}
	if v := r.http.Header.Get("Range"); v != "" {
		var from, to int
		if _, err := fmt.Sscanf(v, "bytes=%d-%d", &from, &to); err != nil || from > to || from >= len(o.Body) {
			return nil, &apiError{http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable"}
		}
		to = min(to, len(o.Body)-1)
		out.Status, out.Body = http.StatusPartialContent, o.Body[from:to+1]
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(o.Body)))
	}
	if r.http.Method == http.MethodHead {
		h.Set("Content-Length", strconv.Itoa(len(o.Body)))
		out.Body = nil
	}
	return out, nil
}

func deleteObject(c *Cloud, r *request) (any, error) {
	b, key, err := c.bucket(r)
	if err != nil {
		return nil, err
	}
	if r.http.URL.Query().Has("versionId") {
		return nil, &apiError{http.StatusForbidden, "AccessDenied", "Access Denied"}
	}
	o := &Object{Key: key, Version: c.version(), DeleteMarker: true, Modified: r.At}
	b.versions = append(b.versions, o)
	return &Reply{Status: http.StatusNoContent, Header: http.Header{"X-Amz-Version-Id": {o.Version}, "X-Amz-Delete-Marker": {"true"}}}, nil
}

func listObjects(c *Cloud, r *request) (any, error) {
	b, _, err := c.bucket(r)
	if err != nil {
		return nil, err
	}
	type entry struct {
		Key, ETag    string
		Size         int
		LastModified string
	}
	q := r.http.URL.Query()
	out := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Name, Prefix          string
		KeyCount, MaxKeys     int
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []entry
	}{Name: b.Name, Prefix: q.Get("prefix"), MaxKeys: 1000}
	if n, err := strconv.Atoi(q.Get("max-keys")); err == nil {
		out.MaxKeys = min(n, 1000)
	}
	keys := map[string]bool{}
	for _, o := range b.versions {
		keys[o.Key] = true
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		o := b.current(k)
		if o == nil || !strings.HasPrefix(k, out.Prefix) || k <= cmp.Or(q.Get("continuation-token"), q.Get("start-after")) {
			continue
		}
		if out.KeyCount == out.MaxKeys {
			out.IsTruncated, out.NextContinuationToken = true, out.Contents[out.KeyCount-1].Key
			break
		}
		out.KeyCount++
		out.Contents = append(out.Contents, entry{k, o.ETag, len(o.Body), o.Modified.Format(time.RFC3339)})
	}
	return asXML("ListBucketResult", out), nil
}
