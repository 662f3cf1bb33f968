// Command securitybot-demo is the unchanged bot in a world of its own: a chat
// workspace, a queue and a pager in this process, and a web page to look at
// them. No accounts are needed and nothing leaves the machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/securitybot/securitybot/internal/rig"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "securitybot-demo:", err)
		if errors.Is(err, errUsage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: securitybot-demo [--addr HOST:PORT] [--headless]")

func run(ctx context.Context, args []string, out, logs io.Writer) error {
	flags := flag.NewFlagSet("securitybot-demo", flag.ContinueOnError)
	flags.SetOutput(logs)
	addr := flags.String("addr", "127.0.0.1:8080", "where the page is served")
	headless := flags.Bool("headless", false, "play a script and print each step instead of serving the page")
	verbose := flags.Bool("verbose", false, "show the bot's own log")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%w: unexpected %q", errUsage, flags.Arg(0))
	}
	o := rig.Options{}
	if *verbose {
		o.Log = logs
	}
	world, err := newWorld(ctx, o)
	if err != nil {
		return err
	}
	world.Start(ctx)
	defer world.Close()
	if *headless {
		return play(ctx, world, out)
	}
	return serve(ctx, world, *addr, out)
}

// serve shows the page until ctx ends.
func serve(ctx context.Context, world *rig.Rig, addr string, out io.Writer) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --addr", err)
	}
	d := newDemo(world)
	go d.hurry(ctx)
	server := &http.Server{Handler: d.handler(), ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	go func() { <-ctx.Done(); _ = server.Close() }()
	fmt.Fprintf(out, "SecurityBot demo: open http://%s\n", l.Addr())
	if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
