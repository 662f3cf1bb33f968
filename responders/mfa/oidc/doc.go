// Package oidc lets people prove that it is them by signing in once more at the
// company's own OpenID Connect provider (OpenID Connect Core 1.0, code flow with
// PKCE, RFC 7636).
//
// A proof counts only when the ID token says so itself: signed by the provider,
// for us, with the nonce of this sign-in, an auth_time that lies after the
// question was put (max_age=0 is a request that can be stripped from the
// address; auth_time cannot), the configured acr and amr, and the person asked.
//
// Everything a sign-in needs to be recognised by is derived from the key of the
// question and the browser, so nothing has to be stored before a person comes
// back, on whichever replica. The key leaves the bot in no form.
package oidc
