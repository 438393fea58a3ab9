package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/keyturn/keyturn/internal/session"
)

// page is a rendered page or an asset: bytes that stay what they are until the server
// is started anew.
type page struct {
	media string
	tag   string // strong entity tag
	body  []byte
}

func newPage(media string, body []byte) page {
	sum := sha256.Sum256(body)
	return page{media: media, tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, body: body}
}

// renderPages renders every page once, by its path in Config.Pages: what a page says
// depends on settings alone.
func renderPages(cfg Config) (map[string]page, error) {
	rendered := map[string]page{}
	names, err := fs.Glob(cfg.Pages, "pages/*.html")
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("httpapi: no pages: %w", fs.ErrNotExist)
	}
	data := struct {
		Name   string
		SignUp bool
	}{cfg.Name, cfg.OpenSignUp}
	for _, name := range names {
		if path.Base(name) == "layout.html" {
			continue
		}
		parsed, err := template.ParseFS(cfg.Pages, "pages/layout.html", name)
		if err != nil {
			return nil, fmt.Errorf("httpapi: parse %s: %w", name, err)
		}
		var body bytes.Buffer
		if err := parsed.ExecuteTemplate(&body, "layout.html", data); err != nil {
			return nil, fmt.Errorf("httpapi: render %s: %w", name, err)
		}
		rendered[strings.TrimSuffix(path.Base(name), ".html")] = newPage("text/html; charset=utf-8", body.Bytes())
	}
	return rendered, addAssets(cfg.Pages, rendered)
}

func addAssets(files fs.FS, rendered map[string]page) error {
	names, err := fs.Glob(files, "assets/*")
	if err != nil {
		return fmt.Errorf("httpapi: list assets: %w", err)
	}
	for _, name := range names {
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return fmt.Errorf("httpapi: read %s: %w", name, err)
		}
		rendered[name] = newPage(assetType(name), body)
	}
	return nil
}

// assetType is fixed for what we have, since the system's table differs by machine.
func assetType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// servePage serves a page that everybody may see.
func (a *API) servePage(name string) func(*exchange, *http.Request) {
	return func(x *exchange, r *http.Request) { a.send(x, r, name, "no-store") }
}

// asset serves a script, style or image. It may be kept, and is asked for again each
// time: names do not change with content.
func (a *API) asset(x *exchange, r *http.Request) {
	a.send(x, r, "assets/"+r.PathValue("name"), "no-cache")
}

func (a *API) send(x *exchange, r *http.Request, name, caching string) {
	p, ok := a.pages[name]
	if !ok {
		a.fail(x, refused(codeNotFound))
		return
	}
	x.Header().Set("Cache-Control", caching)
	if caching != "no-store" {
		x.Header().Set("ETag", p.tag)
		if r.Header.Get("If-None-Match") == p.tag {
			x.WriteHeader(http.StatusNotModified)
			return
		}
	}
	write(x, http.StatusOK, p.media, p.body)
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
		redirect(x, "/sign-in")
		return
	}
	a.send(x, r, "account", "no-store")
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
