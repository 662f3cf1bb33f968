package store

import "fmt"

// checkCommit finds what no server could accept. Messages name no id: ids may
// hold text from outside.
func checkCommit(c Commit) error {
	if err := checkIDs(c); err != nil {
		return err
	}
	for _, w := range c.Writes {
		switch {
		case w.IfVersion < 0 || w.TTL < 0:
			return fmt.Errorf("%w: a negative version or lifetime", ErrUsage)
		case w.Body != nil && w.Open && w.Timer.IsZero():
			return fmt.Errorf("%w: an open document without a timer", ErrUsage)
		}
	}
	for _, m := range c.Marks {
		if m.TTL <= 0 {
			return fmt.Errorf("%w: a mark without a lifetime", ErrUsage)
		}
	}
	for _, d := range c.Done {
		if d.Fence <= 0 {
			return fmt.Errorf("%w: an effect was finished that was not claimed", ErrUsage)
		}
	}
	for _, e := range c.Plan {
		if laneNumber(e.Lane) == 0 {
			return fmt.Errorf("%w: an effect in an unknown lane", ErrUsage)
		}
		if e.Due.IsZero() {
			return fmt.Errorf("%w: an effect that is never due", ErrUsage)
		}
	}
	return nil
}

// checkIDs wants every id to be there, of bearable length, and each document
// and mark once: the second write of one document could only conflict.
func checkIDs(c Commit) error {
	seen := make(map[string]bool, len(c.Writes)+len(c.Marks))
	ids := []string{c.Op}
	for _, w := range c.Writes {
		ids = append(ids, w.ID)
		if seen["d"+w.ID] {
			return fmt.Errorf("%w: a document is written twice in one commit", ErrUsage)
		}
		seen["d"+w.ID] = true
	}
	for _, m := range c.Marks {
		ids = append(ids, m.ID)
		if seen["m"+m.ID] {
			return fmt.Errorf("%w: a mark is set twice in one commit", ErrUsage)
		}
		seen["m"+m.ID] = true
	}
	for _, e := range c.Plan {
		ids = append(ids, e.ID)
	}
	for _, d := range c.Done {
		ids = append(ids, d.ID)
	}
	ids = append(ids, c.Cancel...)
	for _, id := range ids {
		if id == "" || len(id) > maxID {
			return fmt.Errorf("%w: an id is empty or longer than %d bytes", ErrUsage, maxID)
		}
	}
	return nil
}
