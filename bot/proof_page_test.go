package bot

import (
	"strings"
	"testing"
)

// What a person or an identity provider is called cannot break out of the page.
func TestAPageEscapesWhatItIsGiven(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script>&'`
	for _, p := range []page{
		{Title: evil, Text: evil},
		{Title: evil, Who: evil, Act: evil, Ref: evil, Action: evil, State: evil, Mark: evil},
	} {
		got := p.html()
		if strings.Contains(got, "<script") || strings.Contains(got, `""`) || !strings.Contains(got, "&#34;&gt;&lt;script&gt;") {
			t.Error(got)
		}
	}
}
