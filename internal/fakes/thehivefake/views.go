package thehivefake

import "encoding/json"

func alertView(a *Alert) map[string]any {
	v := map[string]any{"_id": a.ID, "_type": "Alert", "_createdBy": "securitybot", "_createdAt": a.Created.UnixMilli(), "type": a.Type, "source": a.Source,
		"sourceRef": a.SourceRef, "title": a.Title, "description": a.Description, "severity": a.Severity, "date": a.Date, "tags": a.Tags, "tlp": a.TLP, "pap": a.PAP,
		"status": a.Status, "stage": a.Stage, "observableCount": len(a.Observables), "follow": true, "extraData": map[string]any{}}
	if a.CaseID != "" {
		v["caseId"] = a.CaseID
	}
	return v
}

func caseView(c *Case) map[string]any {
	return map[string]any{"_id": c.ID, "_type": "Case", "_createdBy": "securitybot", "_createdAt": c.Created.UnixMilli(), "number": c.Number, "title": c.Title,
		"description": c.Description, "severity": c.Severity, "tags": c.Tags, "tlp": c.TLP, "pap": c.PAP, "status": c.Status, "stage": c.Stage, "summary": c.Summary,
		"flag": false, "extraData": map[string]any{}}
}

func commentView(c Comment) map[string]any {
	return map[string]any{"_id": c.ID, "_type": "Comment", "createdBy": c.By, "createdAt": c.At.UnixMilli(), "message": c.Message, "isEdited": false, "extraData": map[string]any{}}
}

func observableView(o Observable) map[string]any {
	return map[string]any{"_id": o.ID, "_type": "Observable", "dataType": o.DataType, "data": o.Data, "message": o.Message, "tags": o.Tags, "tlp": o.TLP, "pap": o.PAP,
		"ioc": o.IOC, "sighted": o.Sighted, "extraData": map[string]any{}}
}

func attachmentView(a Attachment) map[string]any {
	return map[string]any{"_id": a.ID, "_type": "Attachment", "name": a.Name, "contentType": a.ContentType, "size": len(a.Data), "hashes": []string{a.SHA256}, "id": a.SHA256, "extraData": map[string]any{}}
}

// raw turns views into what a JSON decoder would give, for filters.
func raw(v any) map[string]any {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	var out map[string]any
	if json.Unmarshal(b, &out) != nil {
		return nil
	}
	return out
}
