package console

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

//go:embed messages/*.json
var builtIn embed.FS

// reference is the language that is complete by definition.
const reference = "en"

// catalog is every sentence of one language, parsed, by its key.
type catalog map[string][]part

// catalogs reads the built-in languages and puts the operator's wording over them.
// A file of wording is named after its language (de.json) and holds an object of
// keys and messages. For a language that is not built in it must hold every key. The
// error joins all faults.
func catalogs(wording fs.FS) (map[string]catalog, error) {
	sub, err := fs.Sub(builtIn, "messages")
	if err != nil {
		return nil, fmt.Errorf("console: messages: %w", err)
	}
	all := map[string]catalog{}
	base, err := readCatalog(sub, reference+".json")
	if err != nil {
		return nil, err
	}
	all[reference] = base
	problems := []error{merge(all, sub, false)}
	if wording != nil {
		problems = append(problems, merge(all, wording, true))
	}
	for _, lang := range slices.Sorted(maps.Keys(all)) {
		for _, key := range slices.Sorted(maps.Keys(base)) {
			if _, ok := all[lang][key]; !ok {
				problems = append(problems, fmt.Errorf("%s.json: %s is missing", lang, key))
			}
		}
	}
	return all, errors.Join(problems...)
}

// merge puts the files of a folder over what there is.
func merge(all map[string]catalog, files fs.FS, overrides bool) error {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return fmt.Errorf("console: list wording: %w", err)
	}
	if overrides && len(names) == 0 {
		return errors.New("the folder holds no file such as en.json")
	}
	var problems []error
	for _, name := range names {
		lang := strings.TrimSuffix(path.Base(name), ".json")
		if tag, err := language.Parse(lang); err != nil || tag.String() != lang {
			problems = append(problems, fmt.Errorf("%s is not named after a language, such as de.json or pt-BR.json", name))
			continue
		}
		given, err := readCatalog(files, name)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if err := compare(name, all[reference], given); err != nil {
			problems = append(problems, err)
			continue
		}
		if all[lang] == nil {
			all[lang] = catalog{}
		}
		maps.Copy(all[lang], given)
	}
	return errors.Join(problems...)
}

// compare refuses keys that no page has, and messages that lost an argument of
// theirs or ask for one that nobody gives.
func compare(name string, base, given catalog) error {
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(given)) {
		want, ok := base[key]
		if !ok {
			problems = append(problems, fmt.Errorf("%s: there is no sentence %q", name, key))
			continue
		}
		if w, g := arguments(want), arguments(given[key]); !slices.Equal(w, g) {
			problems = append(problems, fmt.Errorf("%s: %s has the placeholders %v; keep %v", name, key, g, w))
		}
	}
	return errors.Join(problems...)
}

func readCatalog(files fs.FS, name string) (catalog, error) {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", name, err)
	}
	var texts map[string]string
	if err := json.Unmarshal(data, &texts); err != nil {
		return nil, fmt.Errorf("%s is not a JSON object of texts: %w", name, err)
	}
	parsed := catalog{}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		parts, err := parse(texts[key])
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %s: %w", name, key, err))
		}
		parsed[key] = parts
	}
	return parsed, errors.Join(problems...)
}

// encode is the catalog as the pages read it: a message without arguments is a text.
func (c catalog) encode() (string, error) {
	out := map[string]any{}
	for key, parts := range c {
		if len(parts) == 1 && parts[0].Text != "" {
			out[key] = parts[0].Text
			continue
		}
		out[key] = parts
	}
	data, err := json.Marshal(out)
	return string(data), err
}
