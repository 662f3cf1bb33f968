package thehivefake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// route names the operation of a request and the record it is about.
func route(r *http.Request) (op, id string) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/api/v1/")
	if !ok {
		return "", ""
	}
	parts := strings.Split(rest, "/")
	pattern := make([]string, len(parts))
	copy(pattern, parts)
	if len(parts) > 1 && (parts[0] == "alert" || parts[0] == "case") {
		id, pattern[1] = parts[1], "*"
	}
	return map[string]string{
		"GET user/current": "check", "POST query": "query", "POST alert": "createAlert",
		"GET alert/*": "getAlert", "PATCH alert/*": "updateAlert", "POST alert/*/case": "promote",
		"GET case/*": "getCase", "PATCH case/*": "updateCase",
		"POST alert/*/observable": "observable", "POST case/*/observable": "observable",
		"POST alert/*/comment": "comment", "POST case/*/comment": "comment",
		"POST alert/*/attachments": "attach", "POST case/*/attachments": "attach",
	}[r.Method+" "+strings.Join(pattern, "/")], id
}

// answer is what a call gets.
type answer struct {
	status     int
	body       string
	retryAfter string
	problem    string
	hang, drop bool
}

func says(status int, v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("thehivefake: %v", err))
	}
	return answer{status: status, body: string(body)}
}

func refuse(status int, kind, text string) answer {
	a := says(status, map[string]string{"type": kind, "message": text})
	a.problem = text
	return a
}

func invalid(text string) answer { return refuse(http.StatusBadRequest, "BadRequest", text) }

func missing(what string) answer {
	return refuse(http.StatusNotFound, "NotFoundError", what+" not found")
}
