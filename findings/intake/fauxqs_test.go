package intake_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/securitybot/securitybot/findings/intake"
	"github.com/securitybot/securitybot/internal/nodetest"
)

// fauxqs starts another implementation of SQS (npm package fauxqs) and returns
// its address: what our own fake and our intake agree on may be wrong in both.
func fauxqs(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(nodetest.Dir(t, "node@24.21.0", "fauxqs@2.4.1"), "node_modules")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, filepath.Join(dir, ".bin", "node"), filepath.Join(dir, "fauxqs", "dist", "cli.js"))
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "FAUXQS_PORT="+strconv.Itoa(port), "FAUXQS_LOGGER=false", "FAUXQS_DATA_DIR=", "FAUXQS_DEFAULT_REGION=eu-west-1")
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	address := fmt.Sprintf("http://127.0.0.1:%d", port)
	eventually(t, 20*time.Second, func() bool {
		resp, err := http.Get(address + "/health")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return address
}

func eventually(t *testing.T, limit time.Duration, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}

func TestIntakeAtAnotherImplementationOfSQS(t *testing.T) {
	t.Parallel()
	address := fauxqs(t)
	client := sqs.New(sqs.Options{Region: "eu-west-1", BaseEndpoint: &address, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", "")})
	dead := makeQueue(t, client, "dead", nil)
	url := makeQueue(t, client, "findings", map[string]string{
		"VisibilityTimeout": "30",
		"RedrivePolicy":     `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dead","maxReceiveCount":"20"}`,
	})
	var want []string
	for b := range 20 {
		in := &sqs.SendMessageBatchInput{QueueUrl: &url}
		for i := range 10 {
			id := fmt.Sprintf("finding-%04d", 10*b+i)
			want = append(want, id)
			in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(event(id))})
		}
		if _, err := client.SendMessageBatch(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("hello")}); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var got []string
	slow := true
	h := &handler{do: func(_ context.Context, batch []intake.Arrival) []intake.Outcome {
		mu.Lock()
		defer mu.Unlock()
		if slow { // the first batch outlives its visibility, were it not extended
			slow = false
			mu.Unlock()
			time.Sleep(3 * time.Second)
			mu.Lock()
		}
		for _, a := range batch {
			got = append(got, a.Items[0].Finding.ID)
		}
		return all(batch, intake.Handled)
	}}
	p := &parker{}
	poller, err := intake.New(intake.Config{QueueURL: url, Visibility: 2 * time.Second}, client, h, p, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- poller.Run(ctx) }()
	eventually(t, 30*time.Second, func() bool { return attributes(t, client, url) == "0+1" })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	mu.Lock()
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("handed on %d of %d", len(got), len(want))
	}
	mu.Unlock()
	if parked := p.parked(); len(parked) != 1 || parked[0].Kind != intake.KindRefused {
		t.Errorf("parked %+v", parked)
	}
	if n := attributes(t, client, dead); n != "0+0" {
		t.Errorf("the dead-letter queue holds %s", n)
	}
}

func makeQueue(t *testing.T, c *sqs.Client, name string, attributes map[string]string) string {
	t.Helper()
	out, err := c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	return *out.QueueUrl
}

// attributes returns how many messages are visible and how many are not.
func attributes(t *testing.T, c *sqs.Client, url string) string {
	t.Helper()
	out, err := c.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join([]string{out.Attributes["ApproximateNumberOfMessages"], out.Attributes["ApproximateNumberOfMessagesNotVisible"]}, "+")
}
