package main

import (
	"slices"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
)

// What the page shows of TheHive.

type record struct {
	Kind        string   `json:"kind"` // alert or case
	Number      int      `json:"number,omitempty"`
	Ref         string   `json:"ref,omitempty"`
	Title       string   `json:"title"`
	Status      string   `json:"status"`
	Closed      bool     `json:"closed"`
	Severity    int      `json:"severity"` // 1 low … 4 critical
	Observables []seen   `json:"observables"`
	Comments    []said   `json:"comments"`
	Attachments []upload `json:"attachments"`

	at time.Time
}

type seen struct {
	Type string `json:"type"`
	Data string `json:"data"`
}

type said struct {
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

type upload struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Size int    `json:"size"`
}

// records lists cases and the alerts that have not become one, newest first.
func (d *demo) records() []record {
	h := d.world.Hive.Snapshot()
	out := []record{}
	for _, k := range h.Cases {
		out = append(out, record{Kind: "case", Number: k.Number, Title: k.Title, Status: k.Status, Closed: k.Stage == "Closed", Severity: k.Severity,
			Observables: seenOf(k.Observables), Comments: saidOf(k.Comments), Attachments: uploadsOf(k.Attachments), at: k.Created})
	}
	for _, a := range h.Alerts {
		if a.CaseID == "" {
			out = append(out, record{Kind: "alert", Ref: a.SourceRef, Title: a.Title, Status: a.Status, Closed: a.Stage == "Closed", Severity: a.Severity,
				Observables: seenOf(a.Observables), Comments: saidOf(a.Comments), Attachments: uploadsOf(a.Attachments), at: a.Created})
		}
	}
	slices.SortStableFunc(out, func(a, b record) int { return b.at.Compare(a.at) })
	return out
}

func seenOf(list []thehivefake.Observable) []seen {
	out := []seen{}
	for _, o := range list {
		out = append(out, seen{o.DataType, o.Data})
	}
	return out
}

func saidOf(list []thehivefake.Comment) []said {
	out := []said{}
	for _, c := range list {
		out = append(out, said{c.Message, c.At})
	}
	return out
}

func uploadsOf(list []thehivefake.Attachment) []upload {
	out := []upload{}
	for _, a := range list {
		out = append(out, upload{a.ID, a.Name, len(a.Data)})
	}
	return out
}
