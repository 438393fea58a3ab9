package webauthn

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Faults of JSON. The decoder's own errors quote what they met, so they go no
// further than here.
var (
	errJSON      = errors.New("not one valid JSON object with unique names in UTF-8")
	errUTF8      = errors.New("not UTF-8")
	errDeep      = errors.New("nested too deeply")
	errNotString = errors.New("not a string")
	errEmpty     = errors.New("empty")
	errMissing   = errors.New("missing")
	errTooLong   = errors.New("too long")
)

// memberError is a fault of one member, by name.
type memberError struct {
	name string
	err  error
}

func (e *memberError) Error() string { return e.name + ": " + e.err.Error() }
func (e *memberError) Unwrap() error { return e.err }

// document starts reading one JSON text no deeper than depth. The decoder
// refuses invalid UTF-8 and duplicate names at any level by itself.
func document(text []byte, depth int) (*jsontext.Decoder, error) {
	if deeper(text, depth) {
		return nil, errDeep
	}
	return jsontext.NewDecoder(bytes.NewBuffer(text)), nil
}

// deeper reports whether brackets nest beyond depth. It is right for valid JSON;
// whether the text is valid is the decoder's business.
func deeper(text []byte, depth int) bool {
	level, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if level++; level > depth {
				return true
			}
		case c == '}' || c == ']':
			level--
		}
	}
	return false
}

// object reads an object and calls member for each name, which must consume
// exactly the value.
func object(d *jsontext.Decoder, member func(name string) error) error {
	if d.PeekKind() != '{' {
		return errJSON
	}
	if _, err := d.ReadToken(); err != nil {
		return errJSON
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return errJSON
		}
		if err := member(name.String()); err != nil {
			return err
		}
	}
	if t, err := d.ReadToken(); err != nil || t.Kind() != '}' {
		return errJSON
	}
	return nil
}

// end demands that nothing but white space is left.
func end(d *jsontext.Decoder) error {
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return errJSON
	}
	return nil
}

// skip passes over a value that means nothing here, still strictly.
func skip(d *jsontext.Decoder) error {
	if err := d.SkipValue(); err != nil {
		return errJSON
	}
	return nil
}

// str reads a string. It reports false for null.
func str(d *jsontext.Decoder, name string) (string, bool, error) {
	t, err := d.ReadToken()
	switch {
	case err != nil:
		return "", false, errJSON
	case t.Kind() == 'n':
		return "", false, nil
	case t.Kind() != '"':
		return "", false, &memberError{name, errNotString}
	}
	return t.String(), true, nil
}

// octets reads a base64url string. It reports false for null.
func octets(d *jsontext.Decoder, name string) ([]byte, bool, error) {
	v, err := d.ReadValue()
	switch {
	case err != nil:
		return nil, false, errJSON
	case v.Kind() == 'n':
		return nil, false, nil
	case v.Kind() != '"':
		return nil, false, &memberError{name, errNotString}
	}
	text := []byte(v[1 : len(v)-1])
	if bytes.IndexByte(text, '\\') >= 0 {
		if text, err = jsontext.AppendUnquote(nil, []byte(v)); err != nil {
			return nil, false, errJSON
		}
	}
	out, err := decode64(text)
	if err != nil {
		return nil, false, &memberError{name, err}
	}
	return out, true, nil
}
