package blockkit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// fill gives every block and every interactive element the ids Slack would make
// up. The ids are derived from the content and the place, so that the same
// input gives the same output.
func fill(blocks []any) {
	for i, b := range blocks {
		block, ok := b.(map[string]any)
		if !ok {
			continue
		}
		if s, _ := block["block_id"].(string); s == "" {
			block["block_id"] = madeUp(i, block)
		}
		for _, holder := range []string{"accessory", "element"} {
			fillAction(block[holder], i, 0)
		}
		if list, ok := block["elements"].([]any); ok && block["type"] != "rich_text" {
			for j, e := range list {
				fillAction(e, i, j)
			}
		}
	}
}

func fillAction(v any, i, j int) {
	e, ok := v.(map[string]any)
	if !ok || e["type"] == "image" || e["type"] == "mrkdwn" || e["type"] == "plain_text" {
		return
	}
	if s, _ := e["action_id"].(string); s == "" {
		e["action_id"] = madeUp(i*100+j, e)
	}
}

func madeUp(place int, v any) string {
	data, _ := json.Marshal(v) // v came out of json.Unmarshal
	sum := sha256.Sum256(fmt.Appendf(data, "%d", place))
	return hex.EncodeToString(sum[:])[:5]
}

func marshal(v any) json.RawMessage {
	data, _ := json.Marshal(v) // v came out of json.Unmarshal
	return data
}
