package slackfake

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/url"
	"strconv"
)

func multipartArgs(data []byte, boundary string, into url.Values) error {
	form, err := multipart.NewReader(bytes.NewReader(data), boundary).ReadForm(maxBody)
	if err != nil && err != io.EOF {
		return err
	}
	for k, v := range form.Value {
		into[k] = append(into[k], v...)
	}
	return nil
}

// flag reads a boolean argument.
func (req *request) flag(name string) bool {
	v := req.args[name]
	return v == "true" || v == "1"
}

// optional reads a boolean that may be left out.
func (req *request) optional(name string) *bool {
	if _, ok := req.args[name]; !ok {
		return nil
	}
	v := req.flag(name)
	return &v
}

// number reads a whole number within bounds, or the default when left out.
func (req *request) number(name string, def, low, high int) (int, error) {
	v, ok := req.args[name]
	if !ok || v == "" {
		return def, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < low {
		return 0, refuse("invalid_" + name)
	}
	return min(n, high), nil
}

// jsonArg reads an argument that holds JSON; nil when left out or null.
func (req *request) jsonArg(name string) json.RawMessage {
	v := req.args[name]
	if v == "" || v == "null" {
		return nil
	}
	return json.RawMessage(v)
}

// page cuts one page out of a list; the cursor is the offset.
func page[T any](req *request, list []T, def, most int) ([]T, body, error) {
	n, err := req.number("limit", def, 0, most)
	if err != nil {
		return nil, nil, err
	}
	if n == 0 {
		n = def
	}
	from := 0
	if cursor := req.args["cursor"]; cursor != "" {
		from, err = strconv.Atoi(cursor)
		if err != nil || from < 0 || from > len(list) {
			return nil, nil, refuse("invalid_cursor")
		}
	}
	list = list[from:]
	next := ""
	if len(list) > n {
		list, next = list[:n], strconv.Itoa(from+n)
	}
	return list, body{"next_cursor": next}, nil
}
