package mail

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	html "html/template"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	text "text/template"
	"time"
)

//go:embed templates
var templates embed.FS

// kinds are all there are.
func kinds() []Kind {
	return []Kind{KindSignIn, KindSignUp, KindUsePasskey, KindProof, KindInvitation, KindEnrolment, KindNotice}
}

// The parts of a mail, as the names of template files end.
const (
	partSubject = ".subject.txt"
	partText    = ".txt"
	partHTML    = ".html"
)

// form is what a text and an HTML template have in common.
type form interface {
	Execute(w io.Writer, data any) error
}

// desk writes letters: our templates, with the operator's in place of some.
type desk struct {
	frame frame
	words map[string]wording // by language
	own   map[string]form    // by name, such as "en/sign_in.html"
	plain map[string]form    // by part
}

// written is a mail in words.
type written struct{ subject, text, html string }

// newDesk reads wording and templates. The operator's are tried on a letter of every
// kind that they could ever write. The error joins everything that is wrong.
func newDesk(look Look, own fs.FS) (*desk, error) {
	frame, frameFault := newFrame(look)
	words, wordsFault := readWording()
	if err := errors.Join(frameFault, wordsFault); err != nil {
		return nil, err
	}
	d := &desk{frame: frame, words: words, own: map[string]form{}, plain: map[string]form{}}
	d.plain[partSubject] = text.Must(text.New("subject").Parse("{{.MailSubject}}"))
	var err error
	if d.plain[partText], err = readTemplate(templates, "templates/mail.txt"); err != nil {
		return nil, err
	}
	if d.plain[partHTML], err = readTemplate(templates, "templates/mail.html"); err != nil {
		return nil, err
	}
	if own == nil {
		return d, nil
	}
	if err := d.adopt(own); err != nil {
		return nil, err
	}
	return d, d.try()
}

// adopt reads the operator's templates. Every file must be one that is looked for.
func (d *desk) adopt(own fs.FS) error {
	var problems []error
	err := fs.WalkDir(own, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if !expected(name) {
			problems = append(problems, fmt.Errorf(
				"mail templates: %s is none; name files as en/sign_in.html, en/sign_in.txt or en/sign_in.subject.txt", name))
			return nil
		}
		parsed, err := readTemplate(own, name)
		if err != nil {
			problems = append(problems, err)
			return nil
		}
		d.own[name] = parsed
		return nil
	})
	if err != nil {
		return fmt.Errorf("mail templates: the folder cannot be read: %w", err)
	}
	if len(d.own) == 0 && len(problems) == 0 {
		return errors.New("mail templates: the folder holds no file such as en/sign_in.html")
	}
	return errors.Join(problems...)
}

// expected tells whether a file is one that a mail is written with.
func expected(name string) bool {
	language, file := path.Split(name)
	kind, part := cutPart(file)
	return slices.Contains(Languages(), strings.TrimSuffix(language, "/")) && part != "" && slices.Contains(kinds(), Kind(kind))
}

// cutPart takes the name of a template file apart. The part is empty when it has none.
func cutPart(file string) (kind, part string) {
	for _, part := range []string{partSubject, partText, partHTML} {
		if kind, ok := strings.CutSuffix(file, part); ok {
			return kind, part
		}
	}
	return file, ""
}

// readTemplate parses one file, as HTML or as text by its name.
func readTemplate(files fs.FS, name string) (form, error) {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("mail templates: %s cannot be read: %w", name, err)
	}
	var parsed form
	if strings.HasSuffix(name, partHTML) {
		parsed, err = html.New(name).Option("missingkey=error").Parse(string(data))
	} else {
		parsed, err = text.New(name).Option("missingkey=error").Parse(string(data))
	}
	if err != nil {
		return nil, fmt.Errorf("mail templates: %s cannot be understood: %w", name, err)
	}
	return parsed, nil
}

// write writes a letter, as it is sent at now.
func (d *desk) write(l Letter, now time.Time) (written, error) {
	if !slices.Contains(kinds(), l.Kind) {
		return written{}, fmt.Errorf("mail: there are no words for the kind %q", l.Kind)
	}
	page := d.page(l, now)
	var out written
	for part, into := range map[string]*string{partSubject: &out.subject, partText: &out.text, partHTML: &out.html} {
		var err error
		if *into, err = d.render(page, part); err != nil {
			return written{}, err
		}
	}
	// A template's file ends with a line end; a header holds none.
	out.subject = strings.TrimSpace(out.subject)
	if out.subject == "" || hasControl(out.subject) {
		return written{}, fmt.Errorf("mail templates: the subject of %s in %s is not one line", l.Kind, page.Language)
	}
	return out, nil
}

func (d *desk) render(p Page, part string) (string, error) {
	name := p.Language + "/" + string(p.Kind) + part
	chosen, ok := d.own[name]
	if !ok {
		chosen = d.plain[part]
	}
	var out bytes.Buffer
	if err := chosen.Execute(&out, p); err != nil {
		return "", fmt.Errorf("mail templates: %s: %w", name, err)
	}
	return out.String(), nil
}

// language is the one of ours that a letter's language is, or is a dialect of.
func (d *desk) language(tag string) string {
	primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if _, ok := d.words[primary]; ok {
		return primary
	}
	return english
}

// try writes every sample letter with the operator's templates. A mail that lost its
// link would be of no use to anybody.
func (d *desk) try() error {
	problems := map[string]error{}
	for _, l := range samples(d.frame.url) {
		out, err := d.write(l, l.At)
		name := l.Language + "/" + string(l.Kind)
		switch {
		case err != nil:
			problems[name] = err
		case l.Link != "" && !strings.Contains(out.text, l.Link):
			problems[name+partText] = fmt.Errorf("mail templates: %s leaves out the link; write {{.Link}}", name+partText)
		case l.Link != "" && !strings.Contains(out.html, l.Link):
			problems[name+partHTML] = fmt.Errorf("mail templates: %s leaves out the link; write {{.Link}}", name+partHTML)
		}
	}
	var all []error
	for _, name := range sortedKeys(problems) {
		all = append(all, problems[name])
	}
	return errors.Join(all...)
}
