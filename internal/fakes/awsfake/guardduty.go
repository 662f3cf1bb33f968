package awsfake

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Finding is a GuardDuty finding as its API returns it.
type Finding struct {
	ID       string
	Type     string
	Instance string
	Severity float64
	Account  string         // whose it is; the detector's when empty, another one's for a delegated administrator
	Updated  time.Time      // zero is now
	Archived bool           // by a person, or by a suppression rule
	Document map[string]any // the whole finding; made from the above when nil
}

// guarddutyState holds the detectors of an account in a region.
type guarddutyState struct{ detectors map[string]*detector }

type detector struct {
	findings []Finding
	off      bool
}

// AddFinding puts a finding into a detector, which exists from then on.
func (c *Cloud) AddFinding(account, region, name string, f ...Finding) {
	c.with(func() {
		d := c.detector(account, region, name)
		d.findings = append(d.findings, f...)
	})
}

// SetDetector makes a detector, or switches it on and off.
func (c *Cloud) SetDetector(account, region, name string, on bool) {
	c.with(func() { c.detector(account, region, name).off = !on })
}

func (c *Cloud) detector(account, region, name string) *detector {
	s := stateOf[guarddutyState](c, account, region)
	if s.detectors == nil {
		s.detectors = map[string]*detector{}
	}
	if s.detectors[name] == nil {
		s.detectors[name] = &detector{}
	}
	return s.detectors[name]
}

func guarddutyService() service {
	ops := map[string]operation{
		"ListDetectors": {run: listDetectors, needs: func(*Cloud, *request) []Need { return []Need{{Action: "guardduty:ListDetectors"}} }},
		"GetDetector":   {run: getDetector}, "ListFindings": {run: listFindings}, "GetFindings": {run: getFindings},
	}
	for name, op := range ops {
		if op.needs == nil {
			op.needs = func(_ *Cloud, r *request) []Need {
				return []Need{{Action: "guardduty:" + name, Resource: "arn:aws:guardduty:" + r.Region + ":" + r.Account + ":detector/" + detectorOf(r.http)}}
			}
			ops[name] = op
		}
	}
	return service{protocol: awsRESTJSON, ops: ops, route: guarddutyRoute}
}

// guarddutyRoute follows the API reference's request URIs.
func guarddutyRoute(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case parts[0] != "detector":
		return ""
	case r.Method == http.MethodGet && len(parts) == 1:
		return "ListDetectors"
	case r.Method == http.MethodGet && len(parts) == 2:
		return "GetDetector"
	case r.Method == http.MethodPost && len(parts) == 3 && parts[2] == "findings":
		return "ListFindings"
	case r.Method == http.MethodPost && len(parts) == 4 && parts[2] == "findings" && parts[3] == "get":
		return "GetFindings"
	}
	return ""
}

func detectorOf(r *http.Request) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/detector/"), "/")
	return id
}

func listDetectors(c *Cloud, r *request) (any, error) {
	all := stateOf[guarddutyState](c, r.Account, r.Region).detectors
	return map[string]any{"detectorIds": append([]string{}, slices.Sorted(maps.Keys(all))...)}, nil
}

func detectorIn(c *Cloud, r *request) (*detector, error) {
	d := stateOf[guarddutyState](c, r.Account, r.Region).detectors[detectorOf(r.http)]
	if d == nil {
		return nil, refuse("BadRequestException", "The request is rejected because the input detectorId is not owned by the current account.")
	}
	return d, nil
}

func getDetector(c *Cloud, r *request) (any, error) {
	d, err := detectorIn(c, r)
	if err != nil {
		return nil, err
	}
	return map[string]any{"serviceRole": "arn:aws:iam::" + r.Account + ":role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty",
		"status": either(d.off, "DISABLED", "ENABLED"), "findingPublishingFrequency": "SIX_HOURS"}, nil
}

// listFindings pages through ids, newest first, at most 50 at a time (API
// reference, ListFindings). It knows the two criteria that matter here.
func listFindings(c *Cloud, r *request) (any, error) {
	d, err := detectorIn(c, r)
	if err != nil {
		return nil, err
	}
	var in struct {
		MaxResults      int    `json:"maxResults"`
		NextToken       string `json:"nextToken"`
		FindingCriteria struct {
			Criterion map[string]struct {
				Equals  []string `json:"equals"`
				AtLeast *int64   `json:"greaterThanOrEqual"`
			} `json:"criterion"`
		} `json:"findingCriteria"`
	}
	if err := json.Unmarshal(r.body, &in); err != nil || in.MaxResults < 0 || in.MaxResults > 50 {
		return nil, refuse("BadRequestException", "The request is rejected because the parameter maxResults has an invalid value.")
	}
	for name := range in.FindingCriteria.Criterion {
		if name != "updatedAt" && name != "service.archived" {
			return nil, refuse("BadRequestException", "The request is rejected because the criterion %s is not known here.", name)
		}
	}
	from, err := strconv.Atoi("0" + in.NextToken)
	if err != nil {
		return nil, refuse("BadRequestException", "The request is rejected because the parameter nextToken has an invalid value.")
	}
	since, archived := in.FindingCriteria.Criterion["updatedAt"].AtLeast, in.FindingCriteria.Criterion["service.archived"].Equals
	ids := []string{}
	for _, f := range slices.Backward(d.findings) {
		if (since == nil || f.updated(c).UnixMilli() >= *since) && (len(archived) == 0 || archived[0] == strconv.FormatBool(f.Archived)) {
			ids = append(ids, f.ID)
		}
	}
	size := in.MaxResults
	if size == 0 {
		size = 50
	}
	from = min(from, len(ids))
	end := min(from+size, len(ids))
	out := map[string]any{"findingIds": ids[from:end], "nextToken": ""}
	if end < len(ids) {
		out["nextToken"] = strconv.Itoa(end)
	}
	return out, nil
}

func (f Finding) updated(c *Cloud) time.Time {
	if f.Updated.IsZero() {
		return c.Now()
	}
	return f.Updated
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
	d, err := detectorIn(c, r)
	if err != nil {
		return nil, err
	}
	out := []map[string]any{}
	for _, f := range d.findings {
		if slices.Contains(in.FindingIDs, f.ID) {
			out = append(out, f.document(c, r))
		}
	}
	return map[string]any{"findings": out}, nil
}

// document is the finding as it is answered.
func (f Finding) document(c *Cloud, r *request) map[string]any {
	if f.Document != nil {
		return f.Document
	}
	type object = map[string]any
	owner, at := f.Account, f.updated(c).UTC().Format("2006-01-02T15:04:05.000Z")
	if owner == "" {
		owner = r.Account
	}
	d := detectorOf(r.http)
	return object{"schemaVersion": "2.0", "accountId": owner, "region": r.Region, "partition": "aws", "id": f.ID, "type": f.Type, "severity": f.Severity,
		"arn":       "arn:aws:guardduty:" + r.Region + ":" + owner + ":detector/" + d + "/finding/" + f.ID,
		"createdAt": at, "updatedAt": at, "title": f.Type, "description": "An example.",
		"resource": object{"resourceType": "Instance", "instanceDetails": object{"instanceId": f.Instance}},
		"service":  object{"serviceName": "guardduty", "detectorId": d, "archived": f.Archived, "count": 1}}
}
