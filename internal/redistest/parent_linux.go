package redistest

import (
	"os/exec"
	"syscall"
)

// endWithParent lets the kernel kill the server when the test binary dies, as
// it does after a time-out, without running any cleanup.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
