package thehive

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"
)

// Observable is something a case is about, as it is: not defanged, not escaped.
type Observable struct {
	Type    string   // one of TheHive's types, such as ip, domain, fqdn, hash, mail, url or other; anything else becomes other
	Data    string   // at most 4096 bytes; a longer one is left out
	Message string   // what it has to do with the case; outside text is fine
	Tags    []string // such as remote or actor
	Sighted bool     // it was seen in what happened
	IOC     bool     // it is a sign of an attack wherever it shows up. Never the address of an employee's home.
}

// dataTypes are the types every installation has (TheHive documentation,
// "About Observable Types"). Administrators can delete some, and all can add more.
var dataTypes = []string{"autonomous-system", "domain", "file", "filename", "fqdn", "hash", "hostname", "ip", "mail", "mail-subject", "other",
	"regexp", "registry", "uri_path", "url", "user-agent"}

const (
	maxData        = 4096
	maxObservables = 100 // of one call
	maxMessage     = 2000
)

// observableBody is an observable on the wire, and what we read of one.
type observableBody struct {
	DataType string   `json:"dataType"`
	Data     string   `json:"data,omitempty"`
	Message  string   `json:"message,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	TLP      int      `json:"tlp"`
	PAP      int      `json:"pap"`
	IOC      bool     `json:"ioc"`
	Sighted  bool     `json:"sighted"`
}

func (c *Client) observable(o Observable) observableBody {
	return observableBody{DataType: o.Type, Data: o.Data, Message: escape(o.Message, maxMessage), Tags: tags(o.Tags), TLP: c.marking.tlp(), PAP: c.marking.pap(),
		IOC: o.IOC, Sighted: o.Sighted}
}

// unique returns the observables in the form TheHive compares them, each once.
// Older versions refuse a whole alert that names one twice
// (TheHive-Project/TheHive#1514).
func unique(list []Observable) []Observable {
	var out []Observable
	for _, o := range list {
		o, ok := o.canonical()
		if !ok {
			continue
		}
		i := slices.IndexFunc(out, func(p Observable) bool { return p.Type == o.Type && p.Data == o.Data })
		if i < 0 {
			if len(out) < maxObservables {
				out = append(out, o)
			}
			continue
		}
		first := &out[i]
		first.Tags = append(slices.Clone(first.Tags), o.Tags...)
		first.IOC, first.Sighted = first.IOC || o.IOC, first.Sighted || o.Sighted
	}
	return out
}

// canonical brings an observable to one form; false when nothing is left of it.
func (o Observable) canonical() (Observable, bool) {
	o.Data = strings.TrimSpace(o.Data)
	if o.Data == "" || len(o.Data) > maxData || !utf8.ValidString(o.Data) || strings.ContainsRune(o.Data, 0) {
		return o, false
	}
	switch o.Type {
	case "ip":
		ip, err := netip.ParseAddr(o.Data)
		if err != nil {
			o.Type = "other"
			break
		}
		o.Data = ip.Unmap().String()
	case "domain", "fqdn", "hostname", "hash":
		o.Data = strings.ToLower(o.Data)
	case "file": // needs a file, not data
		o.Type = "filename"
	}
	if !slices.Contains(dataTypes, o.Type) {
		o.Type = "other"
	}
	return o, true
}

// AddObservables adds those that a record does not have yet. One that TheHive
// refuses does not keep the others out; the first refusal is the error then.
func (c *Client) AddObservables(ctx context.Context, to Record, given []Observable) error {
	const op = "add observables"
	wanted := unique(given)
	if len(wanted) == 0 {
		return nil
	}
	path, err := to.path(op)
	if err != nil {
		return err
	}
	have := func(o observableBody) bool {
		wanted = slices.DeleteFunc(wanted, func(w Observable) bool { return w.Type == o.DataType && w.Data == o.Data })
		return len(wanted) == 0
	}
	if err := list(ctx, c, op, to, "observables", have); err != nil {
		return err
	}
	var first error
	for _, o := range wanted {
		err := c.call(ctx, op, http.MethodPost, path+"/observable", c.observable(o), nil)
		var e *Error
		switch {
		case err == nil || saysThere(err):
		case errors.As(err, &e) && e.Class == Permanent:
			if first == nil {
				first = err
			}
		default:
			return err
		}
	}
	return first
}
