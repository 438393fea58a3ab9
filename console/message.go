package console

import (
	"fmt"
	"slices"
	"strings"
)

// part is a piece of a parsed message: text, an argument, or a choice between
// messages. Its JSON is what src/i18n/format.ts evaluates.
type part struct {
	Text    string            `json:"t,omitempty"`
	Arg     string            `json:"a,omitempty"`
	Plural  string            `json:"p,omitempty"` // the argument that is counted
	Select  string            `json:"s,omitempty"` // the argument that decides
	Options map[string][]part `json:"o,omitempty"`
	Number  bool              `json:"n,omitempty"` // "#": the number of the plural around it
}

// parse reads a message in the syntax of ICU MessageFormat: {name} arguments,
// {name, plural, …} and {name, select, …} with the option "other", and apostrophes
// that quote braces. Number and date styles are not in it: the pages format those
// with Intl.
func parse(message string) ([]part, error) {
	p := &parser{rest: message}
	parts, err := p.message(0, false)
	if err != nil {
		return nil, err
	}
	if p.rest != "" {
		return nil, fmt.Errorf("%q stands there without an opening brace", p.rest)
	}
	return parts, nil
}

type parser struct{ rest string }

// depthLimit bounds how deep choices nest: nobody can read three.
const depthLimit = 3

// message reads up to the closing brace of its option, or to the end.
func (p *parser) message(depth int, counted bool) ([]part, error) {
	if depth > depthLimit {
		return nil, fmt.Errorf("choices nest deeper than %d", depthLimit)
	}
	parts := []part{}
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			parts = append(parts, part{Text: text.String()})
			text.Reset()
		}
	}
	for p.rest != "" {
		c := p.rest[0]
		switch {
		case c == '\'':
			p.quoted(&text, counted)
		case c == '#' && counted:
			flush()
			parts = append(parts, part{Number: true})
			p.rest = p.rest[1:]
		case c == '{':
			flush()
			one, err := p.argument(depth)
			if err != nil {
				return nil, err
			}
			parts = append(parts, one)
		case c == '}':
			flush()
			return parts, nil
		default:
			text.WriteByte(c)
			p.rest = p.rest[1:]
		}
	}
	flush()
	return parts, nil
}

// quoted reads what an apostrophe starts. Two are one; before a brace (or # where a
// number would stand) it quotes up to the next; elsewhere it is itself.
func (p *parser) quoted(text *strings.Builder, counted bool) {
	p.rest = p.rest[1:]
	if strings.HasPrefix(p.rest, "'") {
		text.WriteByte('\'')
		p.rest = p.rest[1:]
		return
	}
	if p.rest == "" || !strings.Contains("{}", p.rest[:1]) && (!counted || p.rest[0] != '#') {
		text.WriteByte('\'')
		return
	}
	inside, after, _ := strings.Cut(p.rest, "'")
	text.WriteString(inside)
	p.rest = after
}

func (p *parser) argument(depth int) (part, error) {
	p.rest = p.rest[1:]
	name, err := p.word()
	if err != nil {
		return part{}, err
	}
	if p.take('}') {
		return part{Arg: name}, nil
	}
	if !p.take(',') {
		return part{}, fmt.Errorf("after {%s comes neither a comma nor a closing brace", name)
	}
	kind, err := p.word()
	if err != nil {
		return part{}, err
	}
	if kind != "plural" && kind != "select" || !p.take(',') {
		return part{}, fmt.Errorf("{%s, %s is not known here; write plural or select", name, kind)
	}
	options, err := p.options(depth, kind == "plural")
	if err != nil {
		return part{}, fmt.Errorf("in {%s, %s: %w", name, kind, err)
	}
	if kind == "plural" {
		return part{Plural: name, Options: options}, nil
	}
	return part{Select: name, Options: options}, nil
}

// categories are the plural forms that languages have (CLDR).
var categories = []string{"zero", "one", "two", "few", "many", "other"}

func (p *parser) options(depth int, plural bool) (map[string][]part, error) {
	options := map[string][]part{}
	for !p.take('}') {
		name, err := p.word()
		if err != nil {
			return nil, err
		}
		if plural && !strings.HasPrefix(name, "=") && !slices.Contains(categories, name) {
			return nil, fmt.Errorf("%q is no plural form; write %s or =NUMBER", name, strings.Join(categories, ", "))
		}
		if _, twice := options[name]; twice || !p.take('{') {
			return nil, fmt.Errorf("%q stands there twice or without its message", name)
		}
		inner, err := p.message(depth+1, plural)
		if err != nil {
			return nil, err
		}
		if !p.take('}') {
			return nil, fmt.Errorf("%q is not closed", name)
		}
		options[name] = inner
	}
	if _, ok := options["other"]; !ok {
		return nil, fmt.Errorf("%q is missing", "other")
	}
	return options, nil
}

// word reads a name, with the space around it.
func (p *parser) word() (string, error) {
	p.rest = strings.TrimLeft(p.rest, " \t\n")
	end := strings.IndexFunc(p.rest, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '='
	})
	if end <= 0 {
		return "", fmt.Errorf("a name is missing before %q", p.rest)
	}
	name := p.rest[:end]
	p.rest = strings.TrimLeft(p.rest[end:], " \t\n")
	return name, nil
}

func (p *parser) take(c byte) bool {
	p.rest = strings.TrimLeft(p.rest, " \t\n")
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// arguments are the names that a message asks for, sorted.
func arguments(parts []part) []string {
	var names []string
	for _, one := range parts {
		for _, name := range []string{one.Arg, one.Plural, one.Select} {
			if name != "" {
				names = append(names, name)
			}
		}
		for _, option := range one.Options {
			names = append(names, arguments(option)...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// fill puts texts in the place of arguments, in a message without choices.
func fill(parts []part, values map[string]string) string {
	var out strings.Builder
	for _, one := range parts {
		out.WriteString(one.Text)
		out.WriteString(values[one.Arg])
	}
	return out.String()
}
