package intake

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// NewClient returns a client for Config's queue: in its region, with as many
// kept connections as the intake opens calls. An HTTP client that base brings
// is left alone.
func (c Config) NewClient(base aws.Config) *sqs.Client {
	c = c.withDefaults()
	return sqs.NewFromConfig(base, func(o *sqs.Options) {
		if c.Region != "" {
			o.Region = c.Region
		}
		if base.HTTPClient != nil {
			return
		}
		o.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConnsPerHost = 2*c.Workers + 16
			t.ResponseHeaderTimeout = c.Wait + callTimeout
			t.IdleConnTimeout = 60 * time.Second
		})
	})
}

// once switches the SDK's retries off: the intake has its own, which know
// when a receipt is no longer worth anything.
func once(o *sqs.Options) { o.Retryer = aws.NopRetryer{} }
