package awsfake

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Limits of DynamoDB (developer guide, "Quotas").
const (
	maxItem       = 400 << 10 // bytes of an item
	maxBatchWrite = 25        // requests in a BatchWriteItem
	maxQueryPage  = 1 << 20   // bytes of a page of Query
)

// dynamoState is DynamoDB in one account and region.
type dynamoState struct{ tables map[string]*dynamoTable }

// dynamoTable is a table with a partition and a sort key, both strings.
type dynamoTable struct {
	partition, sort, ttl string
	items                map[[2]string]dynamoItem
	// limit is how many requests of each batch are taken; 0 is all of them. The
	// others come back as unprocessed.
	limit int
}

// dynamoItem is an item as it is on the wire: {"pk": {"S": "x"}, …}.
type dynamoItem map[string]map[string]any

// AddTable makes a table whose keys are strings. ttl names the attribute items
// expire by; the fake never expires any, as the service takes its time.
func (c *Cloud) AddTable(account, region, name, partition, sort, ttl string) {
	c.with(func() {
		s := stateOf[dynamoState](c, account, region)
		if s.tables == nil {
			s.tables = map[string]*dynamoTable{}
		}
		s.tables[name] = &dynamoTable{partition: partition, sort: sort, ttl: ttl, items: map[[2]string]dynamoItem{}}
	})
}

// LimitBatches makes every BatchWriteItem on a table take only so many of its
// requests; 0 takes all.
func (c *Cloud) LimitBatches(account, region, name string, n int) {
	c.with(func() { stateOf[dynamoState](c, account, region).tables[name].limit = n })
}

// Items returns the items of a table, with their plain values, by keys.
func (c *Cloud) Items(account, region, name string) []map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := stateOf[dynamoState](c, account, region).tables[name]
	var out []map[string]string
	for _, k := range t.keys() {
		one := map[string]string{}
		for name, v := range t.items[k] {
			for _, plain := range v {
				s, ok := plain.(string)
				if !ok {
					b, _ := json.Marshal(plain)
					s = string(b)
				}
				one[name] = s
			}
		}
		out = append(out, one)
	}
	return out
}

func (t *dynamoTable) keys() [][2]string {
	keys := make([][2]string, 0, len(t.items))
	for k := range t.items {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b [2]string) int {
		if a[0] != b[0] {
			return strings.Compare(a[0], b[0])
		}
		return strings.Compare(a[1], b[1])
	})
	return keys
}

func dynamoService() service {
	return service{protocol: awsJSON10, target: "DynamoDB_20120810.", ops: map[string]operation{
		"GetItem":        {run: dynamoGet, needs: dynamoNeeds},
		"Query":          {run: dynamoQuery, needs: dynamoNeeds},
		"PutItem":        {write: true, run: dynamoPut, needs: dynamoNeeds},
		"BatchWriteItem": {write: true, run: dynamoBatch, needs: dynamoNeeds},
	}}
}

// dynamoInput is every parameter the fake knows.
type dynamoInput struct {
	TableName                 string
	Key, Item                 dynamoItem
	ConsistentRead            bool
	ConditionExpression       string
	KeyConditionExpression    string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues dynamoItem
	ExclusiveStartKey         dynamoItem
	Limit                     int
	RequestItems              map[string][]struct {
		PutRequest    *struct{ Item dynamoItem }
		DeleteRequest *struct{ Key dynamoItem }
	}
	// Known and without meaning here.
	ReturnValues, ReturnConsumedCapacity, ReturnItemCollectionMetrics string
	Select                                                            string
	ScanIndexForward                                                  *bool
}

func dynamoNeeds(_ *Cloud, r *request) []Need {
	in, err := dynamoRead(r)
	if err != nil {
		return nil
	}
	tables := []string{in.TableName}
	if in.TableName == "" {
		tables = nil
		for name := range in.RequestItems {
			tables = append(tables, name)
		}
	}
	var out []Need
	for _, name := range tables {
		out = append(out, Need{Action: "dynamodb:" + r.Op, Resource: "arn:aws:dynamodb:" + r.Region + ":" + r.Account + ":table/" + name})
	}
	return out
}

// dynamoRead reads the parameters; one the fake does not know is refused, so
// that nothing is silently ignored.
func dynamoRead(r *request) (dynamoInput, error) {
	var in dynamoInput
	d := json.NewDecoder(strings.NewReader(r.Body))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(&in); err != nil {
		return in, refuse("SerializationException", "the fake cannot read this: %v", err)
	}
	return in, nil
}

func (c *Cloud) dynamoTable(r *request, name string) (*dynamoTable, error) {
	t := stateOf[dynamoState](c, r.Account, r.Region).tables[name]
	if t == nil {
		return nil, refuse("ResourceNotFoundException", "Requested resource not found")
	}
	return t, nil
}

// key returns the keys of an item.
func (t *dynamoTable) key(i dynamoItem) ([2]string, error) {
	p, ok1 := i[t.partition]["S"].(string)
	s, ok2 := i[t.sort]["S"].(string)
	if !ok1 || !ok2 || p == "" || s == "" {
		return [2]string{}, refuse("ValidationException", "The provided key element does not match the schema")
	}
	return [2]string{p, s}, nil
}

func (t *dynamoTable) put(i dynamoItem) error {
	k, err := t.key(i)
	if err != nil {
		return err
	}
	if size(i) > maxItem {
		return refuse("ValidationException", "Item size has exceeded the maximum allowed size")
	}
	if v, ok := i[t.ttl]; ok {
		n, _ := v["N"].(string)
		if _, err := strconv.ParseInt(n, 10, 64); err != nil {
			return refuse("ValidationException", "the fake wants the time to live as a number of seconds: other items never expire")
		}
	}
	t.items[k] = i
	return nil
}

func size(i dynamoItem) int {
	b, _ := json.Marshal(i)
	return len(b)
}
