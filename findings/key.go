package findings

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Key identifies the finding among all findings of all accounts, whatever its
// version: "gd:<account>:<region>:<detector>:<id>", and the kind in place of gd
// for what is not a GuardDuty finding. Every part is written so that it cannot
// hold a colon, a space or any other special character; two different findings
// never share a key.
func (f *Finding) Key() string {
	b := make([]byte, 0, 128)
	if f.Kind == KindFinding || f.Kind == "" {
		b = append(b, "gd"...)
	} else {
		b = appendSafe(b, string(f.Kind))
	}
	region := f.Region
	if f.Kind == KindAnnouncement {
		region = "" // one announcement goes out by the topic of every Region
	}
	for _, part := range []string{f.Account, region, f.Detector, f.ID} {
		b = append(b, ':')
		b = appendSafe(b, part)
	}
	return string(b)
}

// appendSafe appends s with every byte outside letters, digits and "-_./"
// written as a percent sign and two hex digits.
func appendSafe(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '/':
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// CauseKey is the same for findings with different ids that one act caused, as
// far as that is known for certain, and empty otherwise:
//
//   - the root user's findings of one type in one account, of which every use
//     makes a new one, whatever session they came from;
//   - findings of one type about one principal and access key, where the call
//     went to a service that has no Region: GuardDuty sees those in every
//     Region it watches.
func (f *Finding) CauseKey() string {
	if f.Kind != KindFinding && f.Kind != "" || f.Account == "" {
		return ""
	}
	b := appendSafe(append(make([]byte, 0, 160), "cause:"...), f.Account)
	b = appendSafe(append(b, ':'), f.Type)
	switch {
	case f.Principal.Type == "Root" && strings.Contains(f.Type, ":IAMUser/"):
		return string(append(b, ":root"...))
	case f.Principal.ID != "" && f.global():
		b = appendSafe(append(b, ':'), f.Principal.ID)
		return string(appendSafe(append(b, ':'), f.Principal.AccessKeyID))
	}
	return ""
}

// global reports whether the finding is about calls to services that are the
// same in every Region.
func (f *Finding) global() bool {
	if f.API == "" || strings.Contains(f.Type, "AttackSequence") {
		return false
	}
	for api := range strings.SplitSeq(f.API, ",") {
		service, _, _ := strings.Cut(api, ":")
		switch service {
		case "iam", "sts", "signin", "organizations", "account", "sso":
		default:
			return false
		}
	}
	return true
}

// Newer reports whether f is a later state of the same finding than one last
// updated at updatedAt that had occurred count times. The time decides, the
// count only between equal times: deliveries repeat and come out of order.
func (f *Finding) Newer(updatedAt time.Time, count int) bool {
	if !f.UpdatedAt.Equal(updatedAt) {
		return f.UpdatedAt.After(updatedAt)
	}
	return f.Count > count
}

// Level is the band of the finding's severity.
func (f *Finding) Level() Level { return LevelOf(f.Severity) }

// RemoteIP is the first address at the other end, or the zero Addr.
func (f *Finding) RemoteIP() netip.Addr {
	for _, r := range f.Remote {
		if r.IP.IsValid() {
			return r.IP
		}
	}
	return netip.Addr{}
}

// RemoteIPs are all addresses at the other end, each once.
func (f *Finding) RemoteIPs() []netip.Addr {
	var l []netip.Addr
	for _, r := range f.Remote {
		if r.IP.IsValid() && !slices.Contains(l, r.IP) {
			l = append(l, r.IP)
		}
	}
	return l
}

// RemotePorts are the ports at the other end, each once, smallest first.
func (f *Finding) RemotePorts() []int {
	var l []int
	for _, r := range f.Remote {
		if r.Port != 0 {
			l = append(l, r.Port)
		}
	}
	slices.Sort(l)
	return slices.Compact(l)
}

// Ports are the ports that tell what was going on: the far one of an outgoing
// connection, else our own.
func (f *Finding) Ports() []int {
	if f.Direction == "OUTBOUND" {
		return f.RemotePorts()
	}
	l := slices.Clone(f.LocalPorts)
	slices.Sort(l)
	return l
}

// PrincipalName is the shortest name that tells people apart: the session of
// an assumed role, else the user's or role's name, else the id.
func (f *Finding) PrincipalName() string {
	return first(f.Principal.Session, f.Principal.Name, f.Principal.ID)
}
