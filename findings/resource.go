package findings

import (
	"slices"
	"strings"
)

func (r *wireResource) fill(f *Finding) {
	f.ResourceType = string(r.Type)
	if f.ResourceType == "" {
		f.ResourceType = r.guessType()
	}
	if r.Key.ok {
		k := r.Key.v
		f.Principal = principal(string(k.UserType), string(k.PrincipalID), string(k.UserName), string(k.KeyID))
	} else if r.K8s.ok && r.K8s.v.User.ok {
		u := r.K8s.v.User.v
		f.Principal = Principal{Type: "Kubernetes", ID: clip(string(u.UID), maxName), Name: clip(string(u.Name), maxName)}
		if len(u.Sessions) > 0 {
			f.Principal.Session = clip(u.Sessions[0], maxName)
		}
	} else if r.RDSUser.ok && r.RDSUser.v.User != "" {
		f.Principal = Principal{Type: "Database", Name: clip(string(r.RDSUser.v.User), maxName)}
	}
	if r.Instance.ok {
		r.Instance.v.fill(f)
	}
	r.names(f)
	f.Tags = r.tags(resourceType(f.ResourceType))
}

// guessType is used when resourceType is missing.
func (r *wireResource) guessType() string {
	switch {
	case r.Key.ok:
		return "AccessKey"
	case r.EKS.ok:
		return "EKSCluster"
	case r.ECS.ok:
		return "ECSCluster"
	case len(r.Buckets) > 0:
		return "S3Bucket"
	case r.Lambda.ok:
		return "Lambda"
	case r.RDS.ok:
		return "RDSDBInstance"
	case r.Instance.ok:
		return "Instance"
	case r.Container.ok:
		return "Container"
	}
	return ""
}

// names collects what is concerned, the best name of each.
func (r *wireResource) names(f *Finding) {
	for _, b := range r.Buckets {
		f.addResource(first(b.ARN, b.Name))
		for _, o := range b.Objects {
			f.addResource(first(o.ARN, o.Key))
		}
	}
	f.addResource(first(r.EKS.v.ARN, r.EKS.v.Name))
	f.addResource(first(r.ECS.v.ARN, r.ECS.v.Name))
	f.addResource(r.ECS.v.Task.v.ARN)
	f.addResource(first(r.Container.v.Image, r.Container.v.Name, r.Container.v.ID))
	f.addResource(first(r.K8s.v.Workload.v.Name))
	f.addResource(first(r.Lambda.v.ARN, r.Lambda.v.Name))
	f.addResource(first(r.RDS.v.ARN, r.RDS.v.ID, r.RDS.v.Cluster))
	f.addResource(first(r.Limitless.v.ARN, r.Limitless.v.ID))
	f.addResource(r.Volumes.v.ARN)
	f.addResource(r.Snapshot.v.ARN)
	f.addResource(r.Image.v.ARN)
	f.addResource(first(r.Recovery.v.ARN, r.Recovery.v.Vault))
	for _, m := range r.Models {
		f.addResource(m.ID)
	}
	if f.Instance.ID != "" {
		f.addResource(text(f.Instance.ID))
	}
}

func (f *Finding) addResource(s text) {
	if s == "" || len(f.Resources) >= maxResource || slices.Contains(f.Resources, string(s)) {
		return
	}
	f.Resources = append(f.Resources, clip(string(s), maxName))
}

// tags are those of the resource the finding is about, else of another one in
// it that has some: an instance or a cluster may only be the carrier.
func (r *wireResource) tags(kind string) []Tag {
	var bucket tagList
	for _, b := range r.Buckets {
		if len(b.Tags) > 0 {
			bucket = b.Tags
			break
		}
	}
	var own tagList
	switch kind {
	case "Instance":
		own = r.Instance.v.Tags
	case "EKSCluster":
		own = r.EKS.v.Tags
	}
	for _, t := range [...]tagList{own, bucket, r.ECS.v.Tags, r.EKS.v.Tags, r.Lambda.v.Tags, r.RDS.v.Tags, r.Limitless.v.Tags, r.Instance.v.Tags} {
		if len(t) > 0 {
			return t
		}
	}
	return nil
}

func (i *wireInstance) fill(f *Finding) {
	f.Instance = Instance{
		ID: clip(string(i.ID), 128), State: strings.ToLower(clip(string(i.State), 32)), ImageID: clip(string(i.Image), 128),
		Type: clip(string(i.Type), 64), ProfileARN: clip(string(i.Profile.v.ARN), maxName),
	}
	for _, n := range i.NICs {
		if f.Instance.VPC == "" {
			f.Instance.VPC = clip(string(n.VPC), 128)
		}
		f.Instance.PublicIPs = addAddr(f.Instance.PublicIPs, string(n.Public))
		f.Instance.PrivateIPs = addAddr(f.Instance.PrivateIPs, string(n.Private))
		for _, p := range n.More {
			f.Instance.PrivateIPs = addAddr(f.Instance.PrivateIPs, string(p.Private))
		}
		for _, v6 := range n.V6 {
			f.Instance.PublicIPs = addAddr(f.Instance.PublicIPs, v6)
		}
	}
}

// addAddr adds an address once; what is no address is left out.
func addAddr(l []string, s string) []string {
	a := address(s)
	if !a.IsValid() || len(l) >= maxAddrs || slices.Contains(l, a.String()) {
		return l
	}
	return append(l, a.String())
}

// principal sorts out whose credentials these are. For a role the person is
// what follows the first colon of the principal id, and the user name is the
// role's; for a federated user it is account:name. Root has no session.
func principal(kind, id, user, key string) Principal {
	p := Principal{
		Type: principalType(kind), ID: clip(id, maxName), Name: clip(user, maxName), AccessKeyID: clip(key, 128),
	}
	switch p.Type {
	case "Root", "IAMUser", "AWSAccount", "AWSService":
	default:
		if _, session, ok := strings.Cut(p.ID, ":"); ok {
			p.Session = session
		}
	}
	return p
}

// principalType gives CloudTrail's spelling of a user type.
func principalType(s string) string {
	switch squash(s) {
	case "root":
		return "Root"
	case "iamuser":
		return "IAMUser"
	case "assumedrole":
		return "AssumedRole"
	case "role":
		return "Role"
	case "federateduser":
		return "FederatedUser"
	case "awsaccount":
		return "AWSAccount"
	case "awsservice":
		return "AWSService"
	}
	return clip(s, 64)
}

// fill takes what an attack sequence says in its own words: it has no action
// and no classic resource.
func (d *wireDetect) fill(f *Finding) {
	s := d.Sequence.v
	if len(s.Actors) > 0 && s.Actors[0].User.ok && f.Principal == (Principal{}) {
		u := s.Actors[0].User.v
		f.Principal = principal(string(u.Type), string(u.UID), string(u.Name), string(u.Credential))
	}
	for _, e := range s.Endpoints {
		f.addEndpoint(e)
	}
	for _, r := range s.Resources {
		f.addResource(first(r.UID, r.Name))
		if len(f.Tags) == 0 {
			f.Tags = r.Tags
		}
		if id := string(r.UID); resourceType(string(r.Type)) == "Instance" && f.Instance.ID == "" {
			id = id[strings.LastIndexAny(id, "/:")+1:]
			if strings.HasPrefix(id, "i-") {
				f.Instance.ID = clip(id, 128)
			}
		}
	}
	for _, i := range s.Indicators {
		if i.Key == "HIGH_RISK_API" && f.API == "" {
			f.API = strings.Join(i.Values[:min(len(i.Values), maxAPIs)], ",")
			f.API = clip(f.API, maxText)
		}
	}
}

func (f *Finding) addEndpoint(e wireEndpoint) {
	w := wireRemote{V4: e.IP, City: e.Location.v.City, Land: e.Location.v.Country}
	if e.AS.ok {
		w.Org.ok = true
		w.Org.v.ASN, w.Org.v.ASNOrg = e.AS.v.Number, e.AS.v.Name
	}
	if f.Direction == "" {
		f.Direction = strings.ToUpper(clip(string(e.Connection.v.Direction), 32))
	}
	f.addRemote(w, e.Port)
}
