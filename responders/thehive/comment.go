package thehive

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/securitybot/securitybot/internal/message"
)

// Comment adds a comment to a record. id names the comment: it is the same on every
// try and stands in its last line, where a repeat finds it. The answer says
// whether it was there already.
func (c *Client) Comment(ctx context.Context, to Record, id string, m message.Message) (there bool, err error) {
	const op = "comment"
	if id == "" {
		return false, permanent(op, "the comment has no id") // each attempt would be a comment of its own
	}
	path, err := to.path(op)
	if err != nil {
		return false, err
	}
	mark := marker(id)
	there, err = c.commented(ctx, op, to, mark)
	if err != nil || there {
		return there, err
	}
	text := markdown(m, ourText)
	if text == "" {
		return false, permanent(op, "the comment is empty")
	}
	var made struct {
		ID string `json:"_id"`
	}
	if err := c.call(ctx, op, http.MethodPost, path+"/comment", map[string]string{"message": text + "\n\n" + mark}, &made); err != nil {
		return false, err
	}
	if made.ID == "" {
		return false, &Error{Op: op, Class: Retry, Status: http.StatusCreated, cause: errors.New("the answer names no comment")}
	}
	return false, nil
}

// commented says whether a record has a comment with this marker.
func (c *Client) commented(ctx context.Context, op string, to Record, mark string) (bool, error) {
	there := false
	err := list(ctx, c, op, to, "comments", func(one struct {
		Message string `json:"message"`
	}) bool {
		there = lastLine(one.Message) == mark
		return there
	})
	return there, err
}

// marker is the last line of a comment. It stands in back-ticks, which outside
// text cannot contain (see escape), so nobody outside can make a comment look
// as if it were there.
func marker(id string) string { return "`record " + strings.ReplaceAll(line(id, 200), "`", "'") + "`" }

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
}
