package portmap

import "time"

// Place is one account and region: what is scanned, published and trusted as a
// whole.
type Place struct {
	Account string `json:"account"` // 12 digits
	Region  string `json:"region"`
}

// String is account/region.
func (p Place) String() string { return p.Account + "/" + p.Region }

// Transport is what arrives at a target's port.
type Transport string

// The transports.
const (
	TCP Transport = "tcp"
	UDP Transport = "udp"
)

// Entry says that one port of an instance is a target of one listener.
type Entry struct {
	Instance  string    `json:"instance"`
	Port      int       `json:"port"` // on the instance, 1..65535
	Transport Transport `json:"transport"`

	Listener     string `json:"listener"` // ARN
	ListenerPort int    `json:"listener_port"`
	Protocol     string `json:"protocol"` // of the listener: TCP, TLS, UDP, TCP_UDP, QUIC, TCP_QUIC
	Balancer     string `json:"balancer"` // ARN
	TargetGroup  string `json:"target_group"`
	TargetType   string `json:"target_type"`       // instance, ip or alb
	Address      string `json:"address,omitempty"` // of an ip target
	State        string `json:"state,omitempty"`   // target health

	Internet   bool   `json:"internet"`      // the balancer is internet-facing
	KeepsIP    bool   `json:"keeps_ip"`      // the client's address reaches the instance
	Direct     bool   `json:"direct"`        // the port is, or may be, reachable past the balancer
	DirectInfo string `json:"why,omitempty"` // why Direct is set, in plain words
}

// Coverage says how the last scan of a place went.
type Coverage struct {
	Place
	Run      string    `json:"run"`               // names the last complete scan; empty when there was none
	Started  time.Time `json:"started"`           // what the entries say was true then
	Finished time.Time `json:"finished"`          // when it was published
	Entries  int       `json:"entries"`           // number of entries of the last complete scan
	Failure  string    `json:"failure,omitempty"` // why it is not complete; empty when it is
}

// Scan is the result of reading one place. A scan with a Failure has no
// entries; those of the last complete one stay, but nobody trusts them.
type Scan struct {
	Coverage
	Entries []Entry
}
