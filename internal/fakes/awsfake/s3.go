package awsfake

import (
	"crypto/md5" //nolint:gosec // S3's entity tags are MD5
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Bucket is a bucket to be.
type Bucket struct {
	Account, Region, Name string
	Lock                  bool // Object Lock is on; buckets always have versions here
	Unversioned           bool // says of itself that it has none
}

// Object is one version of an object.
type Object struct {
	Key, Version  string
	Body          []byte
	ETag          string
	Type          string
	Metadata      map[string]string // names in lower case
	LockMode      string
	RetainUntil   string
	SSE           string
	Modified      time.Time
	DeleteMarker  bool
	PartsUploaded int // of a multipart upload
}

// s3State is S3: names of buckets are unique in all accounts.
type s3State struct{ buckets map[string]*bucket }

type bucket struct {
	Bucket
	versions []*Object // oldest first
	uploads  map[string]*upload
}

func s3Service() service {
	ops := map[string]operation{
		"GetBucketVersioning":        {run: getVersioning},
		"GetObjectLockConfiguration": {run: getLock},
		"PutObject":                  {write: true, run: putObject},
		"PutObjectRetention":         {write: true, run: putRetention},
		"GetObject":                  {run: getObject},
		"HeadObject":                 {run: getObject},
		"DeleteObject":               {write: true, run: deleteObject},
		"ListObjectsV2":              {run: listObjects},
		"CreateMultipartUpload":      {write: true, run: createUpload},
		"UploadPart":                 {write: true, run: uploadPart},
		"ListParts":                  {run: listParts},
		"ListMultipartUploads":       {run: listUploads},
		"CompleteMultipartUpload":    {write: true, run: completeUpload},
		"AbortMultipartUpload":       {write: true, run: abortUpload},
	}
	for name, op := range ops {
		run, action := op.run, s3Actions[name]
		op.needs = func(_ *Cloud, r *request) []Need {
			b, k := bucketKey(r.http)
			resource := "arn:aws:s3:::" + b
			if k != "" {
				resource += "/" + k
			}
			return []Need{{Action: action, Resource: resource}}
		}
		op.run = func(c *Cloud, r *request) (any, error) {
			if err := checkPresigned(r); err != nil {
				return nil, err
			}
			return run(c, r)
		}
		ops[name] = op
	}
	return service{protocol: awsREST, ops: ops, route: s3Route}
}

// s3Actions maps operations to what policies call them (Service Authorization
// Reference, Amazon S3).
var s3Actions = map[string]string{
	"GetBucketVersioning": "s3:GetBucketVersioning", "GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
	"PutObject": "s3:PutObject", "PutObjectRetention": "s3:PutObjectRetention", "GetObject": "s3:GetObject", "HeadObject": "s3:GetObject", "DeleteObject": "s3:DeleteObject",
	"ListObjectsV2": "s3:ListBucket", "CreateMultipartUpload": "s3:PutObject", "UploadPart": "s3:PutObject", "ListParts": "s3:ListMultipartUploadParts",
	"ListMultipartUploads": "s3:ListBucketMultipartUploads", "CompleteMultipartUpload": "s3:PutObject", "AbortMultipartUpload": "s3:AbortMultipartUpload",
}

// bucketKey reads a path-style address.
func bucketKey(r *http.Request) (name, key string) {
	name, key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return name, key
}

func s3Route(r *http.Request) string {
	_, key := bucketKey(r)
	q := r.URL.Query()
	switch {
	case key == "" && r.Method == http.MethodGet && q.Has("uploads"):
		return "ListMultipartUploads"
	case key == "" && r.Method == http.MethodGet && q.Has("versioning"):
		return "GetBucketVersioning"
	case key == "" && r.Method == http.MethodGet && q.Has("object-lock"):
		return "GetObjectLockConfiguration"
	case key == "" && r.Method == http.MethodGet && q.Get("list-type") == "2":
		return "ListObjectsV2"
	case key == "":
		return ""
	}
	upload := q.Has("uploadId")
	switch r.Method {
	case http.MethodPost:
		if q.Has("uploads") {
			return "CreateMultipartUpload"
		}
		return either(upload, "CompleteMultipartUpload", "")
	case http.MethodPut:
		if q.Has("retention") {
			return "PutObjectRetention"
		}
		return either(upload, "UploadPart", "PutObject")
	case http.MethodGet:
		return either(upload, "ListParts", "GetObject")
	case http.MethodHead:
		return "HeadObject"
	case http.MethodDelete:
		return either(upload, "AbortMultipartUpload", "DeleteObject")
	}
	return ""
}

func either(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

// AddBucket makes an empty bucket.
func (c *Cloud) AddBucket(b Bucket) {
	c.with(func() {
		s := stateOf[s3State](c, "", "")
		if s.buckets == nil {
			s.buckets = map[string]*bucket{}
		}
		s.buckets[b.Name] = &bucket{Bucket: b, uploads: map[string]*upload{}}
	})
}

// Objects returns the current objects of a bucket, by key.
func (c *Cloud) Objects(name string) map[string]Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]Object{}
	if b := stateOf[s3State](c, "", "").buckets[name]; b != nil {
		for _, o := range b.versions {
			out[o.Key] = *o
		}
	}
	maps.DeleteFunc(out, func(_ string, o Object) bool { return o.DeleteMarker })
	return out
}

// Versions returns all versions of an object and its delete markers, oldest
// first.
func (c *Cloud) Versions(name, key string) []Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Object
	if b := stateOf[s3State](c, "", "").buckets[name]; b != nil {
		for _, o := range b.versions {
			if o.Key == key {
				out = append(out, *o)
			}
		}
	}
	return out
}

// Tamper changes the bytes of a stored object behind S3's back.
func (c *Cloud) Tamper(name, key string, change func([]byte) []byte) {
	c.with(func() {
		if b := stateOf[s3State](c, "", "").buckets[name]; b != nil {
			if o := b.current(key); o != nil {
				o.Body = change(slices.Clone(o.Body))
			}
		}
	})
}

// bucket finds the bucket of a request. Only its account's principals get in.
func (c *Cloud) bucket(r *request) (*bucket, string, error) {
	name, key := bucketKey(r.http)
	b := stateOf[s3State](c, "", "").buckets[name]
	switch {
	case b == nil:
		return nil, "", &apiError{http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist"}
	case b.Account != r.Account:
		return nil, "", &apiError{http.StatusForbidden, "AccessDenied", "Access Denied"}
	case b.Region != r.Region:
		return nil, "", &apiError{http.StatusBadRequest, "AuthorizationHeaderMalformed", "the region '" + r.Region + "' is wrong; expecting '" + b.Region + "'"}
	}
	return b, key, nil
}

// current returns the current version of a key; nil when there is none or it
// is deleted.
func (b *bucket) current(key string) *Object {
	for _, o := range slices.Backward(b.versions) {
		if o.Key == key {
			if o.DeleteMarker {
				return nil
			}
			return o
		}
	}
	return nil
}

func etag(body []byte) string {
	sum := md5.Sum(body) //nolint:gosec // as above
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func noSuchKey() error {
	return &apiError{http.StatusNotFound, "NoSuchKey", "The specified key does not exist."}
}

func asXML(name string, v any) *Reply {
	body, err := xml.Marshal(v)
	if err != nil {
		panic("awsfake: " + err.Error())
	}
	text := strings.Replace(string(body), "<"+name+">", "<"+name+` xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`, 1)
	return &Reply{Header: http.Header{"Content-Type": {"application/xml"}}, Body: []byte(xml.Header + text)}
}

func (c *Cloud) version() string {
	c.issued++
	return fmt.Sprintf("version-%06d", c.issued)
}
