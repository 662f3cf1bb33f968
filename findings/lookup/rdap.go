package lookup

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/message"
)

// rdapSource asks the registry who has an address or a domain (RFC 9082, RFC
// 9083). The registry is asked, not the holder, who learns nothing of it.
type rdapSource struct {
	door  *door
	boots *bootstrap
}

// Name implements Source.
func (*rdapSource) Name() string { return "RDAP" }

// Takes implements Source.
func (*rdapSource) Takes(Indicator) bool { return true }

// Look implements Source.
func (s *rdapSource) Look(ctx context.Context, i Indicator) (Result, error) {
	base, err := s.boots.find(ctx, i)
	if err != nil {
		return Result{}, err
	}
	if base == nil {
		return Result{Topic: What, Nothing: "its registry offers no look-up"}, nil
	}
	path := "domain/" + i.Registrable()
	if i.Kind == IP {
		path = "ip/" + i.String()
	}
	a, err := s.ask(ctx, base.JoinPath(path))
	if err != nil {
		return Result{}, err
	}
	var o rdapObject
	if a.status != http.StatusNotFound || len(a.body) > 0 { // RFC 7480, 5.3: an explanation is optional
		if err := a.decode(&o); err != nil {
			return Result{}, err
		}
	}
	if a.status == http.StatusNotFound {
		r := Result{Topic: What, Nothing: "not registered"}
		if i.Kind == Domain {
			r.Brief = message.L("not registered")
		}
		return r, nil
	}
	if !o.about(i) {
		return Result{}, fail(Unreadable, "an answer about something else")
	}
	if i.Kind == IP {
		return o.network(), nil
	}
	return o.domain(s.door.now()), nil
}

// about says whether an answer is about what was asked: the registered name, or
// a range that holds the address.
func (o rdapObject) about(i Indicator) bool {
	if i.Kind == Domain {
		return strings.EqualFold(strings.TrimSuffix(o.LDHName, "."), i.Registrable())
	}
	first, err1 := netip.ParseAddr(o.Start)
	last, err2 := netip.ParseAddr(o.End)
	return err1 == nil && err2 == nil && first.Compare(i.Addr) <= 0 && i.Addr.Compare(last) <= 0
}

// ask makes a request and follows one redirect, when it leads to another
// registry of IANA's list: addresses move between registries.
func (s *rdapSource) ask(ctx context.Context, u *url.URL) (answer, error) {
	for hop := 0; ; hop++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return answer{}, fail(Defect, "make request: %w", err)
		}
		req.Header.Set("Accept", "application/rdap+json, application/json")
		a, err := s.door.do(req, maxBody)
		var e *Error
		if hop > 0 || !errors.As(err, &e) || e.Reason != Redirected {
			return a, err
		}
		next, parseErr := u.Parse(a.header.Get("Location"))
		if parseErr != nil || next.User != nil || !s.door.admits(next) {
			return a, err
		}
		u = next
	}
}

// rdapObject is the part of an answer that is used.
type rdapObject struct {
	LDHName  string       `json:"ldhName"`
	Name     string       `json:"name"`
	Type     string       `json:"type"`
	Country  string       `json:"country"`
	Start    string       `json:"startAddress"`
	End      string       `json:"endAddress"`
	Status   []string     `json:"status"`
	Entities []rdapEntity `json:"entities"`
	Events   []struct {
		Action string `json:"eventAction"`
		Date   string `json:"eventDate"`
	} `json:"events"`
	Servers []struct {
		Name string `json:"ldhName"`
	} `json:"nameservers"`
}

type rdapEntity struct {
	Roles    []string     `json:"roles"`
	Card     []any        `json:"vcardArray"`
	Entities []rdapEntity `json:"entities"`
}

func (o rdapObject) network() Result {
	r := Result{Topic: What}
	org := o.card("fn", "registrant")
	r.add("holder", org)
	r.add("name", o.Name)
	r.add("range", o.Start+" to "+o.End)
	r.add("country", o.Country)
	r.at("registered", o.event("registration"))
	r.add("abuse contact", o.card("email", "abuse"))
	if org == "" {
		org = o.Name
	}
	if org = clean(org); org != "" {
		r.Brief = message.L("held by ").V(org)
	}
	return r
}

func (o rdapObject) domain(now time.Time) Result {
	r := Result{Topic: What}
	created := o.event("registration")
	r.at("registered", created)
	r.add("registrar", o.card("fn", "registrar"))
	r.at("expires", o.event("expiration"))
	r.add("status", list(o.Status))
	var servers []string
	for _, s := range o.Servers {
		servers = append(servers, strings.ToLower(s.Name))
	}
	r.add("name servers", list(servers))
	r.add("abuse contact", o.card("email", "abuse"))
	if age := now.Sub(created); !created.IsZero() && age >= 0 {
		r.Brief = message.L("registered " + ago(age))
		if age < 30*24*time.Hour {
			r.Brief = message.Text{}.Strong("registered " + ago(age))
		}
	}
	return r
}

// ago is an age in the unit people would use.
func ago(age time.Duration) string {
	switch days := int(age.Hours() / 24); {
	case days < 1:
		return "today"
	case days < 90:
		return plural(days, "day") + " ago"
	case days < 730:
		return plural(days/30, "month") + " ago"
	default:
		return plural(days/365, "year") + " ago"
	}
}

func (o rdapObject) event(action string) time.Time {
	for _, e := range o.Events {
		if e.Action == action {
			return date(e.Date)
		}
	}
	return time.Time{}
}

// card finds a property of the first entity with a role (jCard, RFC 7095).
// Registries hang the abuse contact below the registrar.
func (o rdapObject) card(property, role string) string {
	return cardIn(o.Entities, property, role, 0)
}

func cardIn(entities []rdapEntity, property, role string, depth int) string {
	if depth > 3 {
		return ""
	}
	for _, e := range entities {
		for _, has := range e.Roles {
			if has == role {
				if v := e.property(property); v != "" {
					return v
				}
			}
		}
	}
	for _, e := range entities {
		if v := cardIn(e.Entities, property, role, depth+1); v != "" {
			return v
		}
	}
	return ""
}

// property reads ["vcard", [["fn", {}, "text", "Example Org"], …]].
func (e rdapEntity) property(name string) string {
	if len(e.Card) < 2 {
		return ""
	}
	rows, _ := e.Card[1].([]any)
	for _, row := range rows {
		cells, _ := row.([]any)
		if len(cells) < 4 {
			continue
		}
		label, _ := cells[0].(string)
		value, _ := cells[3].(string)
		if strings.EqualFold(label, name) && value != "" {
			return value
		}
	}
	return ""
}
