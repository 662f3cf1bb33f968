package report

import "fmt"

// hints says what the numbers suggest, and only where there are enough of them.
// Each names its numbers: whoever reads it decides.
func hints(r *Report) []string {
	out := []string{}
	for _, v := range r.Rules {
		answered := v.Yes + v.No + v.Silence
		switch {
		case v.No == 0 && v.Yes >= Few && v.Yes == answered:
			out = append(out, fmt.Sprintf("rule %s asked about %d cases; %d were answered, all with yes: a narrower condition could spare people the question", v.Name, v.Asked, answered))
		case v.Silence >= Few && 2*v.Silence > answered:
			out = append(out, fmt.Sprintf("rule %s asked about %d cases and %d of %d ended in silence: it may ask the wrong people, or wait too short a time", v.Name, v.Asked, v.Silence, answered))
		}
		if v.Judged() >= Few && 10*v.False >= 8*v.Judged() {
			out = append(out, fmt.Sprintf("rule %s: %d of %d judged cases were false positives, %d real: try a change with policy diff", v.Name, v.False, v.Judged(), v.True))
		}
		if v.Paged >= Few && v.Judged() >= Few && v.True == 0 {
			out = append(out, fmt.Sprintf("rule %s paged for %d cases; of %d judged none was real", v.Name, v.Paged, v.Judged()))
		}
	}
	if q := r.Questions; q.NotAsked >= Few {
		out = append(out, fmt.Sprintf("%d cases should have been put to a person, but nobody could be asked: the configuration (enrich.people) may lack them", q.NotAsked))
	}
	if r.Degraded >= Few && 10*r.Degraded >= r.Cases {
		out = append(out, fmt.Sprintf("%d of %d cases were decided while a look-up that mattered did not answer", r.Degraded, r.Cases))
	}
	return out
}
