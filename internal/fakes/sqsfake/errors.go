package sqsfake

import (
	"errors"
	"net/http"

	"github.com/go-json-experiment/json"
)

// errDropped means that the connection ends without an answer.
var errDropped = errors.New("sqsfake: connection dropped")

// apiError is an answer of the service that is not 200.
type apiError struct {
	status  int // 400 when zero
	code    string
	message string
	server  bool // the service's fault, not the sender's
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func refuse(code, message string) *apiError { return &apiError{code: code, message: message} }

// queryCode returns the name an error had in the older query protocol, which
// the service still sends in a header.
func queryCode(code string) string {
	switch code {
	case "QueueDoesNotExist":
		return "AWS.SimpleQueueService.NonExistentQueue"
	case "QueueNameExists":
		return "QueueAlreadyExists"
	case "BatchEntryIdsNotDistinct", "BatchRequestTooLong", "EmptyBatchRequest", "InvalidBatchEntryId",
		"MessageNotInflight", "TooManyEntriesInBatchRequest", "UnsupportedOperation":
		return "AWS.SimpleQueueService." + code
	}
	return code
}

func writeError(w http.ResponseWriter, err error) {
	var e *apiError
	if !errors.As(err, &e) {
		e = &apiError{status: http.StatusInternalServerError, code: "InternalError", message: err.Error(), server: true}
	}
	status, side := e.status, "Sender"
	if status == 0 {
		status = http.StatusBadRequest
	}
	if e.server {
		side = "Receiver"
	}
	body, err := json.Marshal(map[string]string{"__type": "com.amazonaws.sqs#" + e.code, "message": e.message})
	if err != nil {
		body = []byte(`{"__type":"com.amazonaws.sqs#InternalError"}`)
	}
	w.Header().Set("X-Amzn-Query-Error", queryCode(e.code)+";"+side)
	writeJSON(w, status, body)
}
