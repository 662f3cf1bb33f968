package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// parallel is how many places are asked at a time.
const parallel = 16

// Holding says which of our things has an address now. Who had it before is
// another question.
type Holding struct {
	Place
	Interface string // id; empty for an elastic address that is not attached
	Instance  string // id; empty when the interface is not an instance's
	About     string // what the interface says it is for
	VPC       string
	Public    bool // the address is a public one
}

// Holders asks all places which of our interfaces has an address. Private
// addresses may well have several. When a place could not be asked the error
// says so and the others' answers are there all the same.
func (i *Inventory) Holders(ctx context.Context, ip netip.Addr) ([]Holding, error) {
	ip = ip.Unmap().WithZone("")
	var mu sync.Mutex
	var out []Holding
	var errs []error
	var group sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for _, p := range i.places {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found, err := i.holders(ctx, p, ip)
			mu.Lock()
			defer mu.Unlock()
			out = append(out, found...)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s %s: %w", p.Account, p.Region, err))
			}
		})
	}
	group.Wait()
	slices.SortFunc(out, func(a, b Holding) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Interface, b.Interface))
	})
	return out, errors.Join(errs...)
}

func (i *Inventory) holders(ctx context.Context, p Place, ip netip.Addr) ([]Holding, error) {
	cfg, err := i.sessions.Reader(ctx, p.Account, p.Region)
	if err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	c := ec2.NewFromConfig(cfg)
	var out []Holding
	for _, filter := range filters(ip) {
		pages := ec2.NewDescribeNetworkInterfacesPaginator(c, &ec2.DescribeNetworkInterfacesInput{
			Filters: []types.Filter{{Name: aws.String(filter), Values: []string{ip.String()}}}, MaxResults: aws.Int32(100)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return out, fmt.Errorf("describe network interfaces: %w", err)
			}
			for _, n := range page.NetworkInterfaces {
				h := Holding{Place: p, Interface: aws.ToString(n.NetworkInterfaceId), About: aws.ToString(n.Description), VPC: aws.ToString(n.VpcId), Public: filter != privateFilter}
				if n.Attachment != nil {
					h.Instance = aws.ToString(n.Attachment.InstanceId)
				}
				out = append(out, h)
			}
		}
	}
	if len(out) > 0 || ip.Is6() || private(ip) {
		return out, nil
	}
	// An elastic address that is ours without being attached is still ours.
	addresses, err := c.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: []types.Filter{{Name: aws.String("public-ip"), Values: []string{ip.String()}}}})
	if err != nil {
		return out, fmt.Errorf("describe addresses: %w", err)
	}
	for _, a := range addresses.Addresses {
		out = append(out, Holding{Place: p, Interface: aws.ToString(a.NetworkInterfaceId), Instance: aws.ToString(a.InstanceId), Public: true})
	}
	return out, nil
}

const privateFilter = "addresses.private-ip-address"

// filters are those of DescribeNetworkInterfaces that find an address. One in a
// private range is never associated as a public one.
func filters(ip netip.Addr) []string {
	switch {
	case ip.Is6():
		return []string{"ipv6-addresses.ipv6-address"}
	case private(ip):
		return []string{privateFilter}
	}
	return []string{"addresses.association.public-ip", privateFilter} // a VPC may use public addresses inside
}

func private(ip netip.Addr) bool { return ip.IsPrivate() || ip.IsLinkLocalUnicast() }
