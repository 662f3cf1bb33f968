package message

import "unicode/utf8"

// Cut shortens a text to most characters, at least 1; the last one then shows
// that there was more.
func Cut(s string, most int) string {
	if len(s) <= most || utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
