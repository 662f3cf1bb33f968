package portmap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Table is a Shelf in a DynamoDB table, with "pk" and "sk" as keys and "expires"
// as time to live.
//
// The entries of each run stand under the run's own name, and the row named
// coverage says which run is the current one: a run that fails half way changes
// nothing that anybody reads, and the switch to a new one is a single
// conditional write. Rows of older runs expire.
type Table struct {
	client *dynamodb.Client
	name   string
	keep   time.Duration
}

// batchSize is how many rows one BatchWriteItem takes.
const batchSize = 25

// writeTries is how often rows that DynamoDB did not get to are sent again.
const writeTries = 8

// NewTable returns a shelf in a table. keep is how long the rows of a run stay,
// twice DefaultFresh when zero: nobody believes them for longer anyway.
func NewTable(client *dynamodb.Client, name string, keep time.Duration) *Table {
	if keep <= 0 {
		keep = 2 * DefaultFresh
	}
	return &Table{client: client, name: name, keep: keep}
}

const coverageKey = "coverage"

// Publish implements Shelf.
func (t *Table) Publish(ctx context.Context, s Scan) error {
	if s.Failure != "" {
		return t.publishFailure(ctx, s.Coverage)
	}
	expires := s.Started.Add(t.keep)
	var rows []types.WriteRequest
	for i, e := range s.Entries {
		body, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encode an entry: %w", err)
		}
		// The instance is in the key to be found by, the number only tells apart.
		sk := s.Run + "#" + e.Instance + "#" + strconv.Itoa(i)
		rows = append(rows, types.WriteRequest{PutRequest: &types.PutRequest{Item: row(s.Place.String(), sk, body, expires)}})
	}
	for chunk := range slices.Chunk(rows, batchSize) {
		if err := t.write(ctx, chunk); err != nil {
			return err
		}
	}
	return t.putCoverage(ctx, s.Coverage)
}

// publishFailure says that the last run is not complete. The rows of the last
// complete one stay until they expire.
func (t *Table) publishFailure(ctx context.Context, c Coverage) error {
	last, known, err := t.coverage(ctx, c.Place)
	if err != nil {
		return err
	}
	c.Run = ""
	if known {
		c.Run, c.Entries = last.Run, last.Entries
	}
	return t.putCoverage(ctx, c)
}

// putCoverage makes a run the current one unless a later one is there.
func (t *Table) putCoverage(ctx context.Context, c Coverage) error {
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode coverage: %w", err)
	}
	item := row(c.Place.String(), coverageKey, body, time.Time{})
	item["started"] = number(c.Started.UnixMilli())
	_, err = t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &t.name, Item: item,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR started <= :mine"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":mine": number(c.Started.UnixMilli())}})
	var later *types.ConditionalCheckFailedException
	if errors.As(err, &later) {
		return ErrOlder
	}
	if err != nil {
		return fmt.Errorf("write coverage: %w", err)
	}
	return nil
}

// write writes a batch; what DynamoDB did not get to is sent again.
func (t *Table) write(ctx context.Context, rows []types.WriteRequest) error {
	for try := range writeTries {
		out, err := t.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{t.name: rows}})
		if err != nil {
			return fmt.Errorf("write entries: %w", err)
		}
		if rows = out.UnprocessedItems[t.name]; len(rows) == 0 {
			return nil
		}
		wait := time.NewTimer(time.Duration(20<<try) * time.Millisecond)
		select {
		case <-ctx.Done():
			wait.Stop()
			return fmt.Errorf("write entries: %w", ctx.Err())
		case <-wait.C:
		}
	}
	return fmt.Errorf("write entries: %d rows were not taken in %d tries; give the table more capacity", len(rows), writeTries)
}

// Look implements Shelf.
func (t *Table) Look(ctx context.Context, p Place, instance string) (Coverage, bool, []Entry, error) {
	c, known, err := t.coverage(ctx, p)
	if err != nil || !known || c.Failure != "" {
		return c, known, nil, err
	}
	pages := dynamodb.NewQueryPaginator(t.client, &dynamodb.QueryInput{TableName: &t.name, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :place AND begins_with(sk, :run)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":place": text(p.String()), ":run": text(c.Run + "#" + instance + "#")}})
	var entries []Entry
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return c, true, nil, fmt.Errorf("read entries: %w", err)
		}
		for _, item := range page.Items {
			var e Entry
			if err := decode(item, &e); err != nil {
				return c, true, nil, err
			}
			entries = append(entries, e)
		}
	}
	return c, true, entries, nil
}

func (t *Table) coverage(ctx context.Context, p Place) (c Coverage, known bool, err error) {
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{"pk": text(p.String()), "sk": text(coverageKey)}})
	if err != nil {
		return c, false, fmt.Errorf("read coverage: %w", err)
	}
	if len(out.Item) == 0 {
		return c, false, nil
	}
	return c, true, decode(out.Item, &c)
}

// Claim implements Shelf.
func (t *Table) Claim(ctx context.Context, name string, now time.Time, hold time.Duration) (bool, error) {
	item := row("claim", name, nil, now.Add(24*time.Hour))
	item["until"] = number(now.Add(hold).UnixMilli())
	_, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &t.name, Item: item,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR #until <= :now"),
		ExpressionAttributeNames:  map[string]string{"#until": "until"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":now": number(now.UnixMilli())}})
	var taken *types.ConditionalCheckFailedException
	if errors.As(err, &taken) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("claim the scan: %w", err)
	}
	return true, nil
}

func row(pk, sk string, body []byte, expires time.Time) map[string]types.AttributeValue {
	r := map[string]types.AttributeValue{"pk": text(pk), "sk": text(sk)}
	if body != nil {
		r["body"] = text(string(body))
	}
	if !expires.IsZero() {
		r["expires"] = number(expires.Unix())
	}
	return r
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func decode(item map[string]types.AttributeValue, into any) error {
	body, ok := item["body"].(*types.AttributeValueMemberS)
	if !ok {
		return errors.New("a row of the port map has no body")
	}
	if err := json.Unmarshal([]byte(body.Value), into); err != nil {
		return fmt.Errorf("decode a row of the port map: %w", err)
	}
	return nil
}
