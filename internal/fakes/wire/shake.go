package wire

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"time"
)

// Shake names the variable with the longest delay, a Go duration, that doubles add
// at random to what they read and write. Tests that depend on which of two things
// happens first fail when it is set; see `make shake`.
const Shake = "SECURITYBOT_SHAKE"

// Listen listens on a free port of the loopback interface.
func Listen() (net.Listener, error) { return ListenAt("127.0.0.1:0") }

// ListenAt listens at an address.
func ListenAt(addr string) (net.Listener, error) {
	var longest time.Duration
	if text := os.Getenv(Shake); text != "" {
		var err error
		if longest, err = time.ParseDuration(text); err != nil || longest < 0 {
			return nil, fmt.Errorf("%s=%q is not a time such as 30ms", Shake, text)
		}
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", addr, err)
	}
	if longest == 0 {
		return l, nil
	}
	return &shaken{l, longest}, nil
}

// Relay returns an address that leads to addr with the delays of Listen, and what
// ends it. Without delays it is addr itself.
func Relay(addr string) (through string, stop func(), err error) {
	l, err := Listen()
	if err != nil {
		return "", nil, err
	}
	if _, ok := l.(*shaken); !ok {
		return addr, func() {}, l.Close()
	}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			go relay(near, addr)
		}
	}()
	return l.Addr().String(), func() { l.Close() }, nil
}

func relay(near net.Conn, addr string) {
	far, err := net.Dial("tcp", addr)
	if err != nil {
		near.Close()
		return
	}
	go join(near, far)
	join(far, near)
}

func join(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	to.Close()
	from.Close()
}

type shaken struct {
	net.Listener
	longest time.Duration
}

func (s *shaken) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &slow{c, s.longest}, nil
}

// slow is late now and then: mostly not at all, sometimes by up to longest.
type slow struct {
	net.Conn
	longest time.Duration
}

func (c *slow) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.dawdle()
	return n, err
}

func (c *slow) Write(b []byte) (int, error) {
	c.dawdle()
	return c.Conn.Write(b)
}

// SetLinger is there because a double resets a connection with it.
func (c *slow) SetLinger(seconds int) error {
	tcp, ok := c.Conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	return tcp.SetLinger(seconds)
}

func (c *slow) dawdle() {
	if rand.IntN(4) == 0 {
		time.Sleep(rand.N(c.longest))
	}
}
