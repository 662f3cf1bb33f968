package awsfake

import (
	"slices"
	"strings"
)

func dynamoGet(c *Cloud, r *request) (any, error) {
	in, err := dynamoRead(r)
	if err != nil {
		return nil, err
	}
	t, err := c.dynamoTable(r, in.TableName)
	if err != nil {
		return nil, err
	}
	k, err := t.key(in.Key)
	if err != nil {
		return nil, err
	}
	if len(in.Key) != 2 {
		return nil, refuse("ValidationException", "The provided key element does not match the schema")
	}
	i, ok := t.items[k]
	if !ok {
		return struct{}{}, nil
	}
	return struct{ Item dynamoItem }{i}, nil
}

func dynamoPut(c *Cloud, r *request) (any, error) {
	in, err := dynamoRead(r)
	if err != nil {
		return nil, err
	}
	t, err := c.dynamoTable(r, in.TableName)
	if err != nil {
		return nil, err
	}
	k, err := t.key(in.Item)
	if err != nil {
		return nil, err
	}
	ok, err := condition(in, t.items[k])
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, refuse("ConditionalCheckFailedException", "The conditional request failed")
	}
	return struct{}{}, t.put(in.Item)
}

// condition evaluates what the fake knows of condition expressions: terms
// joined by OR, each attribute_not_exists(name) or name < :value, with <, <=,
// > and >= on numbers and strings of one length.
func condition(in dynamoInput, have dynamoItem) (bool, error) {
	if in.ConditionExpression == "" {
		return true, nil
	}
	for term := range strings.SplitSeq(in.ConditionExpression, " OR ") {
		term = strings.Trim(term, "() ")
		if name, ok := strings.CutPrefix(term, "attribute_not_exists ("); ok || strings.HasPrefix(term, "attribute_not_exists(") {
			if !ok {
				name = strings.TrimPrefix(term, "attribute_not_exists(")
			}
			if _, there := have[attribute(in, strings.TrimSpace(name))]; !there {
				return true, nil
			}
			continue
		}
		p := strings.Fields(term)
		if len(p) != 3 {
			return false, refuse("ValidationException", "Invalid ConditionExpression: the fake does not know %q", term)
		}
		want, ok := in.ExpressionAttributeValues[p[2]]
		if !ok {
			return false, refuse("ValidationException", "Invalid ConditionExpression: An expression attribute value used in expression is not defined; attribute value: %s", p[2])
		}
		yes, err := compare(have[attribute(in, p[0])], p[1], want)
		if err != nil || yes {
			return yes, err
		}
	}
	return false, nil
}

func attribute(in dynamoInput, name string) string {
	if full, ok := in.ExpressionAttributeNames[name]; ok {
		return full
	}
	return name
}

// compare compares two values of one type; of different types nothing holds.
func compare(have map[string]any, op string, want map[string]any) (bool, error) {
	var n int
	switch {
	case have["N"] != nil && want["N"] != nil:
		a, b := have["N"].(string), want["N"].(string)
		if n = len(a) - len(b); n == 0 {
			n = strings.Compare(a, b)
		}
	case have["S"] != nil && want["S"] != nil:
		n = strings.Compare(have["S"].(string), want["S"].(string))
	default:
		return false, nil
	}
	switch op {
	case "<":
		return n < 0, nil
	case "<=":
		return n <= 0, nil
	case ">":
		return n > 0, nil
	case ">=":
		return n >= 0, nil
	}
	return false, refuse("ValidationException", "Invalid ConditionExpression: the fake does not know the operator %s", op)
}

// dynamoQuery knows one condition: the partition key is a value and the sort
// key begins with another.
func dynamoQuery(c *Cloud, r *request) (any, error) {
	in, err := dynamoRead(r)
	if err != nil {
		return nil, err
	}
	t, err := c.dynamoTable(r, in.TableName)
	if err != nil {
		return nil, err
	}
	partition, prefix, err := t.queryKeys(in)
	if err != nil {
		return nil, err
	}
	after := ""
	if len(in.ExclusiveStartKey) > 0 {
		k, err := t.key(in.ExclusiveStartKey)
		if err != nil {
			return nil, err
		}
		after = k[1]
	}
	type answer struct {
		Items            []dynamoItem
		Count            int
		ScannedCount     int
		LastEvaluatedKey dynamoItem `json:",omitempty"`
	}
	out := answer{Items: []dynamoItem{}}
	bytes := 0
	for _, k := range t.keys() {
		if k[0] != partition || !strings.HasPrefix(k[1], prefix) || k[1] <= after {
			continue
		}
		if bytes > maxQueryPage || in.Limit > 0 && len(out.Items) == in.Limit {
			last := out.Items[len(out.Items)-1]
			out.LastEvaluatedKey = dynamoItem{t.partition: last[t.partition], t.sort: last[t.sort]}
			break
		}
		bytes += size(t.items[k])
		out.Items = append(out.Items, t.items[k])
	}
	out.Count, out.ScannedCount = len(out.Items), len(out.Items)
	return out, nil
}

func (t *dynamoTable) queryKeys(in dynamoInput) (partition, prefix string, err error) {
	bad := refuse("ValidationException", "the fake does not know the key condition %q", in.KeyConditionExpression)
	first, second, both := strings.Cut(in.KeyConditionExpression, " AND ")
	eq := strings.Fields(strings.Trim(first, "()"))
	if len(eq) != 3 || eq[1] != "=" || attribute(in, eq[0]) != t.partition {
		return "", "", bad
	}
	partition, _ = in.ExpressionAttributeValues[eq[2]]["S"].(string)
	if !both {
		return partition, "", nil
	}
	args := strings.FieldsFunc(strings.TrimPrefix(strings.TrimSpace(second), "begins_with"), func(r rune) bool { return strings.ContainsRune("(), ", r) })
	if len(args) != 2 || attribute(in, args[0]) != t.sort {
		return "", "", bad
	}
	prefix, _ = in.ExpressionAttributeValues[args[1]]["S"].(string)
	return partition, prefix, nil
}

func dynamoBatch(c *Cloud, r *request) (any, error) {
	in, err := dynamoRead(r)
	if err != nil {
		return nil, err
	}
	type left struct{ PutRequest struct{ Item dynamoItem } }
	rest := map[string][]left{}
	for name, requests := range in.RequestItems {
		t, err := c.dynamoTable(r, name)
		if err != nil {
			return nil, err
		}
		if len(requests) < 1 || len(requests) > maxBatchWrite {
			return nil, refuse("ValidationException", "Too many items requested for the BatchWriteItem call")
		}
		var seen [][2]string
		for _, q := range requests {
			if q.PutRequest == nil {
				return nil, refuse("ValidationException", "the fake knows PutRequest only")
			}
			k, err := t.key(q.PutRequest.Item)
			if err != nil {
				return nil, err
			}
			if slices.Contains(seen, k) {
				return nil, refuse("ValidationException", "Provided list of item keys contains duplicates")
			}
			seen = append(seen, k)
		}
		for i, q := range requests {
			if t.limit > 0 && i >= t.limit {
				var one left
				one.PutRequest.Item = q.PutRequest.Item
				rest[name] = append(rest[name], one)
				continue
			}
			if err := t.put(q.PutRequest.Item); err != nil {
				return nil, err
			}
		}
	}
	return struct{ UnprocessedItems map[string][]left }{rest}, nil
}
