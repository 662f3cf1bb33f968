package awsfake

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Limits of commands (Systems Manager API reference, SendCommand and
// GetCommandInvocation).
const (
	maxComment = 100
	maxStdout  = 24000
	maxStderr  = 8000
)

func describeAgents(c *Cloud, r *request) (any, error) {
	in, err := input[struct {
		Filters []struct {
			Key    string
			Values []string
		}
		MaxResults int
	}](r)
	if err != nil {
		return nil, err
	}
	wanted := func(string) bool { return true }
	for _, f := range in.Filters {
		if f.Key != "InstanceIds" {
			return nil, refuse("InvalidFilterKey", "%s", f.Key)
		}
		wanted = func(id string) bool { return slices.Contains(f.Values, id) }
	}
	list := []any{}
	for _, id := range slices.Sorted(maps.Keys(stateOf[ssmState](c, r.Account, r.Region).agents)) {
		if a := stateOf[ssmState](c, r.Account, r.Region).agents[id]; wanted(id) {
			list = append(list, map[string]any{
				"InstanceId": id, "PingStatus": cmp.Or(a.Ping, "Online"), "LastPingDateTime": epoch(r.At.Add(-a.LastPing)),
				"AgentVersion": cmp.Or(a.Version, "3.3.3572.0"), "PlatformType": cmp.Or(a.Platform, "Linux"),
				"PlatformName": cmp.Or(a.PlatformName, "Amazon Linux"), "PlatformVersion": "2023", "ResourceType": "EC2Instance",
			})
		}
	}
	return map[string]any{"InstanceInformationList": list}, nil
}

type sendInput struct {
	DocumentName, DocumentVersion, DocumentHash, DocumentHashType, Comment string
	InstanceIds                                                            []string
	Targets                                                                []any
	Parameters                                                             map[string][]string
	TimeoutSeconds                                                         int
}

func sendNeeds(c *Cloud, r *request) []Need {
	in, _ := input[sendInput](r)
	out := []Need{{Action: "ssm:SendCommand", Resource: "arn:aws:ssm:" + r.Region + ":" + r.Account + ":document/" + in.DocumentName}}
	for _, id := range in.InstanceIds {
		keys := map[string]string{}
		if i := c.ec2(r.Account, r.Region).instances[id]; i != nil {
			for k, v := range i.Tags {
				keys["ssm:resourceTag/"+k], keys["aws:ResourceTag/"+k] = v, v
			}
		}
		out = append(out, Need{Action: "ssm:SendCommand", Resource: "arn:aws:ec2:" + r.Region + ":" + r.Account + ":instance/" + id, Keys: keys})
	}
	return out
}

func sendCommand(c *Cloud, r *request) (any, error) {
	in, err := input[sendInput](r)
	if err != nil {
		return nil, err
	}
	s := stateOf[ssmState](c, r.Account, r.Region)
	doc, number, err := s.version(in.DocumentName, in.DocumentVersion)
	if err != nil {
		return nil, err
	}
	switch {
	case in.DocumentHash != "" && (in.DocumentHashType != "Sha256" || in.DocumentHash != doc.hash):
		return nil, refuse("InvalidDocument", "document hash and hash type do not match")
	case len(in.InstanceIds) != 1 || len(in.Targets) > 0:
		return nil, refuse("InvalidTarget", "this double takes exactly one of InstanceIds")
	case len(in.Comment) > maxComment:
		return nil, refuse("ValidationException", "comment has more than %d characters", maxComment)
	case in.TimeoutSeconds != 0 && (in.TimeoutSeconds < 30 || in.TimeoutSeconds > 2592000):
		return nil, refuse("ValidationException", "timeoutSeconds must be between 30 and 2592000")
	}
	agent, known := s.agents[in.InstanceIds[0]]
	if !known {
		return nil, refuse("InvalidInstanceId", "Instances [[%s]] not in a valid state for account %s", in.InstanceIds[0], r.Account)
	}
	params, err := doc.doc.parameters(in.Parameters)
	if err != nil {
		return nil, err
	}
	x := &ssmCommand{unseen: s.lag, Invocation: Invocation{Status: "Pending"}, Command: Command{ID: r.RequestID, Instance: agent.Instance, Document: in.DocumentName,
		Version: strconv.Itoa(number), Content: doc.content, Comment: in.Comment, Parameters: params, Timeout: in.TimeoutSeconds, Requested: r.At}}
	s.commands = append(s.commands, x)
	if agent.Run != nil {
		x.Status = "InProgress"
		cmd := x.Command
		go func() { c.SetInvocation(r.Account, r.Region, cmd.ID, agent.Run(cmd)) }()
	}
	return map[string]any{"Command": x.wire()}, nil
}

func (x *ssmCommand) wire() map[string]any {
	return map[string]any{
		"CommandId": x.ID, "DocumentName": x.Document, "DocumentVersion": x.Version, "Comment": x.Comment,
		"InstanceIds": []string{x.Instance}, "RequestedDateTime": epoch(x.Requested), "Status": x.Status,
		"StatusDetails": cmp.Or(x.Details, x.Status),
	}
}

func getInvocation(c *Cloud, r *request) (any, error) {
	in, err := input[struct{ CommandId, InstanceId string }](r)
	if err != nil {
		return nil, err
	}
	x := stateOf[ssmState](c, r.Account, r.Region).command(in.CommandId)
	if x == nil || x.Instance != in.InstanceId || !x.seen() {
		return nil, refuse("InvocationDoesNotExist", "")
	}
	code := x.Code
	if slices.Contains([]string{"Pending", "InProgress", "Delayed"}, x.Status) {
		code = -1
	}
	return map[string]any{
		"CommandId": x.ID, "InstanceId": x.Instance, "DocumentName": x.Document, "DocumentVersion": x.Version, "Comment": x.Comment,
		"Status": x.Status, "StatusDetails": cmp.Or(x.Details, x.Status), "ResponseCode": code,
		"StandardOutputContent": cut(x.Stdout, maxStdout), "StandardErrorContent": cut(x.Stderr, maxStderr),
	}, nil
}

func cut(s string, n int) string { return s[:min(len(s), n)] }

func listCommands(c *Cloud, r *request) (any, error) {
	in, err := input[struct {
		CommandId, InstanceId, NextToken string
		MaxResults                       int
		Filters                          []struct{ Key, Value string }
	}](r)
	if err != nil {
		return nil, err
	}
	keep := func(*ssmCommand) bool { return true }
	for _, f := range in.Filters {
		before := keep
		switch f.Key {
		case "InvokedAfter":
			at, err := time.Parse("2006-01-02T15:04:05Z", f.Value)
			if err != nil {
				return nil, refuse("InvalidFilterKey", "InvokedAfter is a time")
			}
			keep = func(x *ssmCommand) bool { return before(x) && !x.Requested.Before(at) }
		case "DocumentName":
			keep = func(x *ssmCommand) bool { return before(x) && x.Document == f.Value }
		default:
			return nil, refuse("InvalidFilterKey", "%s", f.Key)
		}
	}
	var all []map[string]any // newest first
	for _, x := range slices.Backward(stateOf[ssmState](c, r.Account, r.Region).commands) {
		if (in.InstanceId == "" || in.InstanceId == x.Instance) && keep(x) && x.seen() {
			all = append(all, x.wire())
		}
	}
	size := cmp.Or(in.MaxResults, 50)
	if size > 50 {
		return nil, refuse("ValidationException", "maxResults must be at most 50")
	}
	at := 0
	if in.NextToken != "" {
		if _, err := fmt.Sscanf(in.NextToken, "page-%d", &at); err != nil || at > len(all) {
			return nil, refuse("InvalidNextToken", "")
		}
	}
	out := map[string]any{"Commands": append([]map[string]any{}, all[at:min(at+size, len(all))]...)}
	if at+size < len(all) {
		out["NextToken"] = fmt.Sprintf("page-%d", at+size)
	}
	return out, nil
}
