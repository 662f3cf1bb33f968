package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/securitybot/securitybot/responders/awsir"
)

// fileRecords are awsir.Records in a directory.
type fileRecords struct{ dir string }

var keyForm = regexp.MustCompile(`^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$`)

func (r fileRecords) file(key string) (string, error) {
	if !keyForm.MatchString(key) {
		return "", fmt.Errorf("%q is not the key of a record", key)
	}
	return filepath.Join(r.dir, strings.ReplaceAll(key, "/", "~")), nil
}

// Get implements awsir.Records.
func (r fileRecords) Get(_ context.Context, key string) ([]byte, bool, error) {
	name, err := r.file(key)
	if err != nil {
		return nil, false, err
	}
	body, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, nil
	}
	return body, err == nil, err
}

// Put implements awsir.Records. A link to a new name fails when the name is
// taken, and appears with all its content.
func (r fileRecords) Put(_ context.Context, key string, body []byte) error {
	name, err := r.file(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return fmt.Errorf("make the directory of records: %w", err)
	}
	temp, err := writeTemp(name, body)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	if err := os.Link(temp, name); errors.Is(err, os.ErrExist) {
		return awsir.ErrExists
	} else if err != nil {
		return fmt.Errorf("write the record %s: %w", key, err)
	}
	return syncDir(r.dir)
}

// Delete implements awsir.Records.
func (r fileRecords) Delete(_ context.Context, key string) error {
	name, err := r.file(key)
	if err != nil {
		return err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("delete the record %s: %w", key, err)
	}
	return syncDir(r.dir)
}
