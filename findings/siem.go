package findings

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// carried looks for the finding in the places where queues and log tools put
// what they received, most telling first.
func (p parser) carried(o *wireOther, raw []byte, line int, env Envelope) []Item {
	for _, v := range []jsontext.Value{o.SNS, o.Body} {
		if worthOpening(v) {
			return p.value(v, line, env)
		}
	}
	if items := flattened(raw, line, env); items != nil {
		return items
	}
	inner := env
	inner.Form = first(env.Form, "siem")
	var firstTry []Item
	for _, v := range []jsontext.Value{o.Result, o.Event, o.Original, o.Raw, o.Details, o.Detail, o.Finding, o.Payload, o.Doc, o.Message} {
		if !worthOpening(v) {
			continue
		}
		items := p.value(v, line, inner)
		if slices.ContainsFunc(items, func(i Item) bool { return i.Finding != nil }) {
			return markSIEM(items)
		}
		if firstTry == nil {
			firstTry = items
		}
	}
	if firstTry != nil {
		return firstTry
	}
	return refused(line, whatElse(raw))
}

// worthOpening reports whether a value can hold a document.
func worthOpening(v jsontext.Value) bool {
	return len(v) > 2 && (v[0] == '{' || v[0] == '[' || v[0] == '"' && bytes.ContainsAny(v, "{["))
}

// markSIEM notes that the finding came out of a log tool's record.
func markSIEM(items []Item) []Item {
	for _, i := range items {
		if i.Finding != nil && (i.Finding.Envelope.Form == "api" || i.Finding.Envelope.Form == "") {
			i.Finding.Envelope.Form = "siem"
		}
	}
	return items
}

// whatElse names the documents that are known to turn up in such a queue.
func whatElse(raw []byte) *RefusedError {
	var o struct {
		Event  text `json:"Event"`
		ID     text `json:"id"`
		Type   text `json:"type"`
		Detail seen `json:"detail"`
		Body   seen `json:"Body"`
		SNS    seen `json:"Sns"`
	}
	if json.Unmarshal(raw, &o, foldCase) != nil {
		return refuse("the document has an unexpected shape")
	}
	switch {
	case strings.HasPrefix(string(o.Event), "s3:"):
		return refuse("an S3 test event, not a finding")
	case bool(o.Detail):
		return refuse("the event has no usable detail")
	case bool(o.Body || o.SNS):
		return refuse("the message is plain text, not JSON")
	case len(bytes.Trim(raw, "{} \t\r\n")) == 0:
		return refuse("the document is an empty object")
	case o.Type != "" && o.ID == "":
		return refuse("the finding has no id")
	case o.ID != "" && o.Type == "":
		return refuse("the finding has no type")
	case o.ID != "" && o.Type != "":
		return refuse("the type is not that of a finding")
	}
	return refuse("no finding in the document")
}

// flattened rebuilds a finding whose tree was written as one level of keys
// (service_action_actionType, detail_service_count), wholly or in part. It
// returns nil when the document is not of that kind.
func flattened(raw []byte, line int, env Envelope) []Item {
	if !bytes.Contains(raw, []byte(`service_`)) && !bytes.Contains(raw, []byte(`resource_`)) &&
		!bytes.Contains(raw, []byte(`detail_`)) {
		return nil
	}
	var flat map[string]jsontext.Value
	if json.Unmarshal(raw, &flat) != nil {
		return nil
	}
	root := node{}
	split := 0
	for _, k := range sortedKeys(flat) {
		segs := []string{k}
		if l := strings.ToLower(k); strings.HasPrefix(l, "service_") || strings.HasPrefix(l, "resource_") || strings.HasPrefix(l, "detail_") {
			segs = strings.Split(k, "_")
			split++
		}
		root.set(segs, flat[k])
	}
	if split == 0 {
		return nil
	}
	env.Form = first(env.Form, "siem")
	tree, err := json.Marshal(root, json.Deterministic(true))
	if err != nil {
		return nil
	}
	var w wireDoc
	if err := json.Unmarshal(tree, &w, foldCase); err != nil {
		return refused(line, explain(err))
	}
	if w.Detail.v != nil {
		return one(line, w.Detail.v, eventEnvelope(&w, env), "siem")
	}
	return one(line, &w.wireFinding, env, "siem")
}

// node is a tree under construction: values are node or jsontext.Value.
type node map[string]any

// set puts v at a path. A value that is in the way becomes a branch: with its
// members, if it is an object. A path deeper than half of MaxDepth is left out.
func (n node) set(path []string, v any) {
	if len(path) > MaxDepth/2 {
		return
	}
	for _, seg := range path[:len(path)-1] {
		next, ok := n[seg].(node)
		if !ok {
			next = node{}
			if raw, ok := n[seg].(jsontext.Value); ok && raw.Kind() == '{' {
				var members map[string]jsontext.Value
				_ = json.Unmarshal(raw, &members) // it was decoded before, as part of the whole
				for k, m := range members {
					next[k] = m
				}
			}
			n[seg] = next
		}
		n = next
	}
	n[path[len(path)-1]] = v
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
