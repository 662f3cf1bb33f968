package awsir

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	classic "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/securitybot/securitybot/responders"
)

// Classic load balancers know instances by their ids and have no ports for
// them; they have an API of their own.

// maxClassic bounds how many pages of classic load balancers are looked at.
const maxClassic = 20

// classics names the classic load balancers that send traffic to the instance.
func (v *visit) classics(ctx context.Context) ([]string, error) {
	c, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	pages := classic.NewDescribeLoadBalancersPaginator(c.classic, &classic.DescribeLoadBalancersInput{PageSize: aws.Int32(400)})
	for n := 0; pages.HasMorePages(); n++ {
		if n == maxClassic {
			return nil, tooMany(fmt.Sprintf("there are more than %d pages of them", maxClassic))
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe classic load balancers: %w", err)
		}
		for _, b := range page.LoadBalancerDescriptions {
			for _, i := range b.Instances {
				if aws.ToString(i.InstanceId) == v.job.Target.Instance {
					out = append(out, aws.ToString(b.LoadBalancerName))
				}
			}
		}
	}
	return out, nil
}

// deregisterClassic takes the instance out of a classic load balancer. One that
// is not in it is done.
func (v *visit) deregisterClassic(ctx context.Context, name string) error {
	c, err := v.write(ctx, v.mayClassic(name, "DeregisterInstancesFromLoadBalancer"))
	if err != nil {
		return err
	}
	err = v.try("elasticloadbalancing:DeregisterInstancesFromLoadBalancer", func() (middleware.Metadata, error) {
		out, err := c.classic.DeregisterInstancesFromLoadBalancer(ctx, &classic.DeregisterInstancesFromLoadBalancerInput{LoadBalancerName: &name, Instances: v.classicInstances()})
		if err != nil {
			return middleware.Metadata{}, err
		}
		return out.ResultMetadata, nil
	})
	if err != nil && !isCode(err, "InvalidInstance", "InvalidEndPoint", "LoadBalancerNotFound") {
		v.still("It is still registered in the classic load balancer %s (%s).", name, errorCode(err))
	}
	return nil
}

// registerClassic puts the instance back; twice is harmless.
func (v *visit) registerClassic(ctx context.Context, name string) error {
	c, err := v.write(ctx, v.mayClassic(name, "RegisterInstancesWithLoadBalancer"))
	if err != nil {
		return err
	}
	err = v.once("elasticloadbalancing:RegisterInstancesWithLoadBalancer", func() (middleware.Metadata, error) {
		out, err := c.classic.RegisterInstancesWithLoadBalancer(ctx, &classic.RegisterInstancesWithLoadBalancerInput{LoadBalancerName: &name, Instances: v.classicInstances()})
		if err != nil {
			return middleware.Metadata{}, err
		}
		return out.ResultMetadata, nil
	})
	switch {
	case err != nil && !final(err):
		return fmt.Errorf("register in %s: %w", name, err)
	case err != nil:
		v.still("It is not registered in the classic load balancer %s again (%s).", name, errorCode(err))
	}
	return nil
}

func (v *visit) classicInstances() []types.Instance {
	return []types.Instance{{InstanceId: &v.job.Target.Instance}}
}

func (v *visit) mayClassic(name, action string) responders.Permission {
	prefix, _, _ := strings.Cut(v.arn("", ""), ":ec2:")
	return may([]string{prefix + ":elasticloadbalancing:" + v.job.Target.Region + ":" + v.job.Target.Account + ":loadbalancer/" + name}, "elasticloadbalancing:"+action)
}
