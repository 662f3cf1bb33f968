package intake

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// What is never called where only reading is tested.
type (
	neverSQS     struct{ *sqs.Client }
	neverHandler struct{}
	neverParker  struct{}
)

func (neverHandler) HandleArrivals(context.Context, []Arrival) []Outcome { panic("called") }
func (neverParker) Park(context.Context, Parked) error                   { panic("called") }
