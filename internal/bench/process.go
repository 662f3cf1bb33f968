package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// process is a program under measurement, in a process of its own so that its
// CPU and memory are its own.
type process struct {
	name  string
	cmd   *exec.Cmd
	start time.Time
	log   *os.File
}

// launch starts a program with nothing but the given environment.
func launch(dir, name, path string, env []string, args ...string) (*process, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append([]string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "AWS_EC2_METADATA_DISABLED=true", "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
		"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AWS_REGION=eu-west-1"}, env...)
	cmd.Stdout, cmd.Stderr = log, log
	p := &process{name: name, cmd: cmd, start: time.Now(), log: log}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// stop ends the program and returns what it wrote when it went wrong.
func (p *process) stop() error {
	defer p.log.Close()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	select {
	case err := <-done:
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() > 0 {
			return fmt.Errorf("%s ended with %d, see %s", p.name, exit.ExitCode(), p.log.Name())
		}
		return nil
	case <-time.After(40 * time.Second):
		_ = p.cmd.Process.Kill()
		return fmt.Errorf("%s did not stop", p.name)
	}
}

// cpu is what the process has used so far, user and system.
func (p *process) cpu() time.Duration { return cpuOf(p.cmd.Process.Pid) }

func cpuOf(pid int) time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // the clock ticks of Linux are 10 ms
}

// memory returns resident memory now and at its peak, in MiB.
func (p *process) memory() (now, peak float64) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "VmRSS:":
			now = kib / 1024
		case "VmHWM:":
			peak = kib / 1024
		}
	}
	return now, peak
}

// redisServer is a real redis-server with an append-only file, as in use.
type redisServer struct {
	*process
	addr   string
	client *redis.Client
}

func startRedis(dir string) (*redisServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("redis-server is needed for the benchmark: apt-get install redis-server")
	}
	p, err := launch(dir, "redis", path, nil, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--dir", dir, "--maxmemory-policy", "noeviction")
	if err != nil {
		return nil, err
	}
	r := &redisServer{process: p, addr: addr, client: redis.NewClient(&redis.Options{Addr: addr})}
	for range 100 {
		if r.client.Ping(context.Background()).Err() == nil {
			return r, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, errors.New("redis-server does not answer")
}

// clear empties the store between measurements.
func (r *redisServer) clear(ctx context.Context) error { return r.client.FlushAll(ctx).Err() }

// bytes is the memory Redis uses for its data.
func (r *redisServer) bytes(ctx context.Context) float64 {
	info, _ := r.client.Info(ctx, "memory").Result()
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory_dataset:"); ok {
			n, _ := strconv.ParseFloat(v, 64)
			return n
		}
	}
	return 0
}
