package findings_test

import (
	"net/netip"
	"testing"

	"github.com/securitybot/securitybot/findings"
)

func TestMatchDevice(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ip      string
		devices []string
		want    findings.IPMatch
	}{
		"same IPv4":                    {"203.0.113.5", []string{"192.0.2.1", "203.0.113.5"}, findings.IPSame},
		"other IPv4":                   {"203.0.113.5", []string{"203.0.113.6"}, findings.IPMismatch},
		"same /64":                     {"2001:db8:0:1::5", []string{"2001:db8:0:1:aaaa::9"}, findings.IPSame},
		"other /64":                    {"2001:db8:0:1::5", []string{"2001:db8:0:2::5"}, findings.IPMismatch},
		"mapped IPv4":                  {"::ffff:203.0.113.5", []string{"203.0.113.5"}, findings.IPSame},
		"mapped device":                {"203.0.113.5", []string{"::ffff:203.0.113.5"}, findings.IPSame},
		"other family only":            {"2001:db8::5", []string{"203.0.113.5"}, findings.IPUnknown},
		"no device":                    {"203.0.113.5", nil, findings.IPUnknown},
		"only unreadable devices":      {"203.0.113.5", []string{"laptop", ""}, findings.IPUnknown},
		"private finding address":      {"10.0.0.5", []string{"10.0.0.5"}, findings.IPUnknown},
		"shared address space":         {"100.64.1.1", []string{"100.64.1.1"}, findings.IPUnknown},
		"loopback":                     {"127.0.0.1", []string{"127.0.0.1"}, findings.IPUnknown},
		"unspecified":                  {"0.0.0.0", []string{"0.0.0.0"}, findings.IPUnknown},
		"link-local IPv6":              {"fe80::1", []string{"fe80::1"}, findings.IPUnknown},
		"unique local IPv6":            {"fd00::1", []string{"fd00::1"}, findings.IPUnknown},
		"device known by LAN only":     {"203.0.113.5", []string{"192.168.1.7"}, findings.IPUnknown},
		"LAN and public, public other": {"203.0.113.5", []string{"192.168.1.7", "198.51.100.2"}, findings.IPMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := findings.MatchDevice(netip.MustParseAddr(tc.ip), tc.devices); got != tc.want {
				t.Errorf("MatchDevice(%s, %v) = %s, want %s", tc.ip, tc.devices, got, tc.want)
			}
		})
	}
	if got := findings.MatchDevice(netip.Addr{}, []string{"203.0.113.5"}); got != findings.IPUnknown {
		t.Errorf("no address at all: %s, want unknown", got)
	}
}

func TestDeviceMatch(t *testing.T) {
	t.Parallel()
	devices := []string{"203.0.113.5", "2001:db8:0:1::1"}
	for name, tc := range map[string]struct {
		remotes []string
		want    findings.IPMatch
	}{
		"none":                 {nil, findings.IPUnknown},
		"only empty":           {[]string{""}, findings.IPUnknown},
		"all at home":          {[]string{"203.0.113.5", "2001:db8:0:1::77", ""}, findings.IPSame},
		"one elsewhere":        {[]string{"203.0.113.5", "198.51.100.9"}, findings.IPMismatch},
		"elsewhere first":      {[]string{"198.51.100.9", "10.0.0.1"}, findings.IPMismatch},
		"one cannot be judged": {[]string{"203.0.113.5", "10.0.0.1"}, findings.IPUnknown},
	} {
		f := &findings.Finding{}
		for _, r := range tc.remotes {
			ip, _ := netip.ParseAddr(r)
			f.Remote = append(f.Remote, findings.Remote{IP: ip})
		}
		if got := f.DeviceMatch(devices); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}
