package duo

import (
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/proof"
)

// Client asks one Duo application. It is safe for concurrent use.
type Client struct {
	scheme, host string
	key, secret  string
	http         *http.Client
	now          func() time.Time
}

// statusWait bounds one question how a push stands: Duo answers it when
// something changes, at most a minute later.
const statusWait = 8 * time.Second

// Start sends one push to the person's first telephone that takes it.
func (c *Client) Start(ctx context.Context, r proof.Request) (proof.Sent, error) {
	device, err := c.preauth(ctx, r.User)
	if err != nil {
		return proof.Sent{}, err
	}
	info := url.Values{"Question": {r.Ref}, "Confirm": {r.Text}}
	params := url.Values{"username": {r.User}, "factor": {"push"}, "device": {device}, "async": {"1"},
		"type": {"SecurityBot question"}, "display_username": {r.User}, "pushinfo": {strings.ReplaceAll(info.Encode(), "+", "%20")}}
	var got struct {
		TxID string `json:"txid"`
	}
	if err := c.call(ctx, "duo auth", http.MethodPost, "/auth/v2/auth", params, &got); err != nil {
		return proof.Sent{}, err
	}
	if got.TxID == "" || len(got.TxID) > 256 {
		return proof.Sent{}, &proof.Failure{Op: "duo auth", Class: proof.Unclear, Status: http.StatusOK, Cause: errors.New("no usable transaction id in the answer")}
	}
	return proof.Sent{TxID: got.TxID}, nil
}

// Check asks Duo whether it knows our keys and our clock is right. Nobody is
// asked for anything (Duo Auth API, "/check").
func (c *Client) Check(ctx context.Context) error {
	var got struct {
		Time int64 `json:"time"`
	}
	return c.call(ctx, "duo check", http.MethodGet, "/auth/v2/check", url.Values{}, &got)
}

// preauth returns the device to push to. Nothing reaches the person by it, so
// its failures never are unclear.
func (c *Client) preauth(ctx context.Context, user string) (string, error) {
	const op = "duo preauth"
	var got struct {
		Result  string `json:"result"`
		Devices []struct {
			Device       string   `json:"device"`
			Capabilities []string `json:"capabilities"`
		} `json:"devices"`
	}
	if err := c.call(ctx, op, http.MethodPost, "/auth/v2/preauth", url.Values{"username": {user}}, &got); err != nil {
		var f *proof.Failure
		if errors.As(err, &f) && f.Class == proof.Unclear {
			f.Class = proof.Retry
		}
		return "", err
	}
	if got.Result != "auth" { // enroll, deny (locked out or not allowed), allow (bypass: proves nothing)
		return "", fmt.Errorf("%s says %.20q: %w", op, got.Result, proof.ErrNotEnrolled)
	}
	for _, d := range got.Devices {
		if d.Device != "" && slices.Contains(d.Capabilities, "push") {
			return d.Device, nil
		}
	}
	return "", fmt.Errorf("%s names no device that takes a push: %w", op, proof.ErrNotEnrolled)
}

// Poll returns how a push stands. It may take some seconds, because Duo answers
// when something changes.
func (c *Client) Poll(ctx context.Context, s proof.Sent) (proof.Result, error) {
	short, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	var got struct {
		Result string `json:"result"`
		Status string `json:"status"`
	}
	err := c.call(short, "duo auth_status", http.MethodGet, "/auth/v2/auth_status", url.Values{"txid": {s.TxID}}, &got)
	switch {
	case err != nil && ctx.Err() == nil && short.Err() != nil:
		return proof.Waiting, nil
	case err != nil:
		return "", err
	}
	return resultOf(got.Result, got.Status), nil
}

// resultOf reads result and status together: "allow" without a press (status
// bypass or remembered) is no proof.
func resultOf(result, status string) proof.Result {
	switch {
	case result == "waiting":
		return proof.Waiting
	case result == "allow" && status == "allow":
		return proof.Allow
	case result == "deny" && status == "deny":
		return proof.Deny
	case result == "deny" && status == "fraud":
		return proof.Fraud
	case result == "deny" && status == "timeout":
		return proof.Timeout
	}
	return proof.Error // locked_out, error, bypass and whatever is new
}

// call makes one signed call and reads the part "response" of the answer.
func (c *Client) call(ctx context.Context, op, method, path string, params url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, proof.CallTimeout)
	defer cancel()
	address, query := url.URL{Scheme: c.scheme, Host: c.host, Path: path}, canonical(params)
	var body io.Reader
	if method == http.MethodGet {
		address.RawQuery = query
	} else {
		body = strings.NewReader(query)
	}
	req, err := http.NewRequest(method, address.String(), body)
	if err != nil {
		return &proof.Failure{Op: op, Class: proof.Permanent, Cause: errors.New("the request cannot be made")}
	}
	date := c.now().UTC().Format(time.RFC1123Z)
	req.Header.Set("Date", date)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(c.key, sign(c.secret, date, method, c.host, path, query))
	a, err := proof.Do(ctx, c.http, op, req)
	if err != nil {
		return err
	}
	var got struct {
		Stat     string          `json:"stat"`
		Code     int             `json:"code"`
		Response json.RawMessage `json:"response"`
	}
	parsed := json.Unmarshal(a.Body, &got)
	if a.Status != http.StatusOK || parsed != nil || got.Stat != "OK" {
		return c.refused(op, a, got.Code)
	}
	if err := json.Unmarshal(got.Response, into); err != nil {
		return &proof.Failure{Op: op, Class: proof.Unclear, Status: a.Status, Cause: errors.New("the answer is not understood")}
	}
	return nil
}

// refused keeps Duo's code, not its text, which may repeat what we sent.
func (c *Client) refused(op string, a proof.Answer, code int) error {
	f := proof.Refused(op, a, fmt.Errorf("code %d", code), c.now())
	if a.Status == http.StatusOK {
		f.Class = proof.Unclear
	}
	return f
}

// canonical writes parameters as they are signed: sorted, with %20 for a space
// (Duo, "Auth API", Authentication).
func canonical(params url.Values) string { return strings.ReplaceAll(params.Encode(), "+", "%20") }

// sign is the HMAC-SHA512 over date, method, host, path and parameters.
func sign(secret, date, method, host, path, params string) string {
	mac := hmac.New(sha512.New, []byte(secret))
	mac.Write([]byte(strings.Join([]string{date, method, strings.ToLower(host), path, params}, "\n")))
	return hex.EncodeToString(mac.Sum(nil))
}
