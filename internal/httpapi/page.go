package httpapi

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"

	"golang.org/x/text/language"

	"github.com/keyturn/keyturn/internal/session"
)

// page is a page or an asset: bytes that stay what they are until the server is
// started anew.
type page struct {
	media  string
	body   []byte
	packed []byte // the same by gzip; nil when that saves nothing
}

// packer packs pages. Its writer is one for all of them: each has 800 kB of tables.
type packer struct{ gzip *gzip.Writer }

func newPacker() (packer, error) {
	w, err := gzip.NewWriterLevel(nil, gzip.BestCompression)
	return packer{w}, err
}

func (k packer) page(media string, body []byte) (page, error) {
	p := page{media: media, body: body}
	if !strings.HasPrefix(media, "text/") && media != "image/svg+xml" {
		return p, nil
	}
	var packed bytes.Buffer
	k.gzip.Reset(&packed)
	if _, err := k.gzip.Write(body); err != nil {
		return page{}, err
	}
	if err := k.gzip.Close(); err != nil {
		return page{}, err
	}
	if packed.Len() < len(body) {
		p.packed = bytes.Clone(packed.Bytes()) // without the buffer's room to grow
	}
	return p, nil
}

// pages is the site: every page in every language, and every asset.
type pages struct {
	files     map[string]page // by path, as Config.Pages has them
	languages languages
}

func newPages(files map[string][]byte) (pages, error) {
	p := pages{files: map[string]page{}}
	pack, err := newPacker()
	if err != nil {
		return p, fmt.Errorf("httpapi: pack pages: %w", err)
	}
	var tags []language.Tag
	for name, body := range files {
		made, err := pack.page(mediaType(name), body)
		if err != nil {
			return p, fmt.Errorf("httpapi: pack %s: %w", name, err)
		}
		p.files[name] = made
		if lang, ok := strings.CutSuffix(strings.TrimPrefix(name, "pages/"), "/sign-in.html"); ok && lang != fallbackLanguage {
			tag, err := language.Parse(lang)
			if err != nil {
				return p, fmt.Errorf("httpapi: %s: %w", name, err)
			}
			tags = append(tags, tag)
		}
	}
	if _, ok := p.files["pages/"+fallbackLanguage+"/sign-in.html"]; !ok {
		return p, errors.New("httpapi: no pages in " + fallbackLanguage)
	}
	p.languages = newLanguages(tags)
	return p, nil
}

// mediaType is fixed for what we have, since the system's table differs by machine.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".webp":
		return "image/webp"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// servePage serves a page that everybody may see.
func (a *API) servePage(name string) func(*exchange, *http.Request) {
	return func(x *exchange, r *http.Request) { a.sendPage(x, r, name) }
}

// sendPage sends a page in the language of who asks.
func (a *API) sendPage(x *exchange, r *http.Request, name string) {
	x.Header().Add("Vary", "Accept-Language")
	a.send(x, r, "pages/"+a.pages.languages.best(r)+"/"+name+".html", "no-store")
}

// lost answers somebody who came to an address without a page: in words, and with a
// way on. Programs get the problem document.
func (a *API) lost(x *exchange, r *http.Request) {
	p, ok := a.pages.files["pages/"+a.pages.languages.best(r)+"/lost.html"]
	if !ok || !wantsPage(r) {
		a.fail(x, refused(codeNotFound))
		return
	}
	x.code = codeNotFound
	x.Header().Add("Vary", "Accept, Accept-Language")
	write(x, http.StatusNotFound, p.media, p.body)
}

// wantsPage tells whether a person looks at what is answered: their browser names
// text/html, which no program does that wants JSON or whatever comes.
func wantsPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || shared(r.URL.Path) {
		return false
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// asset serves a script, style, font or image. It may be kept for good: its name
// changes with its content.
func (a *API) asset(x *exchange, r *http.Request) {
	a.send(x, r, "assets/"+r.PathValue("name"), "public, max-age=31536000, immutable")
}

func (a *API) send(x *exchange, r *http.Request, name, caching string) {
	p, ok := a.pages.files[name]
	if !ok {
		a.lost(x, r)
		return
	}
	x.Header().Set("Cache-Control", caching)
	x.Header().Add("Vary", "Accept-Encoding")
	body := p.body
	if p.packed != nil && acceptsGzip(r) {
		x.Header().Set("Content-Encoding", "gzip")
		body = p.packed
	}
	write(x, http.StatusOK, p.media, body)
}

// acceptsGzip tells whether gzip is named and not refused (RFC 9110 §12.5.3).
func acceptsGzip(r *http.Request) bool {
	for one := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(one, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
		}
	}
	return false
}

// home leads to where a person has something to do.
func (a *API) home(x *exchange, r *http.Request) {
	if a.someone(x, r) {
		redirect(x, "/account")
		return
	}
	redirect(x, "/sign-in")
}

// accountPage is for who is signed in. The page holds nothing of the account: what
// it shows comes from the API.
func (a *API) accountPage(x *exchange, r *http.Request) {
	if !a.someone(x, r) {
		redirect(x, signInFirst(r))
		return
	}
	a.sendPage(x, r, "account")
}

// adminPage is for who is signed in. What they may do there, the API judges.
func (a *API) adminPage(x *exchange, r *http.Request) {
	if !a.someone(x, r) {
		redirect(x, signInFirst(r))
		return
	}
	a.sendPage(x, r, "admin")
}

// signInFirst is the page to sign in, which leads on to the page that was asked for. It
// leads there only after it has found the place to be one of our own.
func signInFirst(r *http.Request) string {
	if place := r.URL.RequestURI(); place != "/account" {
		return "/sign-in?return_to=" + url.QueryEscape(place)
	}
	return "/sign-in"
}

// someone tells whether a page is asked for by somebody who is signed in. When that
// cannot be found out, the page says so better than we could: it is served.
func (a *API) someone(x *exchange, r *http.Request) bool {
	cookies := a.cookies.sessions(r)
	if len(cookies) != 1 {
		return false
	}
	if _, ok := a.cfg.Flood.Allow(x.caller.Network()); !ok {
		return true
	}
	_, err := a.cfg.Sessions.Check(r.Context(), cookies[0])
	return !errors.Is(err, session.ErrNone)
}

// development guards what exists in development only: it is for whoever sits at this
// machine.
func (a *API) development(serve func(*exchange, *http.Request)) func(*exchange, *http.Request) {
	return func(x *exchange, r *http.Request) {
		if !fromThisMachine(r) {
			a.fail(x, refused(codeNotFound))
			return
		}
		serve(x, r)
	}
}

func redirect(x *exchange, to string) {
	x.Header().Set("Location", to)
	x.WriteHeader(http.StatusSeeOther)
}
