package crash_test

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// TestAReplicaThatHangsIsTakenOver: the process that is in the midst of a call
// to AWS stops, another goes on in its place, and then the first one wakes up,
// with all it had in mind.
func TestAReplicaThatHangsIsTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, rig.Options{Access: access})
	m := w.machine(2)
	w.about(m)
	for _, hang := range []struct {
		call string
		act  act
		done string
	}{
		{"CreateSnapshots", askFor("snapshot", ""), "Snapshot"},
		{"CreateSecurityGroup", func(m *machine, p *process) {
			askFor("isolate", "reason=it mines")(m, p)
			approve("Isolate", "U0MEI")(m, p)
		}, "Isolate"},
		{"ModifyNetworkInterfaceAttribute", release, "Release"},
	} {
		first := w.start("")
		var once sync.Once
		hung := make(chan struct{})
		stop := awsfake.Meanwhile(func() {
			once.Do(func() { _ = first.cmd.Process.Signal(syscall.SIGSTOP); close(hung) })
		})
		stop.Writes = true
		w.AWS.Next("ec2", hang.call, 1, stop)
		hang.act(m, first)
		w.eventually("the first process hangs in "+hang.call, 30*time.Second, func() bool {
			select {
			case <-hung:
				return true
			default:
				return false
			}
		})
		second := w.start("")
		w.outlived()
		w.eventually(hang.done+" is done by the second process", 40*time.Second, func() bool { return len(w.said(hang.done+" "+m.id, "Done")) > 0 })
		if err := first.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		w.drain(first)
		w.drain(second)
		if hang.done == "Isolate" {
			m.isolated()
		}
	}
	last := w.start("")
	m.ended("Snapshot", "Isolate", "Release")
	m.released()
	w.drain(last)
}
