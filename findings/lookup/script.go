package lookup

import (
	"strings"
	"unicode"
)

// like are letters of other scripts that many fonts draw as Latin ones (Unicode
// Technical Standard 39 has the full list; these are the usual ones).
const like = "аеорсхуіјѕһԁԛԝӏкмтвнгпЬь" + "αοριυνκτχγηωεϲϳ" + "օսհոցզյ"

// lookalikes says what about the letters of a name may deceive a reader.
func lookalikes(name string) []string {
	notes := []string{"The name has letters other than a to z; compare its xn-- form, not its looks."}
	for _, label := range strings.Split(name, ".") {
		scripts := scriptsOf(label)
		switch {
		case mixed(scripts):
			notes = append(notes, "One part mixes letters of several scripts, as look-alike names do.")
		case !scripts["Latin"] && len(scripts) == 1 && strings.Trim(label, like+"0123456789-") == "":
			notes = append(notes, "All letters of one part look like Latin ones but are not, as look-alike names do.")
		}
	}
	return notes
}

func scriptsOf(label string) map[string]bool {
	out := map[string]bool{}
	for _, r := range label {
		if !unicode.IsLetter(r) || unicode.In(r, unicode.Common, unicode.Inherited) {
			continue
		}
		for name, table := range unicode.Scripts {
			if unicode.Is(table, r) {
				out[name] = true
				break
			}
		}
	}
	return out
}

// mixed says whether scripts stand together that no language writes together.
// Japanese, Korean and Chinese mix theirs, also with Latin (UTS 39, "highly
// restrictive").
func mixed(scripts map[string]bool) bool {
	if len(scripts) < 2 {
		return false
	}
	for _, together := range [][]string{{"Latin", "Han", "Hiragana", "Katakana"}, {"Latin", "Han", "Bopomofo"}, {"Latin", "Han", "Hangul"}} {
		n := 0
		for _, s := range together {
			if scripts[s] {
				n++
			}
		}
		if n == len(scripts) {
			return false
		}
	}
	return true
}
