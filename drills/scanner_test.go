package drills

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestOneAddress: however often, and from wherever, mail to one address is asked for, it
// gets a few, and every answer is the same.
func TestOneAddress(t *testing.T) {
	d := begin(t, "one address")
	o := openPostOffice(d)
	s := deploy(d, o.settings("KEYTURN_SIGN_UP=email")...)
	const address, workers = "ana@drill.example", 8
	asks := size(800, 10_000)
	faces := make([]map[string]int, workers)
	d.must(crowd(workers, func(worker int) error {
		c := s.wanderer(worker)
		faces[worker] = map[string]int{}
		for range asks / workers {
			a, err := c.send(http.MethodPost, askLink, fmt.Appendf(nil, `{"email":%q}`, address))
			if err != nil {
				return err
			}
			faces[worker][faceOf(a)]++
		}
		return nil
	}))
	all := map[string]int{}
	for _, some := range faces {
		for face, n := range some {
			all[face] += n
		}
	}
	if len(all) != 1 || !strings.HasPrefix(slices.Collect(maps.Keys(all))[0], "202") {
		d.Errorf("answers differ: %v", all)
	}
	o.next(address, "")
	s.stop() // mails under way are sent first
	if waiting := watch(d, s.database()).number("SELECT count(*) FROM mails"); waiting != 0 {
		d.Errorf("%d mails wait still", waiting)
	}
	letters, _ := o.all()
	if len(letters) > 5 {
		d.Errorf("%d mails to one address", len(letters))
	}
	d.report("%d asked for by ever other networks: %d mails to the address, %d different answers", asks, len(letters), len(all))
}

// awaitNoMails waits until the server has settled all that it sent.
func (e *eye) awaitNoMails() {
	e.d.Helper()
	deadline := time.After(postPatience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for e.number("SELECT count(*) FROM mails") > 0 {
		select {
		case <-tick.C:
		case <-deadline:
			e.d.Fatal("mails stay in the outbox")
		}
	}
}

// TestLinkScanner: what fetches every link of a mail before a person sees it spends
// nothing, and the person's link works.
func TestLinkScanner(t *testing.T) {
	d := begin(t, "link scanner")
	o := openPostOffice(d)
	s := deploy(d, o.settings("KEYTURN_SIGN_UP=email", "KEYTURN_LINKS=always")...)
	c := s.wanderer(0)
	const email = "ana@drill.example"
	request := d.asksForLink(c, email)
	mail := o.next(email, "")
	e := watch(d, s.database())
	e.awaitNoMails()
	before, scanner, fetched := e.look(), s.client(), 0
	scanner.origin = ""
	for _, link := range regexp.MustCompile(`https?://[^\s"<>]+`).FindAllString(mail.text+" "+mail.html, -1) {
		path, ours := strings.CutPrefix(link, s.url)
		if !ours {
			continue
		}
		page, token, _ := strings.Cut(path, "#")
		// A scanner drops what stands behind the #; one that knows no better sends it.
		for _, target := range []string{page, page + "?" + token, page + "%23" + token, page + "/" + token} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				a, err := scanner.send(method, target, nil)
				d.must(err)
				if len(a.header.Values("Set-Cookie")) > 0 {
					d.Errorf("%s %s sets a cookie", method, target)
				}
				fetched++
			}
		}
	}
	if tables := before.differ(e.look()); len(tables) > 0 {
		d.Errorf("the scanner changed %v", tables)
	}
	if fetched == 0 {
		d.Error("the mail has no link")
	}
	var won right
	d.posted(c, finishLink, map[string]string{"token": mail.token("/link"), "request": request}, http.StatusOK, &won)
	d.report("%d fetches of the links of a mail changed nothing, and the person's link works", fetched)
}
