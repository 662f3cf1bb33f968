package wire

import (
	"io"
	"net"
	"testing"
)

// TestShake changes the environment, so it runs alone: what is said arrives late
// and whole, also through a relay, and a time that is none is not passed over.
func TestShake(t *testing.T) {
	t.Setenv(Shake, "")
	plain, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, late := plain.(*shaken); late {
		t.Error("late without being told to")
	}
	if through, stop, err := Relay("127.0.0.1:1"); err != nil || through != "127.0.0.1:1" {
		t.Errorf("a relay without delays leads to %s, %v", through, err)
	} else {
		stop()
	}

	t.Setenv(Shake, "1ms")
	l, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, late := l.(*shaken); !late {
		t.Fatal("nothing is late")
	}
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = io.Copy(c, c)
			c.Close()
		}
	}()
	through, stop, err := Relay(l.Addr().String())
	if err != nil || through == l.Addr().String() {
		t.Fatal(through, err)
	}
	defer stop()
	echo(t, through, "what is said")

	t.Setenv(Shake, "thirty")
	if l, err := Listen(); err == nil {
		l.Close()
		t.Error("a time that is none is passed over")
	}
}

func echo(t *testing.T, addr, text string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		t.Errorf("%q, %v", got, err)
	}
}
