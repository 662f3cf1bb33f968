package sqsfake

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

func (s *Server) sendMessage(_ context.Context, c *call, in *request) ([]byte, error) {
	var out success
	err := s.withQueue(c, func(q *queue) (err error) {
		out, err = s.send(q, entry{MessageBody: in.MessageBody, DelaySeconds: in.DelaySeconds, MessageAttributes: in.MessageAttributes})
		return err
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]string{"MessageId": out.MessageId, "MD5OfMessageBody": out.MD5OfMessageBody})
}

func (s *Server) send(q *queue, e entry) (success, error) {
	if e.MessageBody == "" {
		return success{}, refuse("MissingParameter", "The request must contain the parameter MessageBody.")
	}
	if len(e.MessageBody)+len(e.MessageAttributes) > MaxSize {
		return success{}, refuse("InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.")
	}
	if strings.ContainsFunc(e.MessageBody, notAllowed) {
		return success{}, refuse("InvalidMessageContents", "Invalid characters found.")
	}
	delay, err := number("DelaySeconds", e.DelaySeconds, q.opt.Delay, MaxDelay)
	if err != nil {
		return success{}, err
	}
	m := s.add(q, e.MessageBody, e.MessageAttributes, delay, s.now())
	return success{Id: e.Id, MessageId: m.id, MD5OfMessageBody: m.md5}, nil
}

// notAllowed says which characters a body cannot hold (SendMessage, API
// reference).
func notAllowed(r rune) bool {
	switch {
	case r == '\t' || r == '\n' || r == '\r':
		return false
	case r >= 0x20 && r <= 0xD7FF, r >= 0xE000 && r <= 0xFFFD, r >= 0x10000:
		return false
	}
	return true
}

func (s *Server) sendMessageBatch(_ context.Context, c *call, in *request) ([]byte, error) {
	total := 0
	for _, e := range in.Entries {
		total += len(e.MessageBody) + len(e.MessageAttributes)
	}
	if total > MaxSize {
		return nil, refuse("BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes.")
	}
	return s.each(c, in, s.send)
}

// each runs a batch entry by entry; a scripted fault makes some of them fail.
func (s *Server) each(c *call, in *request, f func(*queue, entry) (success, error)) ([]byte, error) {
	out := batchAnswer{Successful: []success{}, Failed: []failure{}}
	err := s.withQueue(c, func(q *queue) error {
		for i, e := range in.Entries {
			if c.fault.Entries != nil && c.fault.Entries(i) {
				out.Failed = append(out.Failed, failure{Code: c.fault.Code, Id: e.Id, Message: c.fault.Message, SenderFault: c.fault.SenderFault})
				continue
			}
			ok, err := f(q, e)
			if err != nil {
				a := err.(*apiError)
				out.Failed = append(out.Failed, failure{Code: a.code, Id: e.Id, Message: a.message, SenderFault: true})
				continue
			}
			out.Successful = append(out.Successful, ok)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.Returned, c.Failed = len(out.Successful), len(out.Failed)
	return json.Marshal(out)
}

type received struct {
	Body              string
	MD5OfBody         string
	MessageId         string
	ReceiptHandle     string
	Attributes        map[string]string `json:",omitempty"`
	MessageAttributes jsontext.Value    `json:",omitempty"`
}

func (s *Server) receiveMessage(ctx context.Context, c *call, in *request) ([]byte, error) {
	limit := 1
	if in.MaxNumberOfMessages != nil {
		limit = *in.MaxNumberOfMessages
	}
	if limit < 1 || limit > MaxBatch {
		return nil, refuse("InvalidParameterValue", "Value "+strconv.Itoa(limit)+" for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.")
	}
	wait, err := number("WaitTimeSeconds", in.WaitTimeSeconds, 0, MaxWait)
	if err != nil {
		return nil, err
	}
	var q *queue
	var visibility time.Duration
	err = s.withQueue(c, func(found *queue) (err error) {
		q = found
		visibility, err = number("VisibilityTimeout", in.VisibilityTimeout, q.opt.Visibility, MaxVisibility)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.Entries, c.Wait = limit, wait
	got, err := s.receive(ctx, q, limit, wait, visibility)
	if err != nil {
		return nil, err
	}
	c.Returned = len(got)
	return s.encode(q, got, in, c)
}

// encode renders delivered messages; the lock guards what deliveries change.
func (s *Server) encode(q *queue, got []*message, in *request, c *call) ([]byte, error) {
	names := append(in.AttributeNames, in.MessageSystemAttributeNames...)
	out := make([]received, len(got))
	s.mu.Lock()
	for i, m := range got {
		c.Messages = append(c.Messages, m.id)
		out[i] = received{Body: m.body, MD5OfBody: m.md5, MessageId: m.id, ReceiptHandle: q.handle(m)}
		if len(in.MessageAttributeNames) > 0 {
			out[i].MessageAttributes = m.attributes
		}
		for _, name := range names {
			if out[i].Attributes == nil {
				out[i].Attributes = map[string]string{}
			}
			m.describe(out[i].Attributes, name)
		}
	}
	s.mu.Unlock()
	if len(out) == 0 {
		return []byte("{}"), nil
	}
	return json.Marshal(struct{ Messages []received }{out})
}

func (m *message) describe(to map[string]string, name string) {
	all := name == "All"
	if all || name == "ApproximateReceiveCount" {
		to["ApproximateReceiveCount"] = strconv.Itoa(m.receives)
	}
	if all || name == "SentTimestamp" {
		to["SentTimestamp"] = strconv.FormatInt(m.sent.UnixMilli(), 10)
	}
	if all || name == "ApproximateFirstReceiveTimestamp" {
		to["ApproximateFirstReceiveTimestamp"] = strconv.FormatInt(m.first.UnixMilli(), 10)
	}
}

func (s *Server) deleteMessage(_ context.Context, c *call, in *request) ([]byte, error) {
	return []byte("{}"), s.withQueue(c, func(q *queue) error {
		_, err := s.delete(c, q, entry{ReceiptHandle: in.ReceiptHandle})
		return err
	})
}

func (s *Server) deleteMessageBatch(_ context.Context, c *call, in *request) ([]byte, error) {
	return s.each(c, in, func(q *queue, e entry) (success, error) { return s.delete(c, q, e) })
}

// delete succeeds for a message that is gone, and does nothing, successfully,
// with a receipt that is not the latest.
func (s *Server) delete(c *call, q *queue, e entry) (success, error) {
	m, err := s.find(q, e.ReceiptHandle)
	if err != nil {
		return success{}, err
	}
	if m != nil {
		c.Messages = append(c.Messages, m.id)
		q.remove(m, s.now())
	}
	return success{Id: e.Id}, nil
}

func (s *Server) changeVisibility(_ context.Context, c *call, in *request) ([]byte, error) {
	return []byte("{}"), s.withQueue(c, func(q *queue) error {
		_, err := s.change(c, q, entry{ReceiptHandle: in.ReceiptHandle, VisibilityTimeout: in.VisibilityTimeout})
		return err
	})
}

func (s *Server) changeVisibilityBatch(_ context.Context, c *call, in *request) ([]byte, error) {
	return s.each(c, in, func(q *queue, e entry) (success, error) { return s.change(c, q, e) })
}

func (s *Server) change(c *call, q *queue, e entry) (success, error) {
	if e.VisibilityTimeout == nil {
		return success{}, refuse("MissingParameter", "The request must contain the parameter VisibilityTimeout.")
	}
	d, err := number("VisibilityTimeout", e.VisibilityTimeout, 0, MaxVisibility)
	if err != nil {
		return success{}, err
	}
	m, err := s.find(q, e.ReceiptHandle)
	if err != nil {
		return success{}, err
	}
	now := s.now()
	if m == nil || !m.inFlight || !m.visibleAt.After(now) {
		return success{}, refuse("MessageNotInflight", "Message is not in flight: it does not exist or is not available for visibility timeout change.")
	}
	if now.Add(d).Sub(m.received) > MaxVisibility {
		return success{}, refuse("InvalidParameterValue", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
	}
	c.Messages = append(c.Messages, m.id)
	c.Visibility = append(c.Visibility, d)
	q.hide(m, now.Add(d), now)
	return success{Id: e.Id}, nil
}
