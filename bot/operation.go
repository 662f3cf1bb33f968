package bot

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/awsir"
)

// Operations: what people and policy have done on instances. The engine is
// responders.Operation; this file keeps it in the store.

// Actor performs jobs: it finds out what would be done, and does it step by
// step.
type Actor interface {
	Plan(ctx context.Context, j responders.Job) (responders.Plan, error)
	Step(ctx context.Context, j *responders.Job) (responders.Progress, error)
}

// Confirmer asks GuardDuty whether a finding that arrived exists there.
type Confirmer interface {
	Confirm(ctx context.Context, f *findings.Finding) (bool, error)
}

// Shelf opens stored evidence by the name that artifacts have for it.
type Shelf interface {
	Open(ctx context.Context, uri string) (io.ReadCloser, error)
}

// Acting is what the bot may do in AWS. Without an Actor it does nothing there.
type Acting struct {
	Actor    Actor
	Confirm  Confirmer
	Evidence Shelf    // nil: what is stored cannot be read
	Accounts []string // that may be acted on
	Regions  []string // empty for all
	PerHour  int      // operations policy may start in one account in an hour
	// Fresh is for how long policy does not take the same evidence again.
	Fresh time.Duration
}

// loadOperation returns an operation, nil when there is none.
func (t *tx) loadOperation(ctx context.Context, id string) (*responders.Operation, error) {
	body, err := t.loadRaw(ctx, responders.DocID(id))
	if err != nil {
		return nil, err
	}
	return responders.DecodeOperation(id, body)
}

// putOperation writes an operation with its timer.
func (t *tx) putOperation(o *responders.Operation, now time.Time) error {
	body, err := o.Encode()
	if err != nil {
		return err
	}
	w := store.Write{ID: responders.DocID(o.ID), Body: body, Timer: o.Timer(now), Open: o.IsOpen()}
	if !o.IsOpen() {
		w.TTL = closedTTL
	}
	t.write(w)
	return nil
}

// propose starts an operation, unless the same action is under way on the same
// instance: then that one is returned with false.
func (b *Bot) propose(ctx context.Context, t *tx, j responders.Job, about responders.About, now time.Time) (*responders.Operation, bool, error) {
	lock := operationLock(j)
	body, err := t.loadRaw(ctx, lock)
	if err != nil {
		return nil, false, err
	}
	if len(body) > 0 {
		other, err := t.loadOperation(ctx, string(body))
		if err != nil {
			return nil, false, err
		}
		if other != nil && (other.IsOpen() || other.ID == j.ID) {
			return other, false, nil
		}
	}
	o, effects := responders.Propose(j, about, now)
	t.plan(effects...)
	t.putRaw(lock, []byte(o.ID), closedTTL)
	return o, true, t.putOperation(o, now)
}

// operationLock names the document that says which operation has an action on
// an instance. What undoes an action and the action exclude each other.
func operationLock(j responders.Job) string {
	action := string(j.Action)
	switch j.Action {
	case responders.Release:
		action = string(responders.Isolate)
	case responders.Unrevoke:
		action = string(responders.Revoke)
	}
	return "rl:" + short(action+" "+j.Target.String())
}

// jobID names a job: 26 letters and digits. The same words give the same id.
func jobID(words ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])[:26]
}

// mayActOn says why nothing may be done about a target; "" when it may.
func (b *Bot) mayActOn(target responders.Target) string {
	switch {
	case b.acting.Actor == nil:
		return "I am not set up to act in AWS: the configuration has no aws_ir."
	case !contains(b.acting.Accounts, target.Account):
		return fmt.Sprintf("Account %s is not one I may act in (aws_ir.accounts).", target.Account)
	case len(b.acting.Regions) > 0 && !contains(b.acting.Regions, target.Region):
		return fmt.Sprintf("Region %s is not one I may act in (aws_ir.regions).", target.Region)
	}
	return ""
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

// changeOperation runs fn on an operation and commits what it did. fn returns
// errGiveUp to leave everything as it is; an operation that is gone is left
// alone.
func (b *Bot) changeOperation(ctx context.Context, id string, fn func(t *tx, o *responders.Operation, now time.Time) error) error {
	return b.change(ctx, func(t *tx, now time.Time) error {
		o, err := t.loadOperation(ctx, id)
		if err != nil {
			return err
		}
		if o == nil {
			return errGiveUp
		}
		if err := fn(t, o, now); err != nil {
			return err
		}
		return t.putOperation(o, now)
	})
}

// tickOperation is an operation's timer.
func (b *Bot) tickOperation(ctx context.Context, id string) error {
	return b.changeOperation(ctx, id, func(t *tx, o *responders.Operation, now time.Time) error {
		t.plan(o.Tick(now)...)
		return nil
	})
}

// Records keep in the store what awsir must find again after a crash.
type records struct{ b *Bot }

// recordDoc names the document of a record.
func recordDoc(key string) string { return "n:" + key }

// Get implements awsir.Records.
func (r records) Get(ctx context.Context, key string) ([]byte, bool, error) {
	docs, err := r.b.store.Load(ctx, recordDoc(key))
	if err != nil {
		return nil, false, err
	}
	return docs[0].Body, docs[0].Version > 0, nil
}

// Put implements awsir.Records.
func (r records) Put(ctx context.Context, key string, body []byte) error {
	t := r.b.begin()
	t.docs[recordDoc(key)] = store.Doc{ID: recordDoc(key)}
	t.write(store.Write{ID: recordDoc(key), Body: body})
	err := r.b.commit(ctx, t)[0]
	if errors.Is(err, store.ErrConflict) {
		return awsir.ErrExists
	}
	return err
}

// Delete implements awsir.Records.
func (r records) Delete(ctx context.Context, key string) error {
	return r.b.change(ctx, func(t *tx, _ time.Time) error {
		if err := t.load(ctx, recordDoc(key)); err != nil {
			return err
		}
		if t.docs[recordDoc(key)].Version == 0 {
			return errGiveUp
		}
		t.write(store.Write{ID: recordDoc(key)})
		return nil
	})
}
