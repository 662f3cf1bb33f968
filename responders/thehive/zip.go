package thehive

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
)

// ZipPassword opens the archives that harmful files are uploaded in. It is the
// one malware is exchanged under, and no secret: it keeps scanners and careless
// clicks away, and nobody else.
const ZipPassword = "infected"

// sealed puts bytes into a zip archive with that password, and names it. The
// same bytes give the same archive, so that a repeat is recognised.
func sealed(name string, data []byte) (string, []byte, error) {
	const encrypted = 1 // general purpose bit 0 (APPNOTE.TXT 4.4.4)
	sum := crc32.ChecksumIEEE(data)
	body := encrypt(data, sum)
	var b bytes.Buffer
	b.Grow(len(body) + 2*len(name) + 256)
	w := zip.NewWriter(&b)
	part, err := w.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Store, Flags: encrypted, CRC32: sum,
		CompressedSize64: uint64(len(body)), UncompressedSize64: uint64(len(data))})
	if err == nil {
		_, err = part.Write(body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", nil, fmt.Errorf("put %s into an archive: %w", name, err)
	}
	return name + ".zip", b.Bytes(), nil
}

// zipKeys are the state of the traditional encryption of zip archives
// (APPNOTE.TXT 6.1), which every unpacker knows.
type zipKeys [3]uint32

func (k *zipKeys) update(b byte) {
	k[0] = crc32.IEEETable[byte(k[0])^b] ^ k[0]>>8
	k[1] = (k[1]+k[0]&0xff)*134775813 + 1
	k[2] = crc32.IEEETable[byte(k[2])^byte(k[1]>>24)] ^ k[2]>>8
}

func (k *zipKeys) stream() byte {
	t := k[2]&0xffff | 2
	return byte(t * (t ^ 1) >> 8) //nolint:gosec // by its definition
}

// encrypt returns the header of twelve bytes and the data, encrypted. The
// header's last byte is checked against the password; the others should be
// random, and are from the data's hash instead.
func encrypt(data []byte, crc uint32) []byte {
	const header = 12
	k := zipKeys{0x12345678, 0x23456789, 0x34567890}
	for _, b := range []byte(ZipPassword) {
		k.update(b)
	}
	sum := sha256.Sum256(data)
	out := make([]byte, header+len(data))
	copy(out, sum[:header-1])
	out[header-1] = byte(crc >> 24)
	copy(out[header:], data)
	for i, b := range out {
		out[i] = b ^ k.stream()
		k.update(b)
	}
	return out
}
