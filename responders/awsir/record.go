package awsir

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/securitybot/securitybot/responders"
)

// original is what there was before an isolation. Release restores exactly
// this.
type original struct {
	Version    int               `json:"version"`
	Job        string            `json:"job"`
	Case       string            `json:"case,omitempty"`
	Target     responders.Target `json:"target"`
	At         time.Time         `json:"at"`
	Launched   time.Time         `json:"launched"`
	Interfaces []wiring          `json:"interfaces"`
	Scaling    *membership       `json:"scaling,omitempty"`
	Targets    []registration    `json:"targets,omitempty"`
	Classic    []string          `json:"classic,omitempty"` // names of classic load balancers
	Protection *protection       `json:"protection,omitempty"`
}

// wiring is an interface and the groups it had, in order.
type wiring struct {
	ID     string   `json:"id"`
	VPC    string   `json:"vpc"`
	Groups []string `json:"groups"`
}

// membership is a place in an Auto Scaling group.
type membership struct {
	Group string `json:"group"`
	State string `json:"state"`
}

// registration is a place in a target group. The port is needed to register
// again, and to deregister one port of several (ELB API reference,
// TargetDescription).
type registration struct {
	Group string `json:"group"`
	ID    string `json:"id"` // instance or address
	Port  int32  `json:"port"`
}

// protection is what keeps an instance and its volumes from being deleted.
type protection struct {
	NoTermination bool            `json:"no_termination"`
	NoStop        bool            `json:"no_stop"`
	Shutdown      string          `json:"shutdown"`
	Delete        map[string]bool `json:"delete,omitempty"` // by device: deleted with the instance
	Spot          bool            `json:"spot,omitempty"`
}

const recordVersion = 1

// envelope is how a record is stored: the text and its hash, so that a change
// to it is noticed before anything is restored from it.
type envelope struct {
	SHA256 string `json:"sha256"`
	Record string `json:"record"`
}

// recordKey is where the record of an instance is kept.
func recordKey(t responders.Target) string {
	return "isolation/" + t.Account + "/" + t.Region + "/" + t.Instance
}

// lateKey is where an interface is kept that was attached after the record
// with this hash was made.
func lateKey(t responders.Target, hash, nic string) string {
	return recordKey(t) + "/" + hash[:16] + "/" + nic
}

// seal makes the stored form of a record or a wiring, and its hash.
func seal(v any) (body []byte, hash string, err error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, "", fmt.Errorf("write the record: %w", err)
	}
	sum := sha256.Sum256(text)
	hash = hex.EncodeToString(sum[:])
	body, err = json.Marshal(envelope{hash, string(text)})
	return body, hash, err
}

// unseal reads a stored record. One that was changed is refused: restoring
// from it could open what must stay closed.
func unseal(body []byte, into any) (hash string, err error) {
	damaged := responders.Refuse("The record of what was before the isolation is damaged or was changed. Nothing was restored from it. Compare it with the tags %s on the network interfaces, and restore by hand.", originalTag)
	var e envelope
	if json.Unmarshal(body, &e) != nil {
		return "", damaged
	}
	sum := sha256.Sum256([]byte(e.Record))
	if hex.EncodeToString(sum[:]) != e.SHA256 || json.Unmarshal([]byte(e.Record), into) != nil {
		return "", damaged
	}
	return e.SHA256, nil
}

// record reads the record of the job's instance; false means that there is
// none.
func (v *visit) record(ctx context.Context) (o original, hash string, ok bool, err error) {
	body, ok, err := v.actor.deps.Records.Get(ctx, recordKey(v.job.Target))
	if err != nil || !ok {
		if err != nil {
			err = fmt.Errorf("read the record of the isolation: %w", err)
		}
		return o, "", false, err
	}
	hash, err = unseal(body, &o)
	if err != nil {
		return o, "", false, err
	}
	if o.Version != recordVersion || o.Target != v.job.Target {
		return o, "", false, responders.Refuse("The record of the isolation is for another instance or was written by another version. Nothing was changed.")
	}
	return o, hash, true, nil
}

// late reads the record of an interface that was attached after the main
// record was made.
func (v *visit) late(ctx context.Context, hash, nic string) (w wiring, ok bool, err error) {
	body, ok, err := v.actor.deps.Records.Get(ctx, lateKey(v.job.Target, hash, nic))
	if err != nil || !ok {
		return w, false, err
	}
	if _, err := unseal(body, &w); err != nil {
		return w, false, err
	}
	return w, w.ID == nic, nil
}

func (o original) wiring(nic string) (wiring, bool) {
	for _, w := range o.Interfaces {
		if w.ID == nic {
			return w, true
		}
	}
	return wiring{}, false
}
