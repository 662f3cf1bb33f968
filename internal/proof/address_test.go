package proof

import "testing"

func TestAddress(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{"https://corp.okta.com": "https://corp.okta.com", "https://corp.example/bot/": "https://corp.example/bot",
		"http://127.0.0.1:80": "http://127.0.0.1:80", "http://localhost/": "http://localhost", "http://[::1]:1": "http://[::1]:1"} {
		if u, err := Address(raw); err != nil || u.String() != want {
			t.Errorf("%s: %v %v", raw, u, err)
		}
	}
	for _, raw := range []string{"", "corp.okta.com", "http://corp.okta.com", "http://127.0.0.1.evil.example", "https://u:p@corp.okta.com", "https://corp.okta.com?a=b", "https://corp.okta.com#x", "ftp://corp.okta.com", "https://%zz"} {
		if u, err := Address(raw); err == nil {
			t.Errorf("%q is taken as %s", raw, u)
		}
	}
}
