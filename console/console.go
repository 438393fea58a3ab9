// Package console holds the pages that people see: sign in, create an account,
// use an enrolment link, look after their passkeys.
//
// It owns the source of the pages (src/, React, built by Vite into dist/), every
// sentence they say (messages/, one file per language, in ICU MessageFormat), and
// the shell that loads them, with the operator's name, logo, colour, links and
// wording in it. It hides how they are built: the door gets files. It never talks to
// anything: the script calls the same REST API as everybody else, in cookie mode; no
// request leaves the origin, and no page needs an inline script or style.
//
// dist/ is not tracked. Without it this package compiles, and every page says in one
// sentence how to build them.
package console

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
)

// Operator is whose pages they are. The zero value of every member but Name is
// "none".
type Operator struct {
	Name       string // who people sign in to
	SignUp     string // who may open an account: open, email, invite or closed
	EmailLinks bool   // whether people can get a link by e-mail
	Mail       bool   // whether mail is sent at all: an address can be proved
	Logo       []byte // SVG, PNG, JPEG or WebP; shown 32 px high
	Accent     string // #rrggbb; any colour stays readable
	Links      Links
	// Wording is a folder of LANGUAGE.json with keys of messages/en.json and other
	// sentences for them, or with all of them for a further language.
	Wording fs.FS
}

// Links are addresses, https: or (Support) mailto:.
type Links struct {
	Terms   string `json:"terms,omitempty"`
	Privacy string `json:"privacy,omitempty"`
	Support string `json:"support,omitempty"`
}

// logoLimit bounds the logo, in bytes: everybody loads it before they sign in.
const logoLimit = 256 << 10

// Pages makes the files of the site: pages/LANGUAGE/NAME.html, whole documents, and
// assets/NAME, whose names change with their content. The error joins everything
// that is wrong with what the operator gave.
func Pages(operator Operator) (map[string][]byte, error) {
	manifest, err := readManifest()
	if err != nil {
		return nil, err
	}
	p := &press{operator: operator, manifest: manifest, files: map[string][]byte{}}
	p.icon = p.addAsset("icon.svg", icon)
	var accentFault, logoFault, wordingFault error
	if operator.Accent != "" {
		var style string
		if style, accentFault = accentStyle(operator.Accent); accentFault == nil {
			p.accent = p.addAsset("accent.css", []byte(style))
		}
	}
	if len(operator.Logo) > 0 {
		var ext string
		if ext, logoFault = logoType(operator.Logo); logoFault == nil {
			p.logo = p.addAsset("logo"+ext, operator.Logo)
		}
	}
	if p.catalogs, wordingFault = catalogs(operator.Wording); wordingFault != nil {
		wordingFault = fmt.Errorf("wording: %w", wordingFault)
	}
	if err := errors.Join(accentFault, logoFault, operator.Links.check(), wordingFault); err != nil {
		return nil, err
	}
	if err := p.addBuilt(); err != nil {
		return nil, err
	}
	return p.files, p.print()
}

// logoType is the file extension of a picture, by its content.
func logoType(logo []byte) (string, error) {
	if len(logo) > logoLimit {
		return "", fmt.Errorf("the logo has %d bytes; make it smaller than %d", len(logo), logoLimit)
	}
	switch http.DetectContentType(logo) {
	case "image/png":
		return ".png", nil
	case "image/jpeg":
		return ".jpg", nil
	case "image/webp":
		return ".webp", nil
	}
	if head := logo[:min(len(logo), 1024)]; bytes.Contains(head, []byte("<svg")) {
		return ".svg", nil
	}
	return "", errors.New("the logo is no SVG, PNG, JPEG or WebP picture")
}

func (l Links) check() error {
	var problems []error
	for name, link := range map[string]string{"terms": l.Terms, "privacy": l.Privacy, "support": l.Support} {
		u, err := url.Parse(link)
		mail := err == nil && name == "support" && u.Scheme == "mailto" && u.Opaque != ""
		if link != "" && !mail && (err != nil || u.Scheme != "https" || u.Host == "") {
			problems = append(problems, fmt.Errorf("the link %s is %q; write an https address", name, strings.TrimSpace(link)))
		}
	}
	return errors.Join(problems...)
}
