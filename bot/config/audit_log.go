package config

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Audit is the log of who did what. It is always written, into Redis; these
// settings make it hard to change afterwards.
type Audit struct {
	// Checkpoints is the directory to which checkpoints are appended. It should
	// be out of reach of whoever can write to Redis. Empty: they are in the
	// bot's own log only.
	Checkpoints string `yaml:"checkpoints"`
	// CheckpointEvery is the time between checkpoints while there is something
	// new, from 1m to 24h.
	CheckpointEvery time.Duration `yaml:"checkpoint_every"`
	Key             Secret        `yaml:"key"`      // signs the log; at least 32 characters
	OldKeys         []Secret      `yaml:"old_keys"` // that signed it earlier
}

// minAuditKey is the shortest key, in bytes: as long as the hash, as RFC 2104
// (section 3) advises.
const minAuditKey = 32

func (d *document) checkAudit(a Audit) {
	d.span("audit.checkpoint_every", a.CheckpointEvery, time.Minute, 24*time.Hour)
	for _, s := range append([]Secret{a.Key}, a.OldKeys...) {
		d.auditKey(s)
	}
	if len(a.OldKeys) > 0 && !a.Key.Configured() && !d.failed("audit.key") {
		d.wrong("audit.old_keys", "audit.old_keys without audit.key; a log that was signed once stays signed")
	}
	seen := map[string]bool{a.Key.Reveal(): true}
	for i, s := range a.OldKeys {
		if v := s.Reveal(); v != "" && seen[v] {
			path := fmt.Sprintf("audit.old_keys[%d]", i)
			d.wrong(path, "%s is a key that is named already; remove it", path)
		}
		seen[s.Reveal()] = true
	}
	if a.Checkpoints != "" && !d.failed("audit.checkpoints") {
		d.directory("audit.checkpoints", a.Checkpoints)
	}
}

func (d *document) auditKey(s Secret) {
	if !s.Configured() {
		return
	}
	s.held().validate = func(value string) error {
		switch {
		case tokenShape.MatchString(value):
			return errors.New("the reference holds a Slack token; make a key of its own, such as: openssl rand -hex 32")
		case len(value) < minAuditKey:
			return fmt.Errorf("the key is shorter than %d characters; make one with: openssl rand -hex 32", minAuditKey)
		}
		return nil
	}
	d.validate(s)
}

// directory checks a directory that files are appended to.
func (d *document) directory(path, dir string) {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		d.wrong(path, "%s: %v; create the directory, owned by the user the bot runs as", path, statProblem(dir, err))
	case !info.IsDir():
		d.wrong(path, "%s: %s is not a directory", path, dir)
	case info.Mode().Perm()&0o002 != 0:
		d.wrong(path, "%s: %s can be changed by everybody on this machine; run: chmod o-w %s", path, dir, dir)
	}
}
