// Package nodetest runs programs of other vendors that only exist for Node, as
// a second opinion on our doubles: Slack's own Socket Mode client, an SQS
// server. It is for tests alone.
//
// The npm packages are installed once for each set of packages, into the user's
// cache directory, and shared by all test processes. Where node or npm is
// missing, or the packages cannot be installed, the test is skipped with the
// reason; when the environment variable CI is "true" it fails instead, so that
// no second opinion disappears unnoticed.
package nodetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// installTime bounds one npm install.
const installTime = 5 * time.Minute

// Node returns the path of the node program on this machine. Where a package
// set brings its own node (the npm package "node"), [Dir] plus
// node_modules/.bin/node is the one to use.
func Node(t testing.TB) string { return program(t, "node") }

func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, fmt.Sprintf("%s is not on this machine", name))
	}
	return path
}

// missing ends the test: skipped at a developer's desk, failed in CI.
func missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("needed in CI: %s", reason)
	} else {
		t.Skipf("skipped: %s", reason)
	}
}

// Dir returns a directory in which the npm packages ("name@version", always
// with a version) are installed under node_modules. The first caller installs
// them; others, in this process or another, wait for it.
func Dir(t testing.TB, packages ...string) string {
	t.Helper()
	npm := program(t, "npm")
	program(t, "node")
	cache, err := os.UserCacheDir()
	if err != nil {
		missing(t, fmt.Sprintf("no cache directory: %v", err))
	}
	dir := filepath.Join(cache, "securitybot-nodetest", key(packages))
	ctx, cancel := context.WithTimeout(context.Background(), installTime)
	defer cancel()
	if err := install(ctx, npm, dir, packages); err != nil {
		missing(t, fmt.Sprintf("npm install %s: %v", strings.Join(packages, " "), err))
	}
	return dir
}

// key names a set of packages whatever their order.
func key(packages []string) string {
	sum := sha256.Sum256([]byte(strings.Join(slices.Sorted(slices.Values(packages)), "\n")))
	return hex.EncodeToString(sum[:8])
}

// install fills dir unless that was done before. The mark is written last, so
// that an install cut short is done again.
func install(ctx context.Context, npm, dir string, packages []string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	mark := filepath.Join(dir, "installed")
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	manifest, err := json.Marshal(map[string]any{"name": "securitybot-nodetest", "private": true})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), manifest, 0o644); err != nil {
		return err
	}
	args := append([]string{"install", "--no-audit", "--no-fund", "--no-progress", "--save-exact", "--"}, packages...)
	cmd := exec.CommandContext(ctx, npm, args...)
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, tail(out))
	}
	return os.WriteFile(mark, []byte(strings.Join(packages, "\n")), 0o644)
}

// lock takes a lock that ends with the process.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { _ = f.Close() }, nil
}

func tail(out []byte) string {
	const most = 600
	if len(out) > most {
		out = out[len(out)-most:]
	}
	return strings.TrimSpace(string(out))
}
