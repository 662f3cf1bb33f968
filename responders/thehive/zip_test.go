package thehive_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
	"github.com/securitybot/securitybot/responders/thehive"
)

// opened unpacks an archive the way unpackers do, from the definition.
func opened(t *testing.T, archive []byte, password string) (name string, data []byte) {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil || len(r.File) != 1 {
		t.Fatalf("%d files, %v", len(r.File), err)
	}
	f := r.File[0]
	raw, err := f.OpenRaw()
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(raw)
	if err != nil {
		t.Fatal(err)
	}
	if f.Flags&1 == 0 {
		t.Fatal("it is not encrypted")
	}
	k0, k1, k2 := uint32(0x12345678), uint32(0x23456789), uint32(0x34567890)
	turn := func(b byte) {
		k0 = crc32.IEEETable[byte(k0)^b] ^ (k0 >> 8)
		k1 = (k1+(k0&255))*134775813 + 1
		k2 = crc32.IEEETable[byte(k2)^byte(k1>>24)] ^ (k2 >> 8)
	}
	for _, b := range []byte(password) {
		turn(b)
	}
	for i := range body {
		x := uint16(k2) | 2
		body[i] ^= byte((uint32(x) * uint32(x^1)) >> 8)
		turn(body[i])
	}
	if body[11] != byte(f.CRC32>>24) {
		t.Fatalf("the password %q is refused", password)
	}
	if crc32.ChecksumIEEE(body[12:]) != f.CRC32 {
		t.Error("what comes out has another checksum")
	}
	return f.Name, body[12:]
}

// What may harm whoever opens it is in an archive with a password, once.
func TestAttachWhatIsHarmful(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, fake := setup(t, nil)
	r := made(t, c, "SB-1")
	f := file("capture.pcap", "X5O!P%@AP")
	f.Harmful, f.ContentType = true, "application/vnd.tcpdump.pcap"
	sum := sha256.Sum256([]byte("X5O!P%@AP"))
	f.SHA256 = hex.EncodeToString(sum[:])
	fake.Fail(thehivefake.AnswerLost().Only("attach"))
	if _, err := c.Attach(ctx, r, f); asError(t, err).Class != thehive.Retry {
		t.Fatal(err)
	}
	for range 2 {
		if a, err := c.Attach(ctx, r, f); err != nil || !a.There || a.Name != "capture.pcap.zip" {
			t.Errorf("%+v %v", a, err)
		}
	}
	got := fake.Snapshot().Alerts[0].Attachments
	if len(got) != 1 || got[0].Name != "capture.pcap.zip" || got[0].ContentType != "application/zip" || bytes.Contains(got[0].Data, []byte("X5O!")) {
		t.Fatalf("%+v", got)
	}
	if name, data := opened(t, got[0].Data, "infected"); name != "capture.pcap" || string(data) != "X5O!P%@AP" {
		t.Errorf("%s: %q", name, data)
	}
	// As unzip 6.0 and Python's zipfile open it.
	whole := sha256.Sum256(got[0].Data)
	if want := "88fa0fa95b18ef80972e49c08b6a2a46c9f84a36a34abe51baf01d432fded057"; hex.EncodeToString(whole[:]) != want {
		t.Errorf("another archive than those programs were tried with: %x", whole)
	}
}

// Bytes that are there already are not read from their store again.
func TestAttachedFilesAreNotReadAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, _ := setup(t, nil)
	r := made(t, c, "SB-1")
	f := file("osquery.json", "[]")
	sum := sha256.Sum256([]byte("[]"))
	f.SHA256 = strings.ToUpper(hex.EncodeToString(sum[:]))
	if a, err := c.Attach(ctx, r, f); err != nil || a.There {
		t.Fatalf("%+v %v", a, err)
	}
	f.Open = func(context.Context) (io.ReadCloser, error) { return nil, errors.New("read again") }
	if a, err := c.Attach(ctx, r, f); err != nil || !a.There {
		t.Errorf("%+v %v", a, err)
	}
}

// Why bytes are missing stands where people look for them.
func TestPlaceSaysWhy(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, fake := setup(t, func(cfg *thehive.Config) { cfg.MaxFile = 1 << 20 })
	r := made(t, c, "SB-1")
	f := thehive.File{Name: "capture.pcap", URI: "s3://evidence/capture.pcap", Size: 1<<20 + 1, Open: file("x", "").Open}
	if a, err := c.Attach(ctx, r, f); err != nil || a.Name != "" || a.Why != "larger than 1 MiB" {
		t.Errorf("%+v %v", a, err)
	}
	got := fake.Snapshot().Alerts[0].Observables
	if !slices.ContainsFunc(got, func(o thehivefake.Observable) bool {
		return strings.Contains(o.Message, "not uploaded: larger than 1 MiB")
	}) {
		t.Errorf("%+v", got)
	}
}
