package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const (
	tokenVariable = "AWS_IR_TOKEN"
	minToken      = 32      // characters
	maxEvent      = 1 << 20 // bytes
)

func (c *cli) serveCommand() *cobra.Command {
	var f common
	var addr string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "answer plan, step and status over HTTP on this machine",
		Long:  "POST /v1/plan and /v1/step take {\"job\": …}; GET /v1/jobs/ID shows a job. The bearer token is the value of " + tokenVariable + ".",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			token := os.Getenv(tokenVariable)
			if len(token) < minToken {
				return usage("set %s to a secret of at least %d characters", tokenVariable, minToken)
			}
			if a, err := netip.ParseAddrPort(addr); err != nil || !a.Addr().IsLoopback() {
				return usage("--addr %s is not an address of the loopback interface, such as 127.0.0.1:8181", addr)
			}
			sys, pages, err := c.open(cmd.Context(), f)
			if err != nil {
				return err
			}
			return c.serve(cmd.Context(), addr, newAPI(sys.actor, pages, token))
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8181", "`address` to listen on")
	return cmd
}

func (c *cli) serve(ctx context.Context, addr string, h http.Handler) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return negative(fmt.Errorf("listen: %w", err))
	}
	fmt.Fprintf(c.out, "listening on http://%s\n", l.Addr())
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: time.Minute}
	context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.Background(), 25*time.Second)
		defer cancel()
		_ = s.Shutdown(end) // steps under way are finished
	})
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return negative(fmt.Errorf("serve: %w", err))
	}
	return nil
}

// api is the HTTP interface.
type api struct {
	actor actor
	pages journal
	token [sha256.Size]byte
}

func newAPI(a actor, pages journal, token string) http.Handler {
	s := &api{a, pages, sha256.Sum256([]byte(token))}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/plan", s.event("plan"))
	mux.HandleFunc("POST /v1/step", s.event("step"))
	mux.HandleFunc("GET /v1/jobs/{id}", s.job)
	return s.guard(mux)
}

// guard lets in who has the token, and no browser that was told another name
// for this machine.
func (s *api) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if ip, e := netip.ParseAddr(host); err != nil || e != nil || !ip.IsLoopback() {
			reply(w, http.StatusForbidden, problem{"the request is not for this machine"})
			return
		}
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		sum := sha256.Sum256([]byte(given))
		if !ok || subtle.ConstantTimeCompare(sum[:], s.token[:]) != 1 {
			reply(w, http.StatusUnauthorized, problem{"the bearer token is missing or wrong"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

type problem struct {
	Error string `json:"error"`
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// event answers plan or step. A step is written into the journal before and
// after; a job under way elsewhere is left alone.
func (s *api) event(op string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		e := event{}
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxEvent))
		d.DisallowUnknownFields()
		if err := d.Decode(&e); err != nil || e.Op != "" && e.Op != op || !idForm.MatchString(e.Job.ID) {
			reply(w, http.StatusBadRequest, problem{`the body is {"job": …}, with an id of 8 to 32 letters and digits`})
			return
		}
		e.Op = op
		out, status, err := s.do(r.Context(), e)
		if err != nil {
			reply(w, status, problem{err.Error()})
			return
		}
		reply(w, http.StatusOK, out)
	}
}

func (s *api) do(ctx context.Context, e event) (answer, int, error) {
	if e.Op == "plan" {
		out, err := answerTo(ctx, s.actor, e)
		return out, http.StatusBadGateway, err
	}
	release, err := s.pages.lock(e.Job.ID)
	if err != nil {
		return answer{}, http.StatusConflict, err
	}
	defer release()
	if err := s.pages.write(page{State: running, Job: e.Job}); err != nil {
		return answer{}, http.StatusInternalServerError, err
	}
	out, err := answerTo(context.WithoutCancel(ctx), s.actor, e)
	if err != nil {
		return out, http.StatusBadGateway, err
	}
	p := page{State: out.State, Message: out.Message, Again: time.Now().Add(time.Duration(out.WaitSeconds) * time.Second), Job: out.Job}
	return out, http.StatusInternalServerError, s.pages.write(p)
}

func (s *api) job(w http.ResponseWriter, r *http.Request) {
	p, err := s.pages.read(r.PathValue("id"))
	if err != nil {
		reply(w, http.StatusNotFound, problem{"there is no such job here"})
		return
	}
	reply(w, http.StatusOK, p)
}
