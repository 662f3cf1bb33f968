package awsfake

// Address is an elastic IP address.
type Address struct {
	IP        string
	Interface string // id of what has it; empty when nothing has
}

// addressState is the elastic addresses of one account and region.
type addressState struct{ all []Address }

// AddAddress allocates an elastic address.
func (c *Cloud) AddAddress(account, region string, a Address) {
	c.with(func() {
		s := stateOf[addressState](c, account, region)
		s.all = append(s.all, a)
	})
}

func ec2Addresses() map[string]operation {
	return map[string]operation{"DescribeAddresses": {run: describeAddresses}}
}

func describeAddresses(c *Cloud, r *request) (any, error) {
	type wire struct {
		IP        string `xml:"publicIp"`
		Domain    string `xml:"domain"`
		Interface string `xml:"networkInterfaceId,omitempty"`
		Instance  string `xml:"instanceId,omitempty"`
	}
	var out struct {
		All []wire `xml:"addressesSet>item"`
	}
	for _, a := range stateOf[addressState](c, r.Account, r.Region).all {
		ok, err := matches(r.filters(), map[string][]string{"public-ip": {a.IP}, "network-interface-id": {a.Interface}}, nil)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		w := wire{IP: a.IP, Domain: "vpc", Interface: a.Interface}
		if e := r.ec2(c).interfaces[a.Interface]; e != nil {
			w.Instance = e.Instance
		}
		out.All = append(out.All, w)
	}
	return out, nil
}
