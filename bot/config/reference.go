package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// reference names where a secret is kept. It is not secret itself.
type reference struct {
	scheme string // env, file, secretsmanager or ssm
	name   string // variable, path, ARN or parameter
	key    string // field of a JSON secret, when one is named

	problem func(format string, args ...any) Problem // at the place of the reference
	path    string                                   // of the setting
}

func (r reference) String() string {
	name := r.name
	if r.key != "" {
		name += "#" + r.key
	}
	return "${" + r.scheme + ":" + name + "}"
}

const referenceHelp = "write a reference: ${env:NAME}, ${file:PATH}, ${secretsmanager:ARN#key} or ${ssm:NAME}"

// maxSecret is the most bytes a secret file may hold.
const maxSecret = 64 << 10

var (
	referencePattern = regexp.MustCompile(`^\$\{([a-z]+):([^{}\s][^{}]*)\}$`)
	envPattern       = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	secretARN        = regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$`)
	parameterName    = regexp.MustCompile(`^(/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*|arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter/[A-Za-z0-9_./-]+)$`)
)

// secret reads a reference and notes it for resolving. The text is never
// repeated: it may be the secret itself.
func (d *document) secret(path string, n ast.Node, v reflect.Value) {
	s, ok := n.(*ast.StringNode)
	if !ok {
		d.refuse(path, n.GetToken(), "%s is a secret; %s", path, referenceHelp)
		return
	}
	match := referencePattern.FindStringSubmatch(s.Value)
	if match == nil {
		d.refuse(path, s.Token, "%s is a secret and must not stand in this file; %s", path, referenceHelp)
		return
	}
	line, col := position(s.Token)
	ref := reference{scheme: match[1], name: match[2], path: path}
	ref.problem = func(format string, args ...any) Problem { return d.problem(line, col, format, args...) }
	if why := ref.form(); why != "" {
		d.refuse(path, s.Token, "%s: %s", path, why)
		return
	}
	secret := hold(&held{ref: ref})
	d.secrets = append(d.secrets, secret)
	v.Set(reflect.ValueOf(secret))
}

// form checks how a reference is written and splits off the key.
func (r *reference) form() string {
	switch r.scheme {
	case "env":
		if !envPattern.MatchString(r.name) {
			return "after ${env: comes the name of an environment variable: letters, digits and _"
		}
	case "file":
	case "secretsmanager":
		r.name, r.key, _ = strings.Cut(r.name, "#")
		if !secretARN.MatchString(r.name) {
			return "after ${secretsmanager: comes the full ARN of a secret, then #key when the secret is a JSON object"
		}
	case "ssm":
		if !parameterName.MatchString(r.name) {
			return "after ${ssm: comes the name or ARN of a parameter, such as /securitybot/slack-app-token"
		}
	default:
		return "unknown kind of reference ${" + r.scheme + ":…}" + didYouMean(r.scheme, []string{"env", "file", "secretsmanager", "ssm"}) + "; " + referenceHelp
	}
	return ""
}

// resolve fills in the secrets kept on this machine.
func (d *document) resolve(l Loader, dir string) {
	for _, s := range d.secrets {
		var value string
		var err error
		switch s.held().ref.scheme {
		case "env":
			value, err = l.fromEnv(s.held().ref.name)
		case "file":
			value, err = fromFile(dir, s.held().ref.name)
		default:
			continue
		}
		if err == nil {
			err = s.held().set(value)
		}
		if err != nil {
			d.problems = append(d.problems, s.held().ref.problem("%s: %v", s.held().ref.path, err))
		}
	}
}

func (l Loader) fromEnv(name string) (string, error) {
	value, ok := l.LookupEnv(name)
	if !ok {
		return "", fmt.Errorf("the environment variable %s is not set", name)
	}
	if strings.TrimSpace(value) == "" {
		return "", fmt.Errorf("the environment variable %s is empty", name)
	}
	return value, nil
}

func fromFile(dir, name string) (string, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	body, err := readRegular(name, maxSecret)
	if err != nil {
		return "", fmt.Errorf("the secret file %w", err)
	}
	if strings.TrimSpace(string(body)) == "" {
		return "", fmt.Errorf("the secret file %s is empty", name)
	}
	return string(body), nil
}

// set keeps a value that arrived. A line end after it is the commonest slip of
// all and is dropped; anything else unprintable is refused.
func (h *held) set(value string) error {
	value = trimLineEnd(value)
	switch {
	case value == "":
		return errors.New("the secret is empty")
	case value != strings.TrimSpace(value):
		return errors.New("the secret begins or ends with a space; remove it where the secret is kept")
	case strings.ContainsFunc(value, unicode.IsControl):
		return errors.New("the secret has more than one line or a control character in it; keep nothing but the value there")
	}
	h.value, h.known = value, true
	return nil
}

func trimLineEnd(value string) string { return strings.TrimRight(value, "\r\n") }

// readRegular reads a whole regular file that only its owner and group can
// change. It never blocks on a pipe or device.
func readRegular(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, statProblem(name, err)
	}
	switch {
	case info.IsDir():
		return nil, fmt.Errorf("%s is a directory", name)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file but %s", name, modeName(info.Mode()))
	case info.Size() > limit:
		return nil, fmt.Errorf("%s is larger than %d KiB", name, limit>>10)
	case info.Mode().Perm()&0o002 != 0:
		return nil, fmt.Errorf("%s can be changed by everybody on this machine; run: chmod o-w %s", name, name)
	}
	body, err := os.ReadFile(name)
	if err != nil {
		return nil, statProblem(name, err)
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("%s is larger than %d KiB", name, limit>>10)
	}
	return body, nil
}

func modeName(m fs.FileMode) string {
	switch {
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}

// statProblem says plainly why a file cannot be read.
func statProblem(name string, err error) error {
	target, linkErr := os.Readlink(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && linkErr == nil:
		return fmt.Errorf("%s is a symbolic link to %s, which does not exist", name, target)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist", name)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be read by this user; change its owner or mode", name)
	}
	return fmt.Errorf("%s cannot be read: %w", name, err)
}
