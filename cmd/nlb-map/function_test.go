package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders/portmap"
)

const (
	hub    = "999988887777"
	member = "111122223333"
	region = "eu-west-1"
)

// start is the function in a cloud with one member account.
func start(t *testing.T, change func(map[string]string)) (*awsfake.Cloud, *function, error) {
	t.Helper()
	c := awsfake.New()
	t.Cleanup(c.Close)
	c.AddTable(hub, region, "port-map", "pk", "sk", "expires")
	c.AddRole(awsfake.Role{Account: member, Name: "securitybot-read", Trusts: []string{hub}, ExternalID: "ext-1"})
	web := c.AddInstance(member, region, awsfake.Instance{})
	group := c.AddTargetGroup(member, region, awsfake.TargetGroup{Name: "web", Port: 8443, Targets: []awsfake.Target{{ID: web}}, VPC: "vpc-00000000000000001"})
	c.AddListener(member, region, awsfake.Listener{Balancer: c.AddLoadBalancer(member, region, awsfake.LoadBalancer{Name: "front"}), Port: 443, Forward: []string{group}})
	k := c.User(hub, "function")
	cfg := aws.Config{Region: region, BaseEndpoint: &c.URL, HTTPClient: &http.Client{}, Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, "")}
	env := map[string]string{envTable: "port-map", envExternal: "ext-1", envAccounts: "111122223333, 444455556666"}
	if change != nil {
		change(env)
	}
	f, err := newFunction(func(name string) (string, bool) { v, ok := env[name]; return v, ok }, cfg, slog.New(slog.DiscardHandler))
	return c, f, err
}

// coverage is what the table says of the member account.
func coverage(t *testing.T, c *awsfake.Cloud) portmap.Coverage {
	t.Helper()
	for _, row := range c.Items(hub, region, "port-map") {
		if row["pk"] == member+"/"+region && row["sk"] == "coverage" {
			var out portmap.Coverage
			if err := json.Unmarshal([]byte(row["body"]), &out); err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	return portmap.Coverage{}
}

func TestOneEventScansOnePlace(t *testing.T) {
	t.Parallel()
	c, f, err := start(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.handle(t.Context(), event{member, region})
	if err != nil || r.Complete != 1 || r.Entries != 1 {
		t.Errorf("%+v %v", r, err)
	}
	if got := coverage(t, c); got.Failure != "" || got.Entries != 1 {
		t.Errorf("%+v", got)
	}
}

func TestAScanThatTakesTooLongSaysSoInTime(t *testing.T) {
	t.Parallel()
	c, f, err := start(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Next("elasticloadbalancing", "", -1, awsfake.Hang())
	ctx, cancel := context.WithTimeout(t.Context(), publishing+time.Second)
	defer cancel()
	if _, err := f.handle(ctx, event{member, region}); err == nil || ctx.Err() != nil {
		t.Errorf("%v, %v", err, ctx.Err())
	}
	if got := coverage(t, c); got.Failure != "it took too long" {
		t.Errorf("%+v", got)
	}
}

func TestEventsThatAreRefused(t *testing.T) {
	t.Parallel()
	c, f, err := start(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]event{"empty": {}, "account": {"123", region}, "region": {member, "eu-west-1/../x"}, "another account": {"777788889999", region}} {
		if _, err := f.handle(t.Context(), e); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if n := len(c.Calls()); n != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestTheEnvironmentIsChecked(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{envTable: "", envAccounts: "", envFresh: "soon", envRole: "arn:aws:iam::111122223333:role/x", envExternal: "a b", envOwn: "own"} {
		if _, _, err := start(t, func(env map[string]string) { env[name] = value }); err == nil || strings.Contains(err.Error(), "%!") {
			t.Errorf("%s=%q: %v", name, value, err)
		}
	}
}

func TestTheTerraformModuleFitsTheFunction(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("../../deploy/terraform/nlb-map/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	module := string(src)
	actions := `"` + strings.Join(portmap.TablePermissions(), `", "`) + `"`
	for _, want := range []string{"[" + actions + "]", `"sts:AssumeRole"`, envTable, envRole, envExternal, envAccounts, envFresh,
		`name = "pk"`, `name = "sk"`, `attribute_name = "expires"`, "account = a, region = r"} {
		if !strings.Contains(module, want) {
			t.Errorf("the module does not have %s", want)
		}
	}
}
