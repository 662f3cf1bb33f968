package awsfake

import (
	"encoding/json"
	"net/http"
	"strings"
)

// Finding is a GuardDuty finding as its API returns it.
type Finding struct {
	ID       string
	Type     string
	Instance string
	Severity float64
}

// guarddutyState holds the findings of each detector.
type guarddutyState struct{ detectors map[string][]Finding }

// AddFinding puts a finding into a detector, which exists from then on.
func (c *Cloud) AddFinding(account, region, detector string, f ...Finding) {
	c.with(func() {
		s := stateOf[guarddutyState](c, account, region)
		if s.detectors == nil {
			s.detectors = map[string][]Finding{}
		}
		s.detectors[detector] = append(s.detectors[detector], f...)
	})
}

func guarddutyService() service {
	return service{protocol: awsRESTJSON,
		ops: map[string]operation{"GetFindings": {run: getFindings, needs: func(_ *Cloud, r *request) []Need {
			return []Need{{Action: "guardduty:GetFindings", Resource: "arn:aws:guardduty:" + r.Region + ":" + r.Account + ":detector/" + detectorOf(r.http)}}
		}}},
		route: func(r *http.Request) string {
			if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/detector/") && strings.HasSuffix(r.URL.Path, "/findings/get") {
				return "GetFindings"
			}
			return ""
		}}
}

func detectorOf(r *http.Request) string {
	return strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/detector/"), "/findings/get")
}

// getFindings answers with the findings it has and says nothing of the others
// (GuardDuty API reference, GetFindings).
func getFindings(c *Cloud, r *request) (any, error) {
	var in struct {
		FindingIDs []string `json:"findingIds"`
	}
	if err := json.Unmarshal(r.body, &in); err != nil || len(in.FindingIDs) == 0 || len(in.FindingIDs) > 50 {
		return nil, refuse("BadRequestException", "The request is rejected because the parameter findingIds has an invalid value.")
	}
	found, known := stateOf[guarddutyState](c, r.Account, r.Region).detectors[detectorOf(r.http)]
	if !known {
		return nil, refuse("BadRequestException", "The request is rejected because the input detectorId is not owned by the current account.")
	}
	type object = map[string]any
	out := []object{}
	for _, f := range found {
		for _, id := range in.FindingIDs {
			if f.ID == id {
				out = append(out, object{"accountId": r.Account, "region": r.Region, "id": f.ID, "type": f.Type, "severity": f.Severity,
					"resource": object{"resourceType": "Instance", "instanceDetails": object{"instanceId": f.Instance}}})
			}
		}
	}
	return object{"findings": out}, nil
}
