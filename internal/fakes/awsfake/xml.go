package awsfake

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"net/http"
)

// element writes a value as an element; nil is an empty one.
func element(b *bytes.Buffer, name string, v any) {
	if v == nil {
		v = struct{}{}
	}
	if err := xml.NewEncoder(b).EncodeElement(v, xml.StartElement{Name: xml.Name{Local: name}}); err != nil {
		panic("awsfake: " + err.Error())
	}
}

// xmlAnswer wraps a result as EC2 or as the other query services do.
func xmlAnswer(q *request, out any) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header + "<" + q.Op + `Response xmlns="` + q.service.xmlns + `">`)
	if q.service.protocol == ec2Query {
		b.WriteString("<requestId>" + q.RequestID + "</requestId>")
		var inner bytes.Buffer
		element(&inner, "x", out)
		b.Write(bytes.TrimSuffix(bytes.TrimPrefix(inner.Bytes(), []byte("<x>")), []byte("</x>")))
	} else {
		element(&b, q.Op+"Result", out)
		b.WriteString("<ResponseMetadata><RequestId>" + q.RequestID + "</RequestId></ResponseMetadata>")
	}
	b.WriteString("</" + q.Op + "Response>")
	return b.Bytes()
}

// wireError is an error in all XML protocols.
type wireError struct {
	Type    string `xml:"Type,omitempty"`
	Code    string `xml:"Code"`
	Message string `xml:"Message"`
}

func xmlError(q *request, e *apiError) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	w := wireError{Code: e.code, Message: e.message}
	switch q.service.protocol {
	case ec2Query:
		b.WriteString("<Response><Errors>")
		element(&b, "Error", w)
		b.WriteString("</Errors><RequestID>" + q.RequestID + "</RequestID></Response>")
	case awsREST:
		if q.http.Method == http.MethodHead {
			return nil
		}
		b.WriteString("<Error><Code>" + e.code + "</Code>")
		element(&b, "Message", e.message)
		b.WriteString("<RequestId>" + q.RequestID + "</RequestId></Error>")
	default:
		w.Type = "Sender"
		if cmp.Or(e.status, http.StatusBadRequest) >= http.StatusInternalServerError {
			w.Type = "Receiver"
		}
		b.WriteString("<ErrorResponse>")
		element(&b, "Error", w)
		b.WriteString("<RequestId>" + q.RequestID + "</RequestId></ErrorResponse>")
	}
	return b.Bytes()
}
