package lookup

import "testing"

// TestWhereSourcesMayBe: https, or a server on this machine by its address.
func TestWhereSourcesMayBe(t *testing.T) {
	t.Parallel()
	for raw, ok := range map[string]bool{
		"https://api.example/v3": true, "https://api.example:8443/": true, "http://127.0.0.1:9000/": true, "http://[::1]:9000": true, "https://192.0.2.7/": true,
		"http://api.example/": false, "http://192.0.2.7/": false, "http://localhost:9000/": false, "http://10.0.0.5/": false, "http://[::ffff:192.0.2.7]/": false,
		"https://169.254.169.254/": false, "https://169.254.1.1/": false, "https://[fe80::1]/": false, "https://[fe80::1%25eth0]/": false, "https://[::ffff:169.254.169.254]/": false, "https://[fd00:ec2::254]/": false,
		"https://user@api.example/": false, "https://api.example/?key=1": false, "https://api.example/#x": false, "https:api.example": false, "https:///x": false,
		"ftp://api.example/": false, "file:///etc/passwd": false, "api.example": false, "": false, "https://api.example:x/": false,
	} {
		if _, err := newEndpoint(raw); (err == nil) != ok {
			t.Errorf("%q: %v", raw, err)
		}
	}
}
