package awsir

import (
	"strings"
	"time"

	"github.com/securitybot/securitybot/responders"
)

// documentShape is what a document takes and how long it may run.
type documentShape struct {
	about  string
	limit  time.Duration // of the script; SSM ends it then
	params map[string]ssmParam
}

// The patterns of parameters. SSM checks them before a command is made, the
// agent before it runs, the script once more.
const (
	urlPattern   = `https://[A-Za-z0-9.-]+(:[0-9]+)?/[A-Za-z0-9/._~%?&=+:@!*()-]*`
	jobPattern   = `^[A-Za-z0-9]{8,64}$`
	hashPattern  = `^([0-9a-f]{64})?$`
	bytesPattern = `^[1-9][0-9]{0,9}$`
)

func documentShapes() map[responders.ID]documentShape {
	return map[responders.ID]documentShape{
		responders.OSQuery: {
			about: "answers a named set of osquery questions and stores the result in the evidence store.", limit: 20 * time.Minute,
			params: with(common(), map[string]ssmParam{
				"set": text("The set of questions.", "^("+strings.Join(responders.OSQuerySets, "|")+")$"),
				"put": text("Where the result goes; works once and expires.", "^"+urlPattern+"$"),
			}),
		},
		responders.Memory: {
			about: "stores the host's memory in the evidence store.", limit: 200 * time.Minute,
			params: with(common(), uploads(), map[string]ssmParam{
				"minutes": text("Give up after this many minutes.", `^([5-9]|[1-9][0-9]|1[0-7][0-9]|180)$`),
			}),
		},
		responders.TCPDump: {
			about: "captures packets and stores them in the evidence store.", limit: 60 * time.Minute,
			params: with(common(), uploads(), map[string]ssmParam{
				"host":      option("Only packets from or to this address or network.", `^([0-9a-f.:]{2,45}(/[0-9]{1,3})?)?$`),
				"port":      option("Only packets from or to this port.", `^([1-9][0-9]{0,4})?$`),
				"proto":     option("Only this protocol.", `^(tcp|udp|icmp)?$`),
				"seconds":   text("How long.", `^[1-9][0-9]{0,2}$`),
				"packets":   text("At most this many packets.", `^[1-9][0-9]{0,6}$`),
				"megabytes": text("At most this many million bytes.", `^[1-9][0-9]{0,3}$`),
			}),
		},
	}
}

func common() map[string]ssmParam {
	return map[string]ssmParam{
		"job":        text("The job, for the receipt.", jobPattern),
		"toolUrl":    option("Where the tool is; empty to use the host's own.", "^("+urlPattern+")?$"),
		"toolSha256": option("SHA-256 of the tool, hex.", hashPattern),
	}
}

func uploads() map[string]ssmParam {
	return map[string]ssmParam{
		"parts":     text("Where the list of addresses of the parts is.", "^"+urlPattern+"$"),
		"partBytes": text("Bytes of a part.", bytesPattern),
	}
}

func text(about, pattern string) ssmParam {
	return ssmParam{Type: "String", Description: about, AllowedPattern: pattern, InterpolationType: "ENV_VAR"}
}

func option(about, pattern string) ssmParam {
	p := text(about, pattern)
	p.Default = new(string)
	return p
}

func with(all ...map[string]ssmParam) map[string]ssmParam {
	out := map[string]ssmParam{}
	for _, m := range all {
		for name, p := range m {
			out[name] = p
		}
	}
	return out
}
