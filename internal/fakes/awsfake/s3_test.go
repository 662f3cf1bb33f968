package awsfake_test

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // Content-MD5
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
)

const bucket = "evidence-corp-example"

func bucketClient(c *awsfake.Cloud, account string, change ...func(*s3.Options)) *s3.Client {
	return s3.NewFromConfig(config(c, c.User(account, "ann")), append(change, func(o *s3.Options) { o.UsePathStyle = true })...)
}

func put(t *testing.T, c *s3.Client, key, body string, change func(*s3.PutObjectInput)) error {
	t.Helper()
	in := &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader(body)}
	if change != nil {
		change(in)
	}
	_, err := c.PutObject(t.Context(), in)
	return err
}

func TestObjectsHaveVersionsAndAreNotOverwrittenUnasked(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.AddBucket(awsfake.Bucket{Account: hub, Region: region, Name: bucket})
	cl := bucketClient(c, hub)
	once := func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }
	for i, step := range []struct {
		body   string
		change func(*s3.PutObjectInput)
		code   string
	}{
		{"one", once, ""}, {"two", once, "PreconditionFailed"}, {"three", nil, ""},
		{"four", func(in *s3.PutObjectInput) { in.ContentMD5 = aws.String("AAAAAAAAAAAAAAAAAAAAAA==") }, "BadDigest"},
		{"five", func(in *s3.PutObjectInput) { in.ChecksumSHA256 = aws.String(strings.Repeat("A", 43) + "=") }, "BadDigest"},
		{"six", func(in *s3.PutObjectInput) {
			in.ObjectLockMode, in.ObjectLockRetainUntilDate = types.ObjectLockModeGovernance, aws.Time(time.Now().Add(time.Hour))
		}, "InvalidRequest"},
	} {
		if got := code(put(t, cl, "a", step.body, step.change)); got != step.code {
			t.Errorf("step %d: %q, want %q", i, got, step.code)
		}
	}
	v := c.Versions(bucket, "a")
	if len(v) != 2 || string(v[0].Body) != "one" || string(v[1].Body) != "three" {
		t.Errorf("%+v", v)
	}
	out, err := cl.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("a"), VersionId: &v[0].Version, Range: aws.String("bytes=1-9")})
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(out.Body); string(b) != "ne" || aws.ToString(out.ContentRange) != "bytes 1-2/3" {
		t.Errorf("%q %s", b, aws.ToString(out.ContentRange))
	}
	if _, err := cl.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("a")}); err != nil {
		t.Fatal(err)
	}
	if _, err := cl.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("a")}); code(err) != "NotFound" {
		t.Errorf("deleted: %v", err)
	}
	if got := code(put(t, cl, "a", "again", once)); got != "" {
		t.Errorf("after deletion: %s", got)
	}
	if got := code(put(t, bucketClient(c, member), "b", "x", nil)); got != "AccessDenied" {
		t.Errorf("another account: %q", got)
	}
	if got := code(put(t, bucketClient(c, hub, func(o *s3.Options) { o.Region = "us-east-1" }), "b", "x", nil)); got != "AuthorizationHeaderMalformed" {
		t.Errorf("another region: %q", got)
	}
}

func TestBodiesInChunksHaveTheirChecksumBehind(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.AddBucket(awsfake.Bucket{Account: hub, Region: region, Name: bucket})
	front := httptest.NewTLSServer(c)
	t.Cleanup(front.Close)
	cl := bucketClient(c, hub, func(o *s3.Options) {
		o.BaseEndpoint, o.HTTPClient, o.RequestChecksumCalculation = &front.URL, front.Client(), aws.RequestChecksumCalculationWhenSupported
	})
	body := strings.Repeat("abc", 50000)
	if err := put(t, cl, "a", body, nil); err != nil {
		t.Fatal(err)
	}
	if o := c.Objects(bucket)["a"]; string(o.Body) != body {
		t.Errorf("%d bytes arrived", len(o.Body))
	}
}

// do sends a request of which only the address is signed.
func do(t *testing.T, method, url string, body string, header http.Header) int {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	if header == nil {
		r.Header = http.Header{}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestSignedAddressesDoOneThing(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := start(t, awsfake.WithNow(func() time.Time { return now }))
	c.AddBucket(awsfake.Bucket{Account: hub, Region: region, Name: bucket})
	sign := s3.NewPresignClient(bucketClient(c, hub))
	r, err := sign.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("dir/a"), IfNoneMatch: aws.String("*")}, s3.WithPresignExpires(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	once := http.Header{"If-None-Match": {"*"}}
	sum := md5.Sum([]byte("other")) //nolint:gosec // as above
	for _, step := range []struct {
		name, method, url string
		header            http.Header
		status            int
	}{
		{"without the signed header", "PUT", r.URL, nil, 403},
		{"another key", "PUT", strings.Replace(r.URL, "dir/a", "dir/b", 1), once, 403},
		{"another method", "GET", r.URL, once, 403},
		{"valid for longer", "PUT", strings.Replace(r.URL, "X-Amz-Expires=3600", "X-Amz-Expires=9999", 1), once, 403},
		{"a header that is not signed", "PUT", r.URL, http.Header{"If-None-Match": {"*"}, "X-Amz-Acl": {"public-read"}}, 403},
		{"damaged on the way", "PUT", r.URL, http.Header{"If-None-Match": {"*"}, "Content-Md5": {base64.StdEncoding.EncodeToString(sum[:])}}, 400},
		{"as it is meant", "PUT", r.URL, once, 200},
		{"once more", "PUT", r.URL, once, 412},
	} {
		if got := do(t, step.method, step.url, "body", step.header); got != step.status {
			t.Errorf("%s: %d, want %d", step.name, got, step.status)
		}
	}
	now = now.Add(2 * time.Hour)
	if got := do(t, "PUT", r.URL, "body", once); got != 403 {
		t.Errorf("expired: %d", got)
	}
	if o := c.Objects(bucket); len(o) != 1 || string(o["dir/a"].Body) != "body" {
		t.Errorf("%v", o)
	}
}

func TestUploadsInParts(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.AddBucket(awsfake.Bucket{Account: hub, Region: region, Name: bucket})
	cl := bucketClient(c, hub)
	ctx := t.Context()
	up, err := cl.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String("big")})
	if err != nil {
		t.Fatal(err)
	}
	var parts []types.CompletedPart
	for n, size := range []int{5 << 20, 5<<20 - 1, 7} {
		out, err := cl.UploadPart(ctx, &s3.UploadPartInput{Bucket: aws.String(bucket), Key: aws.String("big"), UploadId: up.UploadId, PartNumber: aws.Int32(int32(n + 1)), Body: bytes.NewReader(make([]byte, size))}) //nolint:gosec // small
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, types.CompletedPart{ETag: out.ETag, PartNumber: aws.Int32(int32(n + 1))}) //nolint:gosec // small
	}
	complete := func(p []types.CompletedPart) error {
		_, err := cl.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String("big"), UploadId: up.UploadId, IfNoneMatch: aws.String("*"),
			MultipartUpload: &types.CompletedMultipartUpload{Parts: p}})
		return err
	}
	wrong := types.CompletedPart{ETag: aws.String(`"00"`), PartNumber: aws.Int32(1)}
	for want, p := range map[string][]types.CompletedPart{"EntityTooSmall": parts, "InvalidPart": {wrong}, "InvalidPartOrder": {parts[0], parts[0]}} {
		if got := code(complete(p)); got != want {
			t.Errorf("%q, want %s", got, want)
		}
	}
	if err := complete([]types.CompletedPart{parts[0], parts[2]}); err != nil {
		t.Fatal(err)
	}
	if got := code(complete(parts)); got != "NoSuchUpload" {
		t.Errorf("twice: %q", got)
	}
	if o := c.Objects(bucket)["big"]; len(o.Body) != 5<<20+7 || o.PartsUploaded != 2 {
		t.Errorf("%d bytes in %d parts", len(o.Body), o.PartsUploaded)
	}
}

func TestListsComeInPages(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.AddBucket(awsfake.Bucket{Account: hub, Region: region, Name: bucket})
	cl := bucketClient(c, hub)
	for _, k := range []string{"a/1", "a/2", "a/3", "b/1"} {
		if err := put(t, cl, k, k, nil); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	pages := s3.NewListObjectsV2Paginator(cl, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String("a/"), MaxKeys: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			got = append(got, aws.ToString(o.Key))
		}
	}
	if strings.Join(got, " ") != "a/1 a/2 a/3" {
		t.Errorf("%v", got)
	}
}
