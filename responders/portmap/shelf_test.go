package portmap_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/nodetest"
	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders/portmap"
)

const (
	hub    = "111122223333"
	region = "eu-west-1"
	table  = "port-map"
	web    = "i-0aaaaaaaaaaaaaaa1"
)

var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	here = portmap.Place{Account: "444455556666", Region: region}
)

func client(url string, k awsfake.Credentials) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{Region: region, BaseEndpoint: &url, HTTPClient: &http.Client{Timeout: 10 * time.Second},
		Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, k.SessionToken)})
}

// fakeTable is a table in a fake AWS.
func fakeTable(t *testing.T) (*portmap.Table, *awsfake.Cloud) {
	t.Helper()
	c := awsfake.New()
	t.Cleanup(c.Close)
	c.AddTable(hub, region, table, "pk", "sk", "expires")
	return portmap.NewTable(client(c.URL, c.User(hub, "bot")), table, 0), c
}

func redisShelf(t *testing.T, addr string) *portmap.Documents {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Addrs: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return portmap.NewDocuments(s, 0)
}

// dynalite is another implementation of DynamoDB (npm package dynalite): what
// our fake and our shelf agree on may be wrong in both.
func dynalite(t *testing.T) *portmap.Table {
	t.Helper()
	dir := filepath.Join(nodetest.Dir(t, "dynalite@4.0.0"), "node_modules", "dynalite")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, nodetest.Node(t), filepath.Join(dir, "cli.js"), "--port", strconv.Itoa(port), "--createTableMs", "0")
	cmd.Env = append(os.Environ(), "NODE_ENV=test")
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	c := client(fmt.Sprintf("http://127.0.0.1:%d", port), awsfake.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "example"})
	in := &dynamodb.CreateTableInput{TableName: aws.String(table), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: "S"}, {AttributeName: aws.String("sk"), AttributeType: "S"}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: "HASH"}, {AttributeName: aws.String("sk"), KeyType: "RANGE"}}}
	eventually(t, func() bool { _, err := c.CreateTable(t.Context(), in); return err == nil })
	eventually(t, func() bool {
		out, err := c.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(table)})
		return err == nil && out.Table.TableStatus == types.TableStatusActive
	})
	return portmap.NewTable(c, table, 0)
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}

func TestShelves(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) portmap.Shelf{
		"fake DynamoDB": func(t *testing.T) portmap.Shelf { s, _ := fakeTable(t); return s },
		"dynalite":      func(t *testing.T) portmap.Shelf { return dynalite(t) },
		"Redis":         func(t *testing.T) portmap.Shelf { return redisShelf(t, redistest.Start(t).Addr) },
		"miniredis":     func(t *testing.T) portmap.Shelf { return redisShelf(t, redistest.Mini(t).Addr()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			t.Run("entries come back", func(t *testing.T) { entriesComeBack(t, s) })
			t.Run("a failed scan", func(t *testing.T) { failedScan(t, s) })
			t.Run("an older scan", func(t *testing.T) { olderScan(t, s) })
			t.Run("claims", func(t *testing.T) { claims(t, s) })
		})
	}
}

// scan is a scan of a place with n instances, five ports each.
func scan(p portmap.Place, run string, at time.Time, n int) portmap.Scan {
	s := portmap.Scan{Coverage: portmap.Coverage{Place: p, Run: run, Started: at, Finished: at.Add(time.Second)}}
	for i := range n {
		for port := range 5 {
			s.Entries = append(s.Entries, portmap.Entry{Instance: fmt.Sprintf("i-%04d", i), Port: 8000 + port, Transport: portmap.TCP,
				ListenerPort: 443, Internet: true, KeepsIP: true, Listener: run})
		}
	}
	s.Coverage.Entries = len(s.Entries)
	return s
}

func place(region string) portmap.Place { return portmap.Place{Account: here.Account, Region: region} }

func publish(t *testing.T, s portmap.Shelf, x portmap.Scan) {
	t.Helper()
	if err := s.Publish(t.Context(), x); err != nil {
		t.Fatal(err)
	}
}

// look returns the coverage of a place and the ports of an instance.
func look(t *testing.T, s portmap.Shelf, p portmap.Place, instance string) (portmap.Coverage, bool, []portmap.Entry) {
	t.Helper()
	c, known, entries, err := s.Look(t.Context(), p, instance)
	if err != nil {
		t.Fatal(err)
	}
	return c, known, entries
}

func entriesComeBack(t *testing.T, s portmap.Shelf) {
	p := place("us-east-1")
	if _, known, _ := look(t, s, p, "i-0001"); known {
		t.Error("a place nobody scanned is known")
	}
	first := scan(p, "one", noon, 60) // several batches
	publish(t, s, first)
	c, known, entries := look(t, s, p, "i-0042")
	slices.SortFunc(entries, func(a, b portmap.Entry) int { return a.Port - b.Port })
	if !known || c.Run != "one" || !c.Started.Equal(noon) || c.Entries != 300 || !slices.Equal(entries, first.Entries[42*5:43*5]) {
		t.Errorf("known %v, %+v, %+v", known, c, entries)
	}
	if _, _, entries := look(t, s, p, "i-004"); len(entries) != 0 {
		t.Errorf("the beginning of a name finds %+v", entries)
	}
	// The next scan finds fewer: what is gone is gone at once.
	publish(t, s, scan(p, "two", noon.Add(time.Minute), 3))
	if c, _, entries := look(t, s, p, "i-0042"); c.Run != "two" || len(entries) != 0 {
		t.Errorf("after the next scan %+v %+v", c, entries)
	}
	if _, known, _ := look(t, s, place("us-west-2"), "i-0001"); known {
		t.Error("another region is known")
	}
}

func failedScan(t *testing.T, s portmap.Shelf) {
	p := place("eu-west-2")
	publish(t, s, scan(p, "good", noon, 2))
	bad := portmap.Scan{Coverage: portmap.Coverage{Place: p, Run: "bad", Started: noon.Add(time.Minute), Failure: "AWS answered Throttling"}}
	publish(t, s, bad)
	c, known, old := look(t, s, p, "i-0001")
	if !known || c.Failure != bad.Failure || c.Run != "good" || c.Entries != 10 || len(old) != 0 {
		t.Errorf("after a failure %v %+v, entries %+v", known, c, old)
	}
	publish(t, s, scan(p, "again", noon.Add(2*time.Minute), 2))
	if c, _, entries := look(t, s, p, "i-0001"); c.Failure != "" || len(entries) != 5 || entries[0].Listener != "again" {
		t.Errorf("after recovery %+v %+v", c, entries)
	}
	never := place("eu-west-3")
	publish(t, s, portmap.Scan{Coverage: portmap.Coverage{Place: never, Run: "bad", Started: noon, Failure: "x"}})
	if c, known, _ := look(t, s, never, "i-0001"); !known || c.Failure != "x" || c.Run != "" {
		t.Errorf("failed from the start: %v %+v", known, c)
	}
}

func olderScan(t *testing.T, s portmap.Shelf) {
	p := place("eu-north-1")
	publish(t, s, scan(p, "late", noon.Add(time.Minute), 1))
	for _, x := range []portmap.Scan{scan(p, "early", noon, 2), {Coverage: portmap.Coverage{Place: p, Run: "early", Started: noon, Failure: "x"}}} {
		if err := s.Publish(t.Context(), x); !errors.Is(err, portmap.ErrOlder) {
			t.Errorf("an older scan: %v", err)
		}
	}
	if c, _, entries := look(t, s, p, "i-0000"); c.Run != "late" || c.Failure != "" || len(entries) != 5 {
		t.Errorf("%+v %+v", c, entries)
	}
}

func claims(t *testing.T, s portmap.Shelf) {
	claim := func(name string, at time.Time) bool {
		ok, err := s.Claim(t.Context(), name, at, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !claim("a", noon) || claim("a", noon.Add(59*time.Second)) || !claim("b", noon) || !claim("a", noon.Add(time.Minute)) || claim("a", noon.Add(time.Minute)) {
		t.Error("a claim is not held for its time, or for longer")
	}
}

func TestRowsThatDynamoDBDidNotTakeAreSentAgain(t *testing.T) {
	t.Parallel()
	s, c := fakeTable(t)
	c.LimitBatches(hub, region, table, 20)
	publish(t, s, scan(here, "one", noon, 11))
	if _, _, entries := look(t, s, here, "i-0010"); len(entries) != 5 {
		t.Errorf("%d entries", len(entries))
	}
	if n := len(c.Items(hub, region, table)); n != 56 {
		t.Errorf("%d rows, want 55 entries and the coverage", n)
	}
}

func TestAHalfWrittenRunIsNeverSeen(t *testing.T) {
	t.Parallel()
	s, c := fakeTable(t)
	publish(t, s, scan(here, "one", noon, 2))
	c.Next("dynamodb", "BatchWriteItem", -1, withSkip(awsfake.Error("ValidationException", "no"), 1))
	if err := s.Publish(t.Context(), scan(here, "two", noon.Add(time.Minute), 10)); err == nil {
		t.Fatal("published")
	}
	if c, _, entries := look(t, s, here, "i-0001"); c.Run != "one" || len(entries) != 5 || entries[0].Listener != "one" {
		t.Errorf("%+v %+v", c, entries)
	}
}

func withSkip(f awsfake.Fault, n int) awsfake.Fault { f.Skip = n; return f }

func TestRowsExpire(t *testing.T) {
	t.Parallel()
	s, c := fakeTable(t)
	publish(t, s, scan(here, "one", noon, 1))
	for _, row := range c.Items(hub, region, table) {
		want := strconv.FormatInt(noon.Add(90*time.Minute).Unix(), 10)
		if row["sk"] == "coverage" {
			want = "" // says that there was a scan once, for ever
		}
		if row["expires"] != want {
			t.Errorf("%s expires %q, want %q", row["sk"], row["expires"], want)
		}
	}
}
