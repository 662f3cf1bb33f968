package awsir

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/responders"
)

// What AWS says of an instance is gone with it an hour after its end, and what
// its console has shown even sooner. Both are kept with the first evidence that
// is taken. They are read from outside: the host does not notice, and cannot
// lie about the former.

// describes is the step of a plan.
const describes = "keep what AWS says of the instance, the hash of its user data, and what its console has shown"

// description is the form of describe.json.
type description struct {
	Version  int               `json:"version"`
	Job      string            `json:"job"`
	Case     string            `json:"case,omitempty"`
	Target   responders.Target `json:"target"`
	At       time.Time         `json:"at"`
	Instance any               `json:"instance"` // as DescribeInstances has it, without what is empty
	// UserData is the program the instance starts with. It often holds
	// passwords, so its hash is kept, to be compared with what it should be.
	UserData *userData `json:"user_data,omitempty"`
	Missing  []string  `json:"missing,omitempty"` // what AWS did not tell, and why
}

type userData struct {
	SHA256 string `json:"sha256"`
	Bytes  int    `json:"bytes"`
}

// maxDescribe is how often the description is tried to be stored: it must not
// hold up what was asked for.
const maxDescribe = 3

// describe keeps what AWS says of the instance. It says whether to try again;
// tries is counted up. What cannot be had is said in the manifest.
func (v *visit) describe(ctx context.Context, tries *int) (again bool) {
	err := v.keepDescription(ctx)
	failpoint.Hit("instance.described")
	if err == nil {
		return false
	}
	v.actor.deps.Log.WarnContext(ctx, "aws-ir: the description of an instance is not stored", "job", v.job.ID, "error", err)
	if *tries++; *tries < maxDescribe {
		return true
	}
	v.skip("What AWS says of the instance was not kept as evidence (" + errorCode(err) + ").")
	return false
}

func (v *visit) keepDescription(ctx context.Context) error {
	i, err := v.look(ctx)
	if errors.Is(err, responders.ErrRefused) {
		v.skip("What AWS says of the instance was not kept as evidence: " + err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	d := description{Version: 1, Job: v.job.ID, Case: v.job.Case, Target: v.job.Target, At: v.now.Truncate(time.Second), Instance: withoutEmpty(i)}
	if d.UserData, err = v.userData(ctx); err != nil {
		d.Missing = append(d.Missing, "user data: "+errorCode(err))
	}
	shown, at, err := v.console(ctx)
	if err != nil {
		d.Missing = append(d.Missing, "console output: "+errorCode(err))
	}
	for _, gap := range d.Missing {
		v.skip("Not kept as evidence: " + gap + ".")
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(d); err != nil {
		return fmt.Errorf("write the description: %w", err)
	}
	if err := v.keep(ctx, KindDescription, "describe.json", "application/json", b.Bytes(), ""); err != nil || len(shown) == 0 {
		return err
	}
	return v.keep(ctx, KindConsole, "console.log", "text/plain", shown, "as of "+at.UTC().Format(time.RFC3339))
}

// keep stores a small piece of evidence and puts it into the manifest. What an
// earlier try of the step has stored stays, and is the evidence.
func (v *visit) keep(ctx context.Context, kind, name, contentType string, body []byte, note string) error {
	e := v.actor.deps.Evidence
	key := e.key(*v.job, name)
	created, err := e.create(ctx, key, contentType, body, map[string]string{"job": v.job.ID})
	if err == nil && !created {
		body, err = e.read(ctx, key, maxManifest)
		note = ""
	}
	if err != nil {
		return err
	}
	uri := e.uri(key)
	m := &v.job.Manifest
	m.Artifacts = slices.DeleteFunc(m.Artifacts, func(a responders.Artifact) bool { return a.URI == uri })
	m.Artifacts = append(m.Artifacts, responders.Artifact{Kind: kind, URI: uri, Size: int64(len(body)), SHA256: hash(body), Note: note, At: v.now})
	return nil
}

// userData hashes the instance's user data; nil when it has none.
func (v *visit) userData(ctx context.Context) (*userData, error) {
	c, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	out, err := c.ec2.DescribeInstanceAttribute(ctx, &ec2.DescribeInstanceAttributeInput{InstanceId: &v.job.Target.Instance, Attribute: types.InstanceAttributeNameUserData})
	if err != nil {
		return nil, fmt.Errorf("describe the user data: %w", err)
	}
	if out.UserData == nil || aws.ToString(out.UserData.Value) == "" {
		return nil, nil
	}
	text, err := base64.StdEncoding.DecodeString(aws.ToString(out.UserData.Value))
	if err != nil {
		return nil, fmt.Errorf("decode the user data: %w", err)
	}
	return &userData{hash(text), len(text)}, nil
}

// console returns what the instance's console has shown, at most the last 64
// KiB: the latest where AWS has it, else what there was after the last start
// (EC2 user guide, "Instance console output").
func (v *visit) console(ctx context.Context) ([]byte, time.Time, error) {
	c, err := v.read(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	out, err := c.ec2.GetConsoleOutput(ctx, &ec2.GetConsoleOutputInput{InstanceId: &v.job.Target.Instance, Latest: aws.Bool(true)})
	if isCode(err, "UnsupportedOperation") {
		out, err = c.ec2.GetConsoleOutput(ctx, &ec2.GetConsoleOutputInput{InstanceId: &v.job.Target.Instance})
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("get the console output: %w", err)
	}
	text, err := base64.StdEncoding.DecodeString(aws.ToString(out.Output))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("decode the console output: %w", err)
	}
	return text, aws.ToTime(out.Timestamp), nil
}

// withoutEmpty turns an answer of AWS into values for JSON and leaves out what
// is not set. No and zero stay: they are answers.
func withoutEmpty(answer any) any {
	var out any
	if json.Unmarshal(asJSON(answer), &out) != nil {
		return nil
	}
	return pruned(out)
}

func pruned(x any) any {
	switch x := x.(type) {
	case map[string]any:
		for k, y := range x {
			if y = pruned(y); y == nil {
				delete(x, k)
			} else {
				x[k] = y
			}
		}
		if len(x) == 0 {
			return nil
		}
	case []any:
		if len(x) == 0 {
			return nil
		}
		for n := range x {
			x[n] = pruned(x[n])
		}
	case string:
		if x == "" {
			return nil
		}
	}
	return x
}
