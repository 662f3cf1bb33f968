package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// opName is the short name under which an operation is remembered: 64 bits,
// 11 characters without a space. Two operations are only ever compared within
// one document, mark or op key.
func opName(op string) string {
	sum := sha256.Sum256([]byte(op))
	return base64.RawURLEncoding.EncodeToString(sum[:8])
}

var errCorrupt = errors.New("a value in the store was not written by this program")

// decodeDoc reads "<version> <last ops> <body>".
func decodeDoc(id string, value []byte) (Doc, error) {
	version, rest, ok := bytes.Cut(value, []byte{' '})
	_, body, ok2 := bytes.Cut(rest, []byte{' '})
	v, err := strconv.ParseInt(string(version), 10, 64)
	if !ok || !ok2 || err != nil || v < 1 {
		return Doc{}, errCorrupt
	}
	return Doc{ID: id, Version: v, Body: body}, nil
}

// encodeEffect writes "<description>\n<body>". JSON escapes line ends, so the
// first one ends the description.
func encodeEffect(e Effect) ([]byte, error) {
	body := e.Body
	e.Body = nil
	out, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode effect: %w", err)
	}
	out = append(out, '\n')
	return append(out, body...), nil
}

func decodeEffect(record string) (Effect, error) {
	desc, body, ok := bytes.Cut([]byte(record), []byte{'\n'})
	var e Effect
	if !ok || json.Unmarshal(desc, &e) != nil {
		return Effect{}, errCorrupt
	}
	if len(body) > 0 {
		e.Body = body
	}
	return e, nil
}

// Instants are kept in whole milliseconds. What is due is rounded up and now
// is rounded down, so nothing ever runs early.

func dueMs(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }

func nowMs(t time.Time) int64 { return t.UnixMilli() }

func fromMs(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// ttlMs is at least 1 for any positive d.
func ttlMs(d time.Duration) int64 { return int64((d + time.Millisecond - 1) / time.Millisecond) }
