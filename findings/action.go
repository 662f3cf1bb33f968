package findings

import (
	"slices"
	"strings"
)

func (a *wireAction) fill(f *Finding) {
	f.Action = clip(string(a.Type), 64)
	switch {
	case a.API.ok:
		a.API.v.fill(f)
		f.Action = first(f.Action, "AWS_API_CALL")
	case a.Network.ok:
		a.Network.v.fill(f)
		f.Action = first(f.Action, "NETWORK_CONNECTION")
	case a.PortProbe.ok:
		f.Action = first(f.Action, "PORT_PROBE")
		f.Blocked = bool(a.PortProbe.v.Blocked)
		for _, p := range a.PortProbe.v.Probes {
			f.addLocalPort(p.Local.v.Port)
			if p.Remote.ok {
				f.addRemote(p.Remote.v, number{})
			}
		}
	case a.DNS.ok:
		f.Action = first(f.Action, "DNS_REQUEST")
		f.Domain, f.Blocked = clip(string(a.DNS.v.Domain), 255), bool(a.DNS.v.Blocked)
	case a.K8s.ok:
		a.K8s.v.fill(f)
		f.Action = first(f.Action, "KUBERNETES_API_CALL")
	case a.RDS.ok:
		f.Action = first(f.Action, "RDS_LOGIN_ATTEMPT")
		if a.RDS.v.Remote.ok {
			f.addRemote(a.RDS.v.Remote.v, number{})
		}
	}
	if a.Remote.ok {
		f.addRemote(a.Remote.v, number{})
	}
}

func (a *wireAPI) fill(f *Finding) {
	f.API = apiName(string(a.Service), string(a.API))
	f.ErrorCode = clip(string(a.Error), 128)
	f.UserAgent = clip(string(a.UserAgent), maxName)
	if a.Domain.ok {
		f.Domain = clip(string(a.Domain.v.Domain), 255)
	}
	if a.Remote.ok {
		f.addRemote(a.Remote.v, number{})
	}
	if acct := accountID(string(a.Account.v.ID)); acct != "" {
		if len(f.Remote) == 0 {
			f.Remote = append(f.Remote, Remote{})
		}
		f.Remote[0].Account = acct
	}
}

// apiName writes "iam.amazonaws.com" and "CreateUser" as "iam:CreateUser".
func apiName(service, op string) string {
	if op == "" {
		return ""
	}
	service, _, _ = strings.Cut(service, ".")
	if service == "" {
		return clip(op, 128)
	}
	return clip(service, 64) + ":" + clip(op, 128)
}

// anomalousAPIs adds to primary the calls of "iam:[CreateUser:success ,
// PutRolePolicy:AccessDenied] , ec2:[RunInstances:success]".
func anomalousAPIs(primary, s string) string {
	var apis []string
	if primary != "" {
		apis = append(apis, primary)
	}
	for s != "" && len(apis) < maxAPIs {
		open := strings.IndexByte(s, '[')
		if open < 0 {
			break
		}
		service := strings.Trim(s[:open], " ,:")
		inside, rest, _ := strings.Cut(s[open+1:], "]")
		s = rest
		for call := range strings.SplitSeq(inside, ",") {
			op, _, _ := strings.Cut(strings.TrimSpace(call), ":")
			if n := apiName(service, op); n != "" && !slices.Contains(apis, n) && len(apis) < maxAPIs {
				apis = append(apis, n)
			}
		}
	}
	return strings.Join(apis, ",")
}

func (n *wireNet) fill(f *Finding) {
	f.Direction = strings.ToUpper(clip(string(n.Direction), 32))
	f.Blocked = bool(n.Blocked)
	f.addLocalPort(n.Local.v.Port)
	if n.Remote.ok || n.Port.ok {
		f.addRemote(n.Remote.v, n.Port.v.Port)
	}
}

func (k *wireK8s) fill(f *Finding) {
	if k.Verb != "" {
		f.API = "kubernetes:" + clip(string(k.Verb), 64)
	}
	f.RequestURI = clip(string(k.URI), maxName)
	f.UserAgent = clip(string(k.UserAgent), maxName)
	if k.Remote.ok {
		f.addRemote(k.Remote.v, number{})
	}
	for _, s := range k.SourceIPs {
		f.addRemote(wireRemote{V4: text(s)}, number{})
	}
}

// addRemote adds an other end, unless nothing is known of it or its address
// and port are there already.
func (f *Finding) addRemote(w wireRemote, port number) {
	r := Remote{
		IP: address(string(w.V4)), Port: port.int(65535),
		City: clip(string(w.City), 128), Country: clip(string(w.Land), 128),
	}
	if !r.IP.IsValid() {
		r.IP = address(string(w.V6))
	}
	if w.Org.ok {
		o := w.Org.v
		r.ASN = clip(string(o.ASN), 32)
		r.Org = clip(string(first(o.Org, o.ASNOrg, o.ISP, o.Name)), 256)
	}
	if r == (Remote{}) || len(f.Remote) >= maxRemotes {
		return
	}
	for _, have := range f.Remote {
		if have.IP == r.IP && r.IP.IsValid() && have.Port == r.Port {
			return
		}
	}
	f.Remote = append(f.Remote, r)
}

func (f *Finding) addLocalPort(n number) {
	p := n.int(65535)
	if p == 0 || len(f.LocalPorts) >= maxPorts || slices.Contains(f.LocalPorts, p) {
		return
	}
	f.LocalPorts = append(f.LocalPorts, p)
}
