package lookupfake

import (
	"net/netip"
	"time"
)

// Host is what the sources know about an address. Empty fields are unknown.
type Host struct {
	ASN        int
	ASName     string
	Prefix     string // as announced
	Origin     string // what Team Cymru answers, when it does not follow from the rest
	Country    string
	Holder     string // at the registry
	Abuse      string // e-mail address at the registry
	Names      []string
	Tor        bool
	SBL        string // listed in DROP, under this id
	AWSService string
	AWSRegion  string
	Ports      []int
	Vulns      []string
	Noise      string // classification at GreyNoise
	NoiseName  string
	Riot       bool
	Malicious  int // engines at VirusTotal
	Harmless   int
	Reports    int // at AbuseIPDB
	Confidence int
	Scans      int // at urlscan
}

// Name is what the sources know about a domain.
type Name struct {
	Registered time.Time
	Registrar  string
	Servers    []string
	Addresses  []string // A and AAAA
	Mail       []string
	Text       []string
	Alias      string
	Malicious  int
	Harmless   int
	Scans      int
	ScanBad    bool // urlscan calls it malicious
}

// AddHost tells the sources about an address.
func (s *Server) AddHost(ip string, h Host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts[netip.MustParseAddr(ip)] = h
	s.version++
}

// AddName tells the sources about a domain.
func (s *Server) AddName(name string, n Name) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[name] = n
}

func (s *Server) host(ip string) (Host, bool) {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return Host{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.hosts[a]
	return h, ok
}

func (s *Server) name(n string) (Name, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	got, ok := s.names[n]
	return got, ok
}

// network is the announced prefix of a host, or the host alone.
func (h Host) network(a netip.Addr) netip.Prefix {
	if p, err := netip.ParsePrefix(h.Prefix); err == nil {
		return p.Masked()
	}
	return netip.PrefixFrom(a, a.BitLen())
}
