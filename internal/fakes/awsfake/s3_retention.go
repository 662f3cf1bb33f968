package awsfake

import (
	"encoding/xml"
	"net/http"
	"time"
)

// putRetention locks an object that is there (Amazon S3 API reference,
// PutObjectRetention). A lock can be made longer, never shorter.
func putRetention(c *Cloud, r *request) (any, error) {
	b, key, err := c.bucket(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		Mode            string
		RetainUntilDate string
	}
	if err := xml.Unmarshal(r.body, &in); err != nil {
		return nil, refuse("MalformedXML", "The XML you provided was not well-formed.")
	}
	o := b.current(key)
	until, err := time.Parse(time.RFC3339, in.RetainUntilDate)
	switch {
	case o == nil:
		return nil, &apiError{http.StatusNotFound, "NoSuchKey", "The specified key does not exist."}
	case !b.Lock || err != nil || !until.After(r.At):
		return nil, refuse("InvalidRequest", "Bucket is missing Object Lock Configuration, or the date is not in the future")
	case o.LockMode != "" && in.RetainUntilDate < o.RetainUntil:
		return nil, &apiError{http.StatusForbidden, "AccessDenied", "Access Denied because object protected by object lock."}
	}
	o.LockMode, o.RetainUntil = in.Mode, in.RetainUntilDate
	return &Reply{}, nil
}

// getVersioning answers without a status for a bucket that never had versions
// (Amazon S3 API reference, GetBucketVersioning).
func getVersioning(c *Cloud, r *request) (any, error) {
	b, _, err := c.bucket(r)
	if err != nil {
		return nil, err
	}
	status := "<Status>Enabled</Status>"
	if b.Unversioned {
		status = ""
	}
	return &Reply{Header: xmlType, Body: []byte(xml.Header + `<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` + status + "</VersioningConfiguration>")}, nil
}

// getLock answers whether objects can be locked (Amazon S3 API reference,
// GetObjectLockConfiguration).
func getLock(c *Cloud, r *request) (any, error) {
	b, _, err := c.bucket(r)
	switch {
	case err != nil:
		return nil, err
	case !b.Lock:
		return nil, &apiError{http.StatusNotFound, "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"}
	}
	return &Reply{Header: xmlType, Body: []byte(xml.Header + `<ObjectLockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>`)}, nil
}

var xmlType = http.Header{"Content-Type": {"application/xml"}}
