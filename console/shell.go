package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/text/language"
)

//go:embed all:dist
var built embed.FS

//go:embed shell.html
var shellText string

//go:embed icon.svg
var icon []byte

// entry is the script that starts every page, by its name in the manifest.
const entry = "src/main.tsx"

// screens are the pages that there are, each with the chunk that only it needs.
var screens = map[string]string{
	"sign-in": "", "sign-up": "SignUp", "enrol": "Enrol", "lost": "",
	"link": "Link", "confirm-email": "ConfirmEmail", "undo": "Undo", "recover": "Recover", "account": "Account", "admin": "Admin", "mail": "Mailbox",
	"dev": "Gallery", "gallery": "Gallery",
}

// chunk is an entry of the manifest that Vite writes.
type chunk struct {
	Name    string   `json:"name"`
	File    string   `json:"file"`
	CSS     []string `json:"css"`
	Imports []string `json:"imports"`
}

// shell is what stands in a page before its script runs.
type shell struct {
	Page, Lang, Direction string
	Title, NoScript       string
	Icon, Script          string
	Styles, Preloads      []string
	Site, Messages        string
}

// site is what the script is told of the operator, as JSON.
type site struct {
	Name   string `json:"name"`
	Logo   string `json:"logo,omitempty"`
	SignUp string `json:"sign_up"`
	// EmailLinks is whether a link by e-mail is offered.
	EmailLinks bool  `json:"email_links"`
	Mail       bool  `json:"mail"`
	Links      Links `json:"links"`
}

// press makes the files of a site.
type press struct {
	operator Operator
	manifest map[string]chunk // nil: the pages were not built
	catalogs map[string]catalog
	files    map[string][]byte
	icon     string
	logo     string
	accent   string
}

// readManifest reads what Vite built; without it the manifest is nil.
func readManifest() (map[string]chunk, error) {
	data, err := built.ReadFile("dist/manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("console: manifest: %w", err)
	}
	var manifest map[string]chunk
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, fmt.Errorf("console: manifest: %w", err)
	}
	if _, ok := manifest[entry]; !ok {
		return nil, fmt.Errorf("console: the manifest does not name %s", entry)
	}
	return manifest, nil
}

// addBuilt takes over what Vite built.
func (p *press) addBuilt() error {
	names, err := fs.Glob(built, "dist/assets/*")
	if err != nil {
		return fmt.Errorf("console: list assets: %w", err)
	}
	for _, name := range names {
		data, err := built.ReadFile(name)
		if err != nil {
			return fmt.Errorf("console: read %s: %w", name, err)
		}
		p.files["assets/"+path.Base(name)] = data
	}
	return nil
}

// addAsset adds a file under a name that changes with its content, and gives its
// path on the site.
func (p *press) addAsset(name string, data []byte) string {
	sum := sha256.Sum256(data)
	ext := path.Ext(name)
	hashed := strings.TrimSuffix(name, ext) + "-" + base64.RawURLEncoding.EncodeToString(sum[:6]) + ext
	p.files["assets/"+hashed] = data
	return "/assets/" + hashed
}

// print renders every screen in every language.
func (p *press) print() error {
	parsed, err := template.New("shell").Parse(shellText)
	if err != nil {
		return fmt.Errorf("console: shell: %w", err)
	}
	about, err := json.Marshal(site{
		Name: p.operator.Name, Logo: p.logo, SignUp: p.operator.SignUp, EmailLinks: p.operator.EmailLinks, Mail: p.operator.Mail, Links: p.operator.Links,
	})
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	for lang, sentences := range p.catalogs {
		messages, err := sentences.encode()
		if err != nil {
			return fmt.Errorf("console: %s: %w", lang, err)
		}
		for page, needs := range screens {
			name := map[string]string{"name": p.operator.Name}
			s := shell{
				Page: page, Lang: lang, Direction: direction(lang), Icon: p.icon,
				Title:    fill(sentences["title."+page], name),
				NoScript: fill(sentences["noscript"], name),
				Site:     string(about), Messages: messages,
			}
			p.link(&s, needs)
			var out bytes.Buffer
			if err := parsed.Execute(&out, s); err != nil {
				return fmt.Errorf("console: render %s: %w", page, err)
			}
			p.files["pages/"+lang+"/"+page+".html"] = out.Bytes()
		}
	}
	return nil
}

// link names the scripts and styles of a page, those of the chunk that only it needs
// included, so that the browser asks for all of them at once.
func (p *press) link(s *shell, needs string) {
	main, ok := p.manifest[entry]
	if !ok {
		return
	}
	s.Script = "/" + main.File
	seen := map[string]bool{entry: true}
	p.follow(s, seen, main)
	for name, c := range p.manifest {
		if needs != "" && c.Name == needs {
			s.Preloads = append(s.Preloads, "/"+c.File)
			seen[name] = true
			p.follow(s, seen, c)
		}
	}
	if p.accent != "" {
		s.Styles = append(s.Styles, p.accent)
	}
}

func (p *press) follow(s *shell, seen map[string]bool, c chunk) {
	for _, style := range c.CSS {
		s.Styles = append(s.Styles, "/"+style)
	}
	for _, name := range c.Imports {
		if seen[name] {
			continue
		}
		seen[name] = true
		imported := p.manifest[name]
		s.Preloads = append(s.Preloads, "/"+imported.File)
		p.follow(s, seen, imported)
	}
}

// direction is how a language is written. Only some scripts run from the right.
func direction(lang string) string {
	script, _ := language.Make(lang).Script()
	switch script.String() {
	case "Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm":
		return "rtl"
	}
	return "ltr"
}
