// Package console holds the pages that people see: sign in, create an account,
// use an enrolment link, look after their passkeys.
//
// It owns the markup (pages/, html/template files sharing layout.html), the style
// and the script (assets/). It hides nothing but their names and never talks to
// anything: the door renders the pages and serves the assets, and the script calls
// the same REST API as everybody else, in cookie mode. No request leaves the
// origin, and no page needs an inline script or style.
package console

import (
	"embed"
	"io/fs"
)

//go:embed pages assets
var files embed.FS

// Files is the tree of pages/*.html and assets/*. Every file of pages but
// layout.html defines the templates "title", "page", "main" and "foot" that the
// layout includes; they are executed with the members Name (who people sign in to) and
// SignUp (whether strangers may open an account).
func Files() fs.FS { return files }
