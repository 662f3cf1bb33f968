package awsfake_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	trailtypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func TestTablesRefuse(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.AddTable(hub, region, "t", "pk", "sk", "expires")
	db := dynamodb.NewFromConfig(config(c, c.User(hub, "bot")))
	row := func(pk, sk string) map[string]types.AttributeValue {
		return map[string]types.AttributeValue{"pk": str(pk), "sk": str(sk)}
	}
	put := func(change func(*dynamodb.PutItemInput)) error {
		in := &dynamodb.PutItemInput{TableName: aws.String("t"), Item: row("a", "b")}
		change(in)
		_, err := db.PutItem(t.Context(), in)
		return err
	}
	batch := func(rows ...map[string]types.AttributeValue) error {
		var all []types.WriteRequest
		for _, r := range rows {
			all = append(all, types.WriteRequest{PutRequest: &types.PutRequest{Item: r}})
		}
		_, err := db.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"t": all}})
		return err
	}
	var many []map[string]types.AttributeValue
	for i := range 26 {
		many = append(many, row("a", fmt.Sprint(i)))
	}
	if err := put(func(*dynamodb.PutItemInput) {}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"no such table":     {put(func(in *dynamodb.PutItemInput) { in.TableName = aws.String("x") }), "ResourceNotFoundException"},
		"no sort key":       {put(func(in *dynamodb.PutItemInput) { delete(in.Item, "sk") }), "ValidationException"},
		"empty key":         {put(func(in *dynamodb.PutItemInput) { in.Item["sk"] = str("") }), "ValidationException"},
		"too large":         {put(func(in *dynamodb.PutItemInput) { in.Item["x"] = str(string(make([]byte, 401<<10))) }), "ValidationException"},
		"condition fails":   {put(func(in *dynamodb.PutItemInput) { in.ConditionExpression = aws.String("attribute_not_exists(pk)") }), "ConditionalCheckFailedException"},
		"condition unknown": {put(func(in *dynamodb.PutItemInput) { in.ConditionExpression = aws.String("size(pk) > :n") }), "ValidationException"},
		"expires as text":   {put(func(in *dynamodb.PutItemInput) { in.Item["expires"] = str("tomorrow") }), "ValidationException"},
		"26 at once":        {batch(many...), "ValidationException"},
		"twice at once":     {batch(row("a", "x"), row("a", "x")), "ValidationException"},
	} {
		if code(tc.err) != tc.want {
			t.Errorf("%s: %v, want %s", name, tc.err, tc.want)
		}
	}
}

func TestTheEventHistoryRefuses(t *testing.T) {
	t.Parallel()
	c := start(t)
	trail := cloudtrail.NewFromConfig(config(c, c.User(hub, "bot")))
	by := func(key, value string) trailtypes.LookupAttribute {
		return trailtypes.LookupAttribute{AttributeKey: trailtypes.LookupAttributeKey(key), AttributeValue: aws.String(value)}
	}
	now := time.Now()
	for name, tc := range map[string]struct {
		in   cloudtrail.LookupEventsInput
		want string
	}{
		"by address":  {cloudtrail.LookupEventsInput{LookupAttributes: []trailtypes.LookupAttribute{by("SourceIPAddress", "192.0.2.1")}}, "InvalidLookupAttributesException"},
		"by two":      {cloudtrail.LookupEventsInput{LookupAttributes: []trailtypes.LookupAttribute{by("Username", "a"), by("EventName", "b")}}, "InvalidLookupAttributesException"},
		"51 at once":  {cloudtrail.LookupEventsInput{MaxResults: aws.Int32(51)}, "InvalidMaxResultsException"},
		"backwards":   {cloudtrail.LookupEventsInput{StartTime: aws.Time(now), EndTime: aws.Time(now.Add(-time.Hour))}, "InvalidTimeRangeException"},
		"wrong token": {cloudtrail.LookupEventsInput{NextToken: aws.String("x")}, "InvalidNextTokenException"},
		"everything":  {cloudtrail.LookupEventsInput{}, ""},
	} {
		if _, err := trail.LookupEvents(t.Context(), &tc.in); code(err) != tc.want {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
}

func TestLoadBalancersRefuse(t *testing.T) {
	t.Parallel()
	c := start(t)
	lb := elb.NewFromConfig(config(c, c.User(hub, "bot")))
	none := aws.String("arn:aws:elasticloadbalancing:eu-west-1:" + hub + ":x/y")
	_, size := lb.DescribeLoadBalancers(t.Context(), &elb.DescribeLoadBalancersInput{PageSize: aws.Int32(401)})
	_, marker := lb.DescribeLoadBalancers(t.Context(), &elb.DescribeLoadBalancersInput{Marker: aws.String("x")})
	_, listeners := lb.DescribeListeners(t.Context(), &elb.DescribeListenersInput{LoadBalancerArn: none})
	_, attributes := lb.DescribeTargetGroupAttributes(t.Context(), &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: none})
	_, health := lb.DescribeTargetHealth(t.Context(), &elb.DescribeTargetHealthInput{TargetGroupArn: none})
	for i, tc := range []struct {
		err  error
		want string
	}{{size, "ValidationError"}, {marker, "ValidationError"}, {listeners, "LoadBalancerNotFound"}, {attributes, "TargetGroupNotFound"}, {health, "TargetGroupNotFound"}} {
		if code(tc.err) != tc.want {
			t.Errorf("%d: %v, want %s", i, tc.err, tc.want)
		}
	}
}
