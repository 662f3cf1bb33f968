package sqsfake

import (
	"context"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// request holds the members of every request; an operation looks at its own.
type request struct {
	QueueUrl, QueueName, MessageBody, ReceiptHandle string

	QueueOwnerAWSAccountId      string
	DelaySeconds                *int
	MaxNumberOfMessages         *int
	WaitTimeSeconds             *int
	VisibilityTimeout           *int
	Attributes                  map[string]string
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	MessageAttributes           jsontext.Value
	ReceiveRequestAttemptId     string
	Entries                     []entry
}

type entry struct {
	Id, MessageBody, ReceiptHandle string

	DelaySeconds      *int
	VisibilityTimeout *int
	MessageAttributes jsontext.Value
}

type failure struct {
	Code, Id, Message string
	SenderFault       bool
}

type success struct {
	Id               string
	MessageId        string `json:",omitempty"`
	MD5OfMessageBody string `json:",omitempty"`
}

type batchAnswer struct {
	Successful []success
	Failed     []failure
}

type operation struct {
	anyQueue bool // needs no QueueUrl
	batch    bool
	run      func(s *Server, ctx context.Context, c *call, in *request) ([]byte, error)
}

var operations = map[string]operation{
	"CreateQueue":                  {anyQueue: true, run: (*Server).createQueue},
	"GetQueueUrl":                  {anyQueue: true, run: (*Server).getQueueURL},
	"GetQueueAttributes":           {run: (*Server).getQueueAttributes},
	"PurgeQueue":                   {run: (*Server).purgeQueue},
	"SendMessage":                  {run: (*Server).sendMessage},
	"SendMessageBatch":             {batch: true, run: (*Server).sendMessageBatch},
	"ReceiveMessage":               {run: (*Server).receiveMessage},
	"DeleteMessage":                {run: (*Server).deleteMessage},
	"DeleteMessageBatch":           {batch: true, run: (*Server).deleteMessageBatch},
	"ChangeMessageVisibility":      {run: (*Server).changeVisibility},
	"ChangeMessageVisibilityBatch": {batch: true, run: (*Server).changeVisibilityBatch},
}

// decode reads the request and checks what all operations have in common.
func (op operation) decode(c *call) (*request, error) {
	var in request
	if err := json.Unmarshal(c.body, &in, json.RejectUnknownMembers(true)); err != nil {
		return nil, refuse("SerializationException", err.Error())
	}
	c.Queue = in.QueueName
	if !op.anyQueue {
		c.Queue = queueName(in.QueueUrl)
	}
	if !op.batch {
		return &in, nil
	}
	c.Entries = len(in.Entries)
	switch {
	case len(in.Entries) == 0:
		return nil, refuse("EmptyBatchRequest", "There should be at least one entry in the request.")
	case len(in.Entries) > MaxBatch:
		return nil, refuse("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10.")
	}
	seen := map[string]bool{}
	for _, e := range in.Entries {
		switch {
		case !validID(e.Id):
			return nil, refuse("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		case seen[e.Id]:
			return nil, refuse("BatchEntryIdsNotDistinct", "Id "+e.Id+" repeated.")
		}
		seen[e.Id] = true
	}
	return &in, nil
}

func validID(id string) bool {
	for _, r := range id {
		if !(r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') {
			return false
		}
	}
	return id != "" && len(id) <= 80
}

// number returns *p in seconds, or def; outside 0..limit it is refused.
func number(name string, p *int, def, limit time.Duration) (time.Duration, error) {
	if p == nil {
		return def, nil
	}
	d := time.Duration(*p) * time.Second
	if *p < 0 || d > limit {
		return 0, refuse("InvalidParameterValue", "Value "+strconv.Itoa(*p)+" for parameter "+name+" is invalid.")
	}
	return d, nil
}

// withQueue runs f with the lock held.
func (s *Server) withQueue(c *call, f func(q *queue) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[c.Queue]
	if q == nil {
		return refuse("QueueDoesNotExist", "The specified queue does not exist.")
	}
	return f(q)
}

func (s *Server) createQueue(_ context.Context, c *call, in *request) ([]byte, error) {
	if !validID(in.QueueName) {
		return nil, refuse("InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	o, err := parseAttributes(in.Attributes)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	old := s.queues[in.QueueName]
	if old == nil {
		s.queues[in.QueueName] = newQueue(in.QueueName, o)
	}
	s.mu.Unlock()
	if old != nil && len(in.Attributes) > 0 && newQueue("", o).opt != old.opt {
		return nil, refuse("QueueNameExists", "A queue already exists with the same name and a different value for an attribute.")
	}
	return json.Marshal(map[string]string{"QueueUrl": s.url(in.QueueName)})
}

// parseAttributes reads what CreateQueue can set.
func parseAttributes(in map[string]string) (QueueOptions, error) {
	var o QueueOptions
	for name, v := range in {
		n, err := strconv.Atoi(v)
		switch name {
		case "VisibilityTimeout":
			o.Visibility = time.Duration(n) * time.Second
		case "DelaySeconds":
			o.Delay = time.Duration(n) * time.Second
		case "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds":
		case "RedrivePolicy":
			var p struct {
				Target string `json:"deadLetterTargetArn"`
				Max    any    `json:"maxReceiveCount"`
			}
			if err = json.Unmarshal([]byte(v), &p); err == nil {
				o.DLQ = afterLast(p.Target, ":")
				switch m := p.Max.(type) {
				case float64:
					o.MaxReceive = int(m)
				case string:
					o.MaxReceive, err = strconv.Atoi(m)
				}
			}
		default:
			return o, refuse("InvalidAttributeName", "Unknown Attribute "+name+".")
		}
		if err != nil {
			return o, refuse("InvalidAttributeValue", "Invalid value for the parameter "+name+".")
		}
	}
	return o, nil
}

func (s *Server) getQueueURL(_ context.Context, c *call, in *request) ([]byte, error) {
	var out []byte
	err := s.withQueue(c, func(*queue) (err error) {
		out, err = json.Marshal(map[string]string{"QueueUrl": s.url(in.QueueName)})
		return err
	})
	return out, err
}

func (s *Server) getQueueAttributes(_ context.Context, c *call, in *request) ([]byte, error) {
	var out []byte
	err := s.withQueue(c, func(q *queue) (err error) {
		now := s.now()
		visible, inFlight, delayed := q.depth(now)
		all := map[string]string{
			"ApproximateNumberOfMessages":           strconv.Itoa(visible),
			"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(inFlight),
			"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(delayed),
			"VisibilityTimeout":                     strconv.Itoa(int(q.opt.Visibility / time.Second)),
			"DelaySeconds":                          strconv.Itoa(int(q.opt.Delay / time.Second)),
			"QueueArn":                              arn(q.name),
		}
		if q.opt.DLQ != "" {
			all["RedrivePolicy"] = `{"deadLetterTargetArn":"` + arn(q.opt.DLQ) + `","maxReceiveCount":` + strconv.Itoa(q.opt.MaxReceive) + `}`
		}
		got := map[string]string{}
		for _, name := range in.AttributeNames {
			if name == "All" {
				got = all
				break
			}
			if v, ok := all[name]; ok {
				got[name] = v
			}
		}
		out, err = json.Marshal(map[string]any{"Attributes": got})
		return err
	})
	return out, err
}

func (s *Server) purgeQueue(_ context.Context, c *call, _ *request) ([]byte, error) {
	return []byte("{}"), s.withQueue(c, func(q *queue) error {
		q.ready, q.head, q.hidden = nil, 0, nil
		q.live = map[uint64]*message{}
		return nil
	})
}
