package crash_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/securitybot/securitybot/inquiries"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/fakes/sqsfake"
	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/rig"
)

// binary is the program, built once with its failpoints.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "securitybot-crash")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "securitybot")
	out, err := exec.Command("go", "build", "-tags", "failpoints", "-o", path, "../../cmd/securitybot").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return path, nil
})

// TestMain runs four worlds at once, unless told otherwise: they wait for leases
// and for Slack's pace more than they work.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = flag.Set("test.parallel", "4") // the flag exists, and takes numbers
	}
	code := m.Run()
	if path, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// world is the doubles, a redis-server, and the processes of a test.
type world struct {
	*rig.Rig
	t       *testing.T
	redis   *redistest.Server
	dir     string
	binary  string
	people  []string  // e-mail addresses of those who can be asked
	ids     []string  // their ids in chat
	crashes int       // of the program
	orphans time.Time // what was received before is in nobody's hands
	next    int       // number of the next finding
	logins  int       // sent so far
	rand    *rand.Rand

	all        []sent
	unreadable bool            // a broken message was sent
	closed     map[string]bool // cases Omar has closed

	mu      sync.Mutex
	acked   map[slackfake.Ref]bool // questions whose "no" was acknowledged
	refused int                    // clicks that were not acknowledged
	procs   []*process
}

// newWorld is one in which policy takes no evidence: operations have worlds of
// their own.
func newWorld(t *testing.T) *world { return newWorldOf(t, rig.Options{NoEvidence: true}) }

func newWorldOf(t *testing.T, o rig.Options) *world {
	t.Helper()
	o.NoBots = true
	o.Slack = append(o.Slack, slackfake.WithTriggerLife(time.Minute)) // a slow machine opens its dialogs late
	w := &world{t: t, redis: redistest.Start(t, "--appendonly", "yes", "--appendfsync", "everysec"), dir: t.TempDir(),
		closed: map[string]bool{}, acked: map[slackfake.Ref]bool{}, rand: rand.New(rand.NewPCG(1, 2))}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	w.binary = path
	if w.Rig, err = rig.New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	// Crashes count as receives; only a message that cannot be read is to go to the dead letters.
	w.SQS.CreateQueue(rig.Queue, sqsfake.QueueOptions{DLQ: rig.Dead, MaxReceive: 100, Shuffle: 7})
	t.Cleanup(func() {
		for _, p := range w.procs {
			p.kill()
		}
		w.Close()
	})
	w.people, w.ids = []string{w.Ana.Email}, []string{w.Ana.ID}
	for i := range 15 { // more than a walk has logins
		name := fmt.Sprintf("person%d", i)
		u := w.Slack.AddUser(slackfake.User{Name: name, RealName: "Person " + name, Email: name + "@corp.example"})
		w.people, w.ids = append(w.people, u.Email), append(w.ids, u.ID)
	}
	if err := os.WriteFile(w.file("securitybot.yaml"), []byte(w.Config(w.redis.Addr)), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) file(name string) string { return filepath.Join(w.dir, name) }

// process is one run of the program.
type process struct {
	cmd  *exec.Cmd
	log  string
	gone chan struct{}
	err  error // of Wait, once gone
}

// start runs the program; it kills itself at the failpoint, if one is named.
func (w *world) start(failpoint string) *process {
	w.t.Helper()
	p := &process{log: w.file(fmt.Sprintf("log-%d-%s", len(w.procs), failpoint)), gone: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		w.t.Fatal(err)
	}
	defer out.Close()
	p.cmd = exec.Command(w.binary, "run", "--config", w.file("securitybot.yaml"))
	p.cmd.Env = append(w.environ(), "SECURITYBOT_FAILPOINT="+failpoint)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	endWithParent(p.cmd)
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.gone)
	}()
	w.procs = append(w.procs, p)
	if w.crashes > 0 {
		w.orphans = time.Now()
	}
	return p
}

func (w *world) environ() []string {
	w.t.Helper()
	tls, err := w.ByTLS(w.file("aws.pem"))
	if err != nil {
		w.t.Fatal(err)
	}
	return append(w.Setenv(), tls...)
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.gone
}

// tail is the end of the process's log.
func (p *process) tail() string {
	raw, _ := os.ReadFile(p.log)
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}

// killed waits until the process has killed itself.
func (w *world) killed(p *process, failpoint string) {
	w.t.Helper()
	select {
	case <-p.gone:
	case <-time.After(45 * time.Second * slowness):
		w.t.Fatalf("%s was not passed\n%s", failpoint, p.tail())
	}
	var exit *exec.ExitError
	if !errors.As(p.err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		w.t.Fatalf("at %s the process ended with %v\n%s", failpoint, p.err, p.tail())
	}
	w.crashed()
}

// crashed lets the queue show again what the dead process had in hand, as it
// does by itself half a minute later.
func (w *world) crashed() {
	w.crashes++
	w.hungUp()
	w.orphans = time.Now().Add(300 * time.Millisecond) // its last receive may still be answered
	for _, m := range w.SQS.Messages(rig.Queue) {
		if m.InFlight {
			w.SQS.Redeliver(rig.Queue, m.ID)
		}
	}
}

// hungUp waits until the queue has noticed that the process's connections are
// closed: it answers no more calls to receive.
func (w *world) hungUp() {
	calls, same := 0, 0
	deadline := time.Now().Add(time.Second) // other replicas go on receiving
	w.eventually("the queue is left alone", 5*time.Second, func() bool {
		n := w.SQS.Counts()["ReceiveMessage"]
		if n != calls {
			calls, same = n, 0
		}
		same++
		return same > 5 || time.Now().After(deadline)
	})
}

// reclaim does the same for what the queue handed to the dead process
// after that.
func (w *world) reclaim() {
	for _, m := range w.SQS.Messages(rig.Queue) {
		if m.InFlight && m.Body != broken && w.crashes > 0 && m.VisibleAt.Add(-visibility).Before(w.orphans) {
			w.SQS.Redeliver(rig.Queue, m.ID)
		}
	}
}

// visibility is how long a message is hidden by default.
const visibility = 2 * time.Minute

// drain stops a process in order.
func (w *world) drain(p *process) {
	w.t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Fatal(err)
	}
	select {
	case <-p.gone:
	case <-time.After(25 * time.Second * slowness): // by itself it gives up after 25 s, with an error
		w.t.Errorf("not stopped after SIGTERM\n%s", p.tail())
		p.kill()
	}
	if p.err != nil {
		w.t.Errorf("stopped with %v after %v\n%s", p.err, time.Since(began), p.tail())
	}
}

// send puts n new findings of a kind into the queue.
func (w *world) send(k kind, n int) []sent {
	w.t.Helper()
	from := len(w.all)
	for range n {
		s := document(w.t, k, w.people[w.logins%len(w.people)], w.next, 1)
		w.next++
		if k == login { // somebody else next time: one person is asked about the same act once
			w.logins++
		}
		w.all = append(w.all, s)
		w.Send(s.body)
	}
	return w.all[from:]
}

// mix sends n findings of all kinds and, of a third of them, copies.
func (w *world) mix(n int) {
	w.t.Helper()
	from := len(w.all)
	logins, miners := max(1, n/14), max(1, n/14)
	w.send(login, logins)
	w.send(miner, miners)
	w.send(probe, n-logins-miners)
	fresh := slices.Clone(w.all[from:])
	w.rand.Shuffle(len(fresh), func(i, j int) { fresh[i], fresh[j] = fresh[j], fresh[i] })
	for _, s := range fresh[:n/3] {
		w.Send(s.body)
	}
}

// slowness is how much longer than usual everything may take on a machine that is
// busy with other things.
const slowness = 4

// eventually polls what the doubles have seen.
func (w *world) eventually(what string, within time.Duration, holds func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(max(within, 30*time.Second) * slowness) // a busy machine is not a fault
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			w.t.Fatalf("not within %v: %s\n%s", within, what, w.procs[len(w.procs)-1].tail())
		}
		<-tick.C
	}
}

// asks says whether somebody is shown a dialog with an input.
func (w *world) asks(user, input string) (yes bool) {
	w.Slack.Look(func(st slackfake.State) { yes = st.Asks(user, map[string]string{input: ""}) })
	return yes
}

// answer lets everybody who is asked say "no", until the test ends. A click
// that is not acknowledged is made again, one that is never.
func (w *world) answer() {
	ctx, cancel := context.WithCancel(w.t.Context())
	var done sync.WaitGroup
	for _, id := range w.ids {
		done.Go(func() { w.answerAs(ctx, id) })
	}
	w.t.Cleanup(func() { cancel(); done.Wait() })
}

func (w *world) answerAs(ctx context.Context, id string) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, m := range w.unanswered(id) {
			g, err := w.Slack.As(id).Click(m.Channel, m.TS, inquiries.ActionNo)
			if err != nil {
				continue // the buttons have gone meanwhile
			}
			out, err := g.Wait(ctx)
			w.mu.Lock()
			if err == nil && out.OK() {
				w.acked[m.Ref()] = true
			} else {
				w.refused++
			}
			w.mu.Unlock()
		}
	}
}

func (w *world) unanswered(id string) []slackfake.Message {
	w.mu.Lock()
	acked := maps.Clone(w.acked)
	w.mu.Unlock()
	return slices.DeleteFunc(w.Slack.DM(id), func(m slackfake.Message) bool {
		return acked[m.Ref()] || !slices.ContainsFunc(m.Buttons(), func(b slackfake.Button) bool { return b.ActionID == inquiries.ActionNo })
	})
}

// questions is how many wait for an answer, clicks how many were acknowledged.
func (w *world) questions() (n int) {
	for _, id := range w.ids {
		n += len(w.unanswered(id))
	}
	return n
}

func (w *world) clicks() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acked)
}

func (w *world) unacknowledged() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.refused
}
