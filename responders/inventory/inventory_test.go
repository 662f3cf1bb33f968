package inventory_test

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/securitybot/securitybot/findings/enrich"
	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders/inventory"
)

const (
	hub    = "111122223333"
	member = "444455556666"
	region = "eu-west-1"
	web    = "i-0aaaaaaaaaaaaaaa1"
)

type reader struct{ sessions *awsrole.Sessions }

func (r reader) Reader(ctx context.Context, account, region string) (aws.Config, error) {
	return r.sessions.Config(ctx, awsrole.Request{Account: account, Region: region, Role: "read", Session: "look-up"})
}

// start is an organization of two accounts with a role that may do what
// Permissions says.
func start(t *testing.T, now func() time.Time) (*awsfake.Cloud, *inventory.Inventory) {
	t.Helper()
	c := awsfake.New()
	t.Cleanup(c.Close)
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["` + strings.Join(inventory.Permissions(), `","`) + `"],"Resource":"*"}]}`
	for _, a := range []string{hub, member} {
		c.AddRole(awsfake.Role{Account: a, Name: "ir-read", Trusts: []string{hub}, Policy: policy})
	}
	k := c.User(hub, "bot")
	s, err := awsrole.New(aws.Config{Region: region, BaseEndpoint: &c.URL, HTTPClient: &http.Client{},
		Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, "")}, awsrole.Config{Roles: map[string]string{"read": "ir-read"}})
	if err != nil {
		t.Fatal(err)
	}
	return c, inventory.New(reader{s}, []inventory.Place{{hub, region}, {member, region}, {member, "us-east-1"}}, now)
}

func TestTheStateOfAnInstance(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c, i := start(t, func() time.Time { return now })
	c.AddInstance(member, region, awsfake.Instance{ID: web})
	want := func(id, want string) {
		t.Helper()
		if got, err := i.State(t.Context(), member, region, id); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", id, got, err, want)
		}
	}
	want(web, "running")
	want("i-0aaaaaaaaaaaaaaa9", inventory.Terminated) // EC2 does not know it any more
	c.Terminate(member, region, web)
	want(web, "running") // asked a moment ago
	if n := len(c.CallsOf("ec2", "DescribeInstances")); n != 2 {
		t.Errorf("%d calls", n)
	}
	now = now.Add(time.Minute)
	want(web, "terminated")
	if len(c.Writes()) != 0 {
		t.Error("it wrote")
	}
}

func TestWithoutAnAnswerTheStateIsUnknown(t *testing.T) {
	t.Parallel()
	c, i := start(t, nil)
	c.AddInstance(member, region, awsfake.Instance{ID: web})
	for name, q := range map[string][3]string{
		"malformed": {member, region, "i-x"}, "no instance": {member, region, ""}, "no account": {"", region, web},
		"an account without our role": {"777788889999", region, web},
	} {
		if got, err := i.State(t.Context(), q[0], q[1], q[2]); !errors.Is(err, enrich.ErrUnavailable) || got != "" {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	c.Next("ec2", "", 1, awsfake.Denied())
	if _, err := i.State(t.Context(), member, region, web); !errors.Is(err, enrich.ErrUnavailable) {
		t.Errorf("denied: %v", err)
	}
	if got, err := i.State(t.Context(), member, region, web); err != nil || got != "running" {
		t.Errorf("a failure is remembered: %q %v", got, err)
	}
}

func TestWhoHoldsAnAddress(t *testing.T) {
	t.Parallel()
	c, i := start(t, nil)
	c.AddInstance(member, "us-east-1", awsfake.Instance{ID: web, Bare: true})
	eni := c.AddInterface(member, "us-east-1", awsfake.Interface{Instance: web, PrivateIP: "10.0.0.5", PublicIP: "198.51.100.7", IPv6: "2001:db8::5"})
	twin := c.AddInterface(hub, region, awsfake.Interface{PrivateIP: "10.0.0.5"})
	c.AddAddress(hub, region, awsfake.Address{IP: "198.51.100.8"})
	at := func(account, region, eni, instance string, public bool) inventory.Holding {
		return inventory.Holding{Place: inventory.Place{Account: account, Region: region}, Interface: eni, Instance: instance, Public: public}
	}
	for ip, want := range map[string][]inventory.Holding{
		"198.51.100.7":        {at(member, "us-east-1", eni, web, true)},
		"::ffff:198.51.100.7": {at(member, "us-east-1", eni, web, true)},
		"2001:db8::5":         {at(member, "us-east-1", eni, web, true)},
		"10.0.0.5":            {at(hub, region, twin, "", false), at(member, "us-east-1", eni, web, false)},
		"198.51.100.8":        {at(hub, region, "", "", true)},
		"203.0.113.1":         nil,
	} {
		got, err := i.Holders(t.Context(), netip.MustParseAddr(ip))
		for n := range got {
			got[n].VPC = ""
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %+v %v, want %+v", ip, got, err, want)
		}
	}
}

func TestAPlaceThatDoesNotAnswerIsNamed(t *testing.T) {
	t.Parallel()
	c, i := start(t, nil)
	eni := c.AddInterface(hub, region, awsfake.Interface{PrivateIP: "10.0.0.5"})
	f := awsfake.Denied()
	f.Account = member
	c.Next("ec2", "", -1, f)
	got, err := i.Holders(t.Context(), netip.MustParseAddr("10.0.0.5"))
	if len(got) != 1 || got[0].Interface != eni || err == nil || !strings.Contains(err.Error(), member+" us-east-1") {
		t.Errorf("%+v %v", got, err)
	}
}
