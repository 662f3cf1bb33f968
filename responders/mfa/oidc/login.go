package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/securitybot/securitybot/internal/proof"
)

// skew is how far the provider's clock may be off.
const skew = time.Minute

// ErrSomebodyElse says that the sign-in was right, but another person's.
var ErrSomebodyElse = errors.New("somebody else signed in")

// ErrUnproved is a sign-in that proves nothing, because of how it was made.
var ErrUnproved = errors.New("the sign-in proves nothing")

// claims are what we read of an ID token.
type claims struct {
	AuthTime      json.Number `json:"auth_time"`
	ACR           string      `json:"acr"`
	AMR           []string    `json:"amr"`
	AZP           string      `json:"azp"`
	EmailVerified *bool       `json:"email_verified"`
}

// Login exchanges the code and checks the ID token. nil says that the person
// called who signed in after since. Errors are a *proof.Failure when the
// provider did not answer, ErrSomebodyElse, or say what is missing.
func (c *Client) Login(ctx context.Context, s Session, code, who string, since time.Time) error {
	p, err := c.discovered(ctx)
	if err != nil {
		return err
	}
	// The library would check times against its own clock, and keeps the context.
	ctx = gooidc.ClientContext(ctx, c.http)
	got, err := c.oauth(p).Exchange(ctx, code, oauth2.VerifierOption(s.verifier()))
	if err != nil {
		return exchangeFailed(err)
	}
	raw, _ := got.Extra("id_token").(string)
	t, err := p.VerifierContext(ctx, &gooidc.Config{ClientID: c.cfg.ClientID, SupportedSigningAlgs: algorithms, Now: c.now}).Verify(ctx, raw)
	if err != nil {
		return fmt.Errorf("%w: the ID token is not valid", ErrUnproved)
	}
	var k claims
	all := map[string]any{}
	if err := errors.Join(t.Claims(&k), t.Claims(&all)); err != nil {
		return fmt.Errorf("%w: the ID token is not understood", ErrUnproved)
	}
	if err := c.judge(s, t, k, since); err != nil {
		return err
	}
	return c.person(all, k, who)
}

// judge checks how and when somebody signed in.
func (c *Client) judge(s Session, t *gooidc.IDToken, k claims, since time.Time) error {
	seconds, err := k.AuthTime.Int64()
	at := time.Unix(seconds, 0)
	switch {
	case !Same(t.Nonce, s.nonce()):
		return fmt.Errorf("%w: the nonce is not the one of this sign-in", ErrUnproved)
	case k.AZP != "" && k.AZP != c.cfg.ClientID, len(t.Audience) > 1 && k.AZP == "":
		return fmt.Errorf("%w: the token was made for another client", ErrUnproved)
	case err != nil:
		return fmt.Errorf("%w: the token has no auth_time; let the provider add it", ErrUnproved)
	case at.Before(since.Add(-skew)), at.After(c.now().Add(skew)):
		return fmt.Errorf("%w: auth_time is not after the question: an old session was used", ErrUnproved)
	case len(c.cfg.ACR) > 0 && !slices.Contains(c.cfg.ACR, k.ACR):
		return fmt.Errorf("%w: acr %.40q is not one that counts", ErrUnproved, k.ACR)
	}
	for _, m := range c.cfg.AMR {
		if !slices.Contains(k.AMR, m) {
			return fmt.Errorf("%w: amr has no %q", ErrUnproved, m)
		}
	}
	return nil
}

// person checks who signed in.
func (c *Client) person(all map[string]any, k claims, who string) error {
	name, _ := all[c.cfg.Claim].(string)
	switch {
	case name == "":
		return fmt.Errorf("%w: the token has no claim %q", ErrUnproved, c.cfg.Claim)
	case c.cfg.Claim == "email" && (k.EmailVerified == nil || !*k.EmailVerified):
		return fmt.Errorf("%w: email_verified is not true", ErrUnproved)
	case who == "" || !strings.EqualFold(name, who):
		return ErrSomebodyElse
	}
	return nil
}

// exchangeFailed tells a provider that refuses the code from one that is not
// there. Its own text may repeat the code and is left out.
func exchangeFailed(err error) error {
	var re *oauth2.RetrieveError
	if errors.As(err, &re) && re.Response != nil && re.Response.StatusCode < http.StatusInternalServerError {
		return fmt.Errorf("%w: the provider refuses the code (HTTP %d, %.40q)", ErrUnproved, re.Response.StatusCode, re.ErrorCode)
	}
	return &proof.Failure{Op: "oidc token", Class: proof.Retry, Cause: errors.New("the provider does not answer")}
}
