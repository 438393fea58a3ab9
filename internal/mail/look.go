package mail

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Look is the operator's part in how mails appear: the same as on the pages.
type Look struct {
	OperatorName string // required
	Accent       string // #rrggbb; empty: ours
	PublicURL    string // of the pages; required, without a slash at its end
	Links        Links
}

// Links stand at the foot of a mail, each only when it is set.
type Links struct {
	Terms   string // https
	Privacy string // https
	Support string // https or mailto
}

// frame is what is the same in every mail of a language.
type frame struct {
	palette

	Operator string
	Site     string // host of the pages
	url      string
	links    Links
}

func newFrame(look Look) (frame, error) {
	colours, accentFault := paletteOf(look.Accent)
	var nameFault, siteFault error
	if strings.TrimSpace(look.OperatorName) == "" || hasControl(look.OperatorName) {
		nameFault = errors.New("mail: whose mails these are has no name; set one")
	}
	site, err := url.Parse(look.PublicURL)
	if err != nil || site.Host == "" || site.Scheme != "https" && site.Scheme != "http" {
		siteFault = fmt.Errorf("mail: %q is no address of pages; write https://HOST", look.PublicURL)
	}
	if err := errors.Join(nameFault, siteFault, accentFault, look.Links.check()); err != nil {
		return frame{}, err
	}
	return frame{
		palette: colours, Operator: look.OperatorName, Site: site.Host,
		url: strings.TrimRight(look.PublicURL, "/"), links: look.Links,
	}, nil
}

func (l Links) check() error {
	var problems []error
	for _, link := range []struct {
		name, text string
		mailto     bool
	}{{"terms", l.Terms, false}, {"privacy", l.Privacy, false}, {"support", l.Support, true}} {
		if link.text == "" {
			continue
		}
		u, err := url.Parse(link.text)
		https := err == nil && u.Scheme == "https" && u.Host != ""
		mailto := err == nil && link.mailto && u.Scheme == "mailto" && u.Opaque != ""
		if !https && !mailto {
			problems = append(problems, fmt.Errorf("mail: the link %s is %q; write an https address", link.name, link.text))
		}
	}
	return errors.Join(problems...)
}
