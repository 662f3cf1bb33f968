package awsir

import (
	"fmt"
	"strings"
	"time"

	"github.com/securitybot/securitybot/responders"
)

// tcpdumpFields are the parameters that become part of tcpdump's command line,
// each as a value of its own.
var tcpdumpFields = []string{"host", "port", "proto", "seconds", "packets", "megabytes"}

// uploadTime is what the rest of a capture may take to be stored.
const uploadTime = 10 * time.Minute

// tcpdumpKind captures packets. A capture has at most a thousand million bytes,
// so 64 parts of 16 MiB hold it.
func tcpdumpKind() hostKind {
	return hostKind{
		action: responders.TCPDump, tool: "tcpdump", artifact: KindPackets, file: "capture.pcap", partBytes: 16 << 20, parts: 64,
		params: func(p responders.Params) map[string]string {
			out := map[string]string{}
			for _, name := range tcpdumpFields {
				if p[name] != "" {
					out[name] = p[name]
				}
			}
			return out
		},
		lasts: func(p responders.Params) time.Duration { return number(p["seconds"])*time.Second + uploadTime },
		check: func(p responders.Params) error {
			if p["proto"] == "icmp" && p["port"] != "" {
				return responders.Refuse("ICMP has no ports: leave out port or proto.")
			}
			return nil
		},
		does: func(p responders.Params) string {
			what := "all packets"
			var only []string
			for _, name := range tcpdumpFields[:3] {
				if p[name] != "" {
					only = append(only, name+" "+p[name])
				}
			}
			if len(only) > 0 {
				what = "packets with " + strings.Join(only, ", ")
			}
			return fmt.Sprintf("capture %s on the host for at most %s seconds, %s packets and %s MB, and store them", what, p["seconds"], p["packets"], p["megabytes"])
		},
	}
}
