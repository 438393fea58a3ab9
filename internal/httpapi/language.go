package httpapi

import (
	"hash/maphash"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/text/language"
)

const (
	// fallbackLanguage is for people whose browser asks for none that there is.
	fallbackLanguage = "en"
	// maxLanguages bounds what is read of a list of languages, in bytes.
	maxLanguages = 256
	// wishesKept is how many lists are remembered. Browsers send few different ones.
	wishesKept = 256
)

// languages chooses among those of the pages, and remembers what it chose: reading what a
// browser asks for takes 4 µs, and nearly all of them ask for the same.
type languages struct {
	names   []string // the first is fallbackLanguage
	matcher language.Matcher
	seed    maphash.Seed
	kept    *[wishesKept]atomic.Pointer[wish] // by hash; a newcomer takes the place of what stands there
}

// wish is an Accept-Language and what came of it.
type wish struct{ accept, name string }

// newLanguages takes the languages there are beside fallbackLanguage.
func newLanguages(others []language.Tag) languages {
	slices.SortFunc(others, func(a, b language.Tag) int { return strings.Compare(a.String(), b.String()) })
	tags := append([]language.Tag{language.Make(fallbackLanguage)}, others...)
	l := languages{matcher: language.NewMatcher(tags), seed: maphash.MakeSeed(), kept: new([wishesKept]atomic.Pointer[wish])}
	for _, tag := range tags {
		l.names = append(l.names, tag.String())
	}
	return l
}

// best is the best language for a request: ?lang=, which a link may carry, before what
// the browser asks for.
func (l languages) best(r *http.Request) string {
	accept := r.Header.Get("Accept-Language")
	if len(accept) > maxLanguages {
		accept = "" // no browser sends that, and reading it costs us
	}
	if r.URL.RawQuery != "" {
		if asked := r.URL.Query().Get("lang"); asked != "" && len(asked) <= maxLanguages {
			return l.match(asked, accept)
		}
	}
	if accept == "" {
		return fallbackLanguage
	}
	place := &l.kept[maphash.String(l.seed, accept)%wishesKept]
	if known := place.Load(); known != nil && known.accept == accept {
		return known.name
	}
	name := l.match(accept)
	place.Store(&wish{strings.Clone(accept), name})
	return name
}

func (l languages) match(asked ...string) string {
	_, i := language.MatchStrings(l.matcher, asked...)
	return l.names[i]
}
