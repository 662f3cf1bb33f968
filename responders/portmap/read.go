package portmap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"
)

// read asks one place's API for everything Build needs. Only reading calls are
// made. What is deleted while it reads is left out; everything else that fails
// is an error, because half a map would look like a whole one.
func read(ctx context.Context, cfg aws.Config) (View, error) {
	r := reader{elb: elb.NewFromConfig(cfg), view: View{TargetGroups: map[string]TargetGroup{}, Groups: map[string]SecurityGroup{}}}
	if err := r.balancers(ctx); err != nil {
		return View{}, fmt.Errorf("describe load balancers: %w", err)
	}
	if len(r.view.Balancers) == 0 {
		return r.view, nil
	}
	if err := r.allGroups(ctx); err != nil {
		return View{}, fmt.Errorf("describe target groups: %w", err)
	}
	for _, b := range r.view.Balancers {
		if err := r.listeners(ctx, b.ARN); err != nil {
			return View{}, err
		}
	}
	if err := readNetwork(ctx, cfg, &r.view); err != nil {
		return View{}, err
	}
	return r.view, nil
}

type reader struct {
	elb   *elb.Client
	view  View
	known map[string]types.TargetGroup // every target group of the place
}

func (r *reader) balancers(ctx context.Context) error {
	pages := elb.NewDescribeLoadBalancersPaginator(r.elb, &elb.DescribeLoadBalancersInput{PageSize: aws.Int32(400)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, b := range page.LoadBalancers {
			if b.Type != types.LoadBalancerTypeEnumNetwork || b.State != nil && b.State.Code == types.LoadBalancerStateEnumFailed {
				continue
			}
			r.view.Balancers = append(r.view.Balancers, Balancer{ARN: aws.ToString(b.LoadBalancerArn), Internet: b.Scheme == types.LoadBalancerSchemeEnumInternetFacing})
		}
	}
	return nil
}

// allGroups lists all target groups in one go, which costs far fewer calls than
// asking for those of each balancer.
func (r *reader) allGroups(ctx context.Context) error {
	r.known = map[string]types.TargetGroup{}
	pages := elb.NewDescribeTargetGroupsPaginator(r.elb, &elb.DescribeTargetGroupsInput{PageSize: aws.Int32(400)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, g := range page.TargetGroups {
			r.known[aws.ToString(g.TargetGroupArn)] = g
		}
	}
	return nil
}

// listeners reads the listeners of a balancer and what is behind them.
func (r *reader) listeners(ctx context.Context, balancer string) error {
	if slices.ContainsFunc(r.view.Listeners, func(l Listener) bool { return l.Balancer == balancer }) {
		return nil // an application load balancer behind two others
	}
	pages := elb.NewDescribeListenersPaginator(r.elb, &elb.DescribeListenersInput{LoadBalancerArn: &balancer, PageSize: aws.Int32(400)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if gone(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("describe listeners: %w", err)
		}
		for _, l := range page.Listeners {
			one := Listener{ARN: aws.ToString(l.ListenerArn), Balancer: balancer, Port: int(aws.ToInt32(l.Port)), Protocol: string(l.Protocol), TargetGroups: forwardsTo(l)}
			r.view.Listeners = append(r.view.Listeners, one)
			for _, arn := range one.TargetGroups {
				if err := r.targets(ctx, arn); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// forwardsTo lists the target groups that a listener's default actions send
// traffic to, in either of the two places where the API names them. Weight 0 is
// no traffic.
func forwardsTo(l types.Listener) []string {
	var out []string
	add := func(arn string) {
		if arn != "" && !slices.Contains(out, arn) {
			out = append(out, arn)
		}
	}
	for _, a := range l.DefaultActions {
		if a.Type != types.ActionTypeEnumForward {
			continue
		}
		if a.ForwardConfig == nil || len(a.ForwardConfig.TargetGroups) == 0 {
			add(aws.ToString(a.TargetGroupArn))
			continue
		}
		for _, g := range a.ForwardConfig.TargetGroups {
			if g.Weight == nil || *g.Weight > 0 {
				add(aws.ToString(g.TargetGroupArn))
			}
		}
	}
	return out
}

// targets reads one target group: its attributes and its targets.
func (r *reader) targets(ctx context.Context, arn string) error {
	raw, ok := r.known[arn]
	if _, done := r.view.TargetGroups[arn]; done || !ok {
		return nil
	}
	g := TargetGroup{ARN: arn, Type: string(raw.TargetType), Protocol: string(raw.Protocol), VPC: aws.ToString(raw.VpcId)}
	attributes, err := r.elb.DescribeTargetGroupAttributes(ctx, &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: &arn})
	if gone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("describe target group attributes: %w", err)
	}
	for _, a := range attributes.Attributes {
		if aws.ToString(a.Key) == "preserve_client_ip.enabled" {
			g.KeepsIP, _ = strconv.ParseBool(aws.ToString(a.Value)) // unreadable is no
		}
	}
	health, err := r.elb.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &arn})
	if gone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("describe target health: %w", err)
	}
	for _, h := range health.TargetHealthDescriptions {
		if h.Target == nil {
			continue
		}
		t := Target{ID: aws.ToString(h.Target.Id), Port: int(aws.ToInt32(h.Target.Port))}
		if h.TargetHealth != nil {
			t.State = string(h.TargetHealth.State)
		}
		g.Targets = append(g.Targets, t)
	}
	r.view.TargetGroups[arn] = g
	for _, t := range g.Targets {
		if g.Type == "alb" {
			if err := r.listeners(ctx, t.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// gone says that something was deleted between two calls.
func gone(err error) bool {
	var e smithy.APIError
	if !errors.As(err, &e) {
		return false
	}
	switch e.ErrorCode() {
	case "LoadBalancerNotFound", "TargetGroupNotFound":
		return true
	}
	return false
}
