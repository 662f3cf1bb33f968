package okta

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/proof"
)

// Client asks one Okta organisation. It is safe for concurrent use.
type Client struct {
	base, token string
	http        *http.Client
	now         func() time.Time
}

// id is how Okta's ids look. Ids come from Okta and go into paths.
var id = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// Start sends one push to the person's Okta Verify.
func (c *Client) Start(ctx context.Context, r proof.Request) (proof.Sent, error) {
	user, err := c.user(ctx, r.User)
	if err != nil {
		return proof.Sent{}, err
	}
	factor, err := c.factor(ctx, user)
	if err != nil {
		return proof.Sent{}, err
	}
	var got verification
	if err := c.call(ctx, "okta verify", http.MethodPost, "/api/v1/users/"+user+"/factors/"+factor+"/verify", &got); err != nil {
		return proof.Sent{}, err
	}
	tx := got.transaction(user, factor)
	if tx == "" {
		return proof.Sent{}, &proof.Failure{Op: "okta verify", Class: proof.Unclear, Status: http.StatusCreated, Cause: errors.New("no usable transaction in the answer")}
	}
	return proof.Sent{TxID: factor + "/" + tx, User: user, Number: c.challenge(ctx, user, factor, tx, got)}, nil
}

// user finds the person by login or by short name. Nothing reaches them.
func (c *Client) user(ctx context.Context, login string) (string, error) {
	const op = "okta user"
	var got struct {
		ID      string `json:"id"`
		Status  string `json:"status"`
		Profile struct {
			Login string `json:"login"`
		} `json:"profile"`
	}
	err := c.call(ctx, op, http.MethodGet, "/api/v1/users/"+url.PathEscape(login), &got)
	switch {
	case status(err) == http.StatusNotFound:
		return "", fmt.Errorf("%s: nobody of that name: %w", op, proof.ErrNotEnrolled)
	case err != nil:
		return "", harmless(err)
	case !same(got.Profile.Login, login):
		return "", fmt.Errorf("%s: somebody else was found: %w", op, proof.ErrNotEnrolled)
	case !id.MatchString(got.ID) || got.Status != "ACTIVE" && got.Status != "PASSWORD_EXPIRED" && got.Status != "RECOVERY": // LOCKED_OUT, SUSPENDED, DEPROVISIONED, …
		return "", fmt.Errorf("%s: the account is %.20q: %w", op, got.Status, proof.ErrNotEnrolled)
	}
	return got.ID, nil
}

// same says whether a login is the one that was looked for, or has it before
// the @. Okta has names that mean somebody else: "me" is whoever owns the token.
func same(login, want string) bool {
	short, _, _ := strings.Cut(login, "@")
	return strings.EqualFold(login, want) || strings.EqualFold(short, want)
}

// factor returns the person's first active push factor.
func (c *Client) factor(ctx context.Context, user string) (string, error) {
	var got []struct {
		ID     string `json:"id"`
		Type   string `json:"factorType"`
		Status string `json:"status"`
	}
	if err := c.call(ctx, "okta factors", http.MethodGet, "/api/v1/users/"+user+"/factors", &got); err != nil {
		return "", harmless(err)
	}
	for _, f := range got {
		if f.Type == "push" && f.Status == "ACTIVE" && id.MatchString(f.ID) {
			return f.ID, nil
		}
	}
	return "", fmt.Errorf("okta factors: no active push: %w", proof.ErrNotEnrolled)
}

// challenge returns the number to be picked, if Okta asks for one. It comes
// with the first look at the transaction; without it the push stands as it is,
// and whoever has to pick a number and sees none refuses it or lets it run out.
func (c *Client) challenge(ctx context.Context, user, factor, tx string, v verification) string {
	if n := v.number(); n != "" {
		return n
	}
	got, err := c.look(ctx, user, factor, tx)
	if err != nil {
		return ""
	}
	return got.number()
}

// Poll returns how a push stands.
func (c *Client) Poll(ctx context.Context, s proof.Sent) (proof.Result, error) {
	factor, tx, ok := strings.Cut(s.TxID, "/")
	if !ok || !id.MatchString(factor) || !id.MatchString(tx) || !id.MatchString(s.User) {
		return proof.Error, nil
	}
	got, err := c.look(ctx, s.User, factor, tx)
	if err != nil {
		return "", err
	}
	switch got.Result {
	case "WAITING":
		return proof.Waiting, nil
	case "SUCCESS":
		return proof.Allow, nil
	case "REJECTED":
		return proof.Deny, nil
	case "TIMEOUT", "TIME_WINDOW_EXCEEDED", "EXPIRED":
		return proof.Timeout, nil
	}
	return proof.Error, nil // FAILED, ERROR, CANCELLED, CHALLENGE and whatever is new
}

func (c *Client) look(ctx context.Context, user, factor, tx string) (verification, error) {
	var got verification
	err := c.call(ctx, "okta transaction", http.MethodGet, "/api/v1/users/"+user+"/factors/"+factor+"/transactions/"+tx, &got)
	return got, err
}

// verification is an answer about a transaction.
type verification struct {
	Result string `json:"factorResult"`
	Links  struct {
		Poll struct {
			Href string `json:"href"`
		} `json:"poll"`
	} `json:"_links"`
	Embedded struct {
		challenge
		Factor struct {
			Embedded challenge `json:"_embedded"`
		} `json:"factor"`
	} `json:"_embedded"`
}

// challenge is the number matching of a push. Okta's Authn API puts it into the
// factor of the answer and its Factors API documents no place, so both are read.
type challenge struct {
	Challenge struct {
		Answer json.Number `json:"correctAnswer"`
	} `json:"challenge"`
}

var digits = regexp.MustCompile(`^[0-9]{1,4}$`)

// number is what is to be picked on the telephone.
func (v verification) number() string {
	n := cmp.Or(v.Embedded.Challenge.Answer, v.Embedded.Factor.Embedded.Challenge.Answer).String()
	if digits.MatchString(n) {
		return n
	}
	return ""
}

// transaction is the last step of the poll link. Only that is used: the token
// goes nowhere but to the configured host.
func (v verification) transaction(user, factor string) string {
	_, tx, ok := strings.Cut(v.Links.Poll.Href, "/api/v1/users/"+user+"/factors/"+factor+"/transactions/")
	if !ok || !id.MatchString(tx) {
		return ""
	}
	return tx
}

// call makes one call and reads the answer.
func (c *Client) call(ctx context.Context, op, method, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, proof.CallTimeout)
	defer cancel()
	req, err := http.NewRequest(method, c.base+path, http.NoBody)
	if err != nil {
		return &proof.Failure{Op: op, Class: proof.Permanent, Cause: errors.New("the request cannot be made")}
	}
	req.Header.Set("Authorization", "SSWS "+c.token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "securitybot")
	a, err := proof.Do(ctx, c.http, op, req)
	if err != nil {
		return err
	}
	if a.Status != http.StatusOK && a.Status != http.StatusCreated {
		var said struct {
			Code string `json:"errorCode"`
		}
		_ = json.Unmarshal(a.Body, &said) // Okta's text may repeat what we sent: only the code is kept
		return proof.Refused(op, a, fmt.Errorf("code %.16q", said.Code), c.now())
	}
	if err := json.Unmarshal(a.Body, into); err != nil {
		return &proof.Failure{Op: op, Class: proof.Unclear, Status: a.Status, Cause: errors.New("the answer is not understood")}
	}
	return nil
}

// harmless is an error of a call by which nothing can have reached the person.
func harmless(err error) error {
	var f *proof.Failure
	if errors.As(err, &f) && f.Class == proof.Unclear {
		f.Class = proof.Retry
	}
	return err
}

func status(err error) int {
	var f *proof.Failure
	if errors.As(err, &f) {
		return f.Status
	}
	return 0
}
