package rig

import (
	"bytes"
	"crypto/md5" //nolint:gosec // Content-MD5
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
)

// host stands in for a machine's SSM agent and our scripts on it: it stores
// what they would and prints their receipt. The scripts themselves are tested
// beside them.
type host struct{ client *http.Client }

// run performs one command.
func (h host) run(c awsfake.Command) awsfake.Invocation {
	p := c.Parameters
	var body []byte
	var err error
	if p["put"] != "" {
		body = []byte(fmt.Sprintf(`{"set":%q,"job":%q,"queries":[{"query":"processes","exit":0,"rows":[{"pid":"4711","name":"xmrig","path":"/tmp/.x/xmrig"}]}]}`, p["set"], p["job"]))
		err = h.put(p["put"], body, "application/json")
	} else {
		body = bytes.Repeat([]byte("evidence "), 4096)
		var list []byte
		if list, err = h.get(p["parts"]); err == nil {
			first, _, _ := strings.Cut(string(list), "\n")
			err = h.put(first, body, "")
		}
	}
	if err != nil {
		return awsfake.Invocation{Status: "Failed", Code: 69, Stderr: err.Error(), Stdout: receipt(p["job"], "upload", nil)}
	}
	return awsfake.Invocation{Status: "Success", Stdout: receipt(p["job"], "ok", body)}
}

func receipt(job, reason string, body []byte) string {
	r := map[string]any{"securitybot": 1, "job": job, "reason": reason, "bytes": len(body), "parts": min(len(body), 1), "sha256": "", "tool_exit": 0, "tool_sha256": ""}
	if len(body) > 0 {
		sum := sha256.Sum256(body)
		r["sha256"] = hex.EncodeToString(sum[:])
	}
	out, _ := json.Marshal(r) // our own map
	return string(out) + "\n"
}

func (h host) get(url string) ([]byte, error) {
	resp, err := h.client.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the store answers %d", resp.StatusCode)
	}
	return io.ReadAll(resp.Body)
}

func (h host) put(url string, body []byte, kind string) error {
	req, err := http.NewRequest(http.MethodPut, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	sum := md5.Sum(body) //nolint:gosec // Content-MD5
	req.Header.Set("Content-MD5", base64.StdEncoding.EncodeToString(sum[:]))
	if kind != "" {
		req.Header.Set("Content-Type", kind)
		req.Header.Set("If-None-Match", "*")
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the store answers %d", resp.StatusCode)
	}
	return nil
}
