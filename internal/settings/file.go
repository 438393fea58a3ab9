package settings

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/goccy/go-yaml"
)

// fromFile reads a YAML file whose settings are nested (rp: {id: …}) or written out
// (rp.id: …).
func fromFile(rows []Setting, name string, data []byte) (map[string]given, Faults) {
	known := make(map[string]given)
	var root yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(data, &root, yaml.UseOrderedMap()); err != nil {
		return known, Faults{{Sentence: fmt.Sprintf("%s is not readable as YAML; %s", name, yaml.FormatError(err, false, false))}}
	}
	f := &file{rows: rows, name: name, known: known}
	f.walk("", root)
	return known, f.faults
}

// file walks a document.
type file struct {
	rows   []Setting
	name   string
	known  map[string]given
	faults Faults
}

func (f *file) walk(prefix string, node yaml.MapSlice) {
	for _, item := range node {
		name := prefix + fmt.Sprint(item.Key)
		if inner, isMap := item.Value.(yaml.MapSlice); isMap {
			f.walk(name+".", inner)
			continue
		}
		row, ok := f.row(name)
		if !ok {
			f.fault("", fmt.Sprintf("%s: %s is no setting; %s", f.name, name, suggestion(name, names(f.rows))))
			continue
		}
		f.set(row, item.Value)
	}
}

func (f *file) set(row Setting, value any) {
	if _, twice := f.known[row.Name]; twice {
		f.fault(row.Name, "stands there twice; keep one")
		return
	}
	values, err := scalars(row, value)
	if err != nil {
		f.fault(row.Name, err.Error())
		return
	}
	f.known[row.Name] = given{values, f.name}
}

func (f *file) fault(setting, sentence string) {
	f.faults = append(f.faults, Fault{Setting: setting, Source: f.name, Sentence: sentence})
}

func (f *file) row(name string) (Setting, bool) {
	for _, row := range f.rows {
		if row.Name == name {
			return row, true
		}
	}
	return Setting{}, false
}

// scalars is a value of the file as texts: a list only where the setting is one.
func scalars(row Setting, value any) ([]string, error) {
	list, isList := value.([]any)
	if !isList {
		text, err := scalar(value)
		if err != nil {
			return nil, err
		}
		return split(row, text), nil
	}
	if !row.list || len(list) == 0 {
		return nil, errors.New("is a list; write one value, or leave it out")
	}
	texts := make([]string, len(list))
	for i, v := range list {
		text, err := scalar(v)
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	return texts, nil
}

func scalar(value any) (string, error) {
	switch v := value.(type) {
	case string:
		if v == "" {
			return "", errors.New("is empty; give it a value, or leave it out")
		}
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int, int64, uint64, float64:
		return fmt.Sprint(v), nil
	case nil:
		return "", errors.New("is empty; give it a value, or leave it out")
	default:
		return "", errors.New("is not a plain value; write text or a number")
	}
}

func names(rows []Setting) []string {
	list := make([]string, len(rows))
	for i, row := range rows {
		list[i] = row.Name
	}
	return list
}
