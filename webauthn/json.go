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
	d := new(jsontext.Decoder)
	return d, begin(d, text, depth)
}

// begin is document with a decoder that has read another text to its end: what it
// remembers names in is used again.
func begin(d *jsontext.Decoder, text []byte, depth int) error {
	if deeper(text, depth) {
		return errDeep
	}
	d.Reset(bytes.NewBuffer(text))
	return nil
}

// deeper reports whether brackets nest beyond depth. It is right for valid JSON;
// whether the text is valid is the decoder's business.
func deeper(text []byte, depth int) bool {
	// Brackets are counted by vector instructions, and mostly there are too few.
	if bytes.Count(text, []byte("{"))+bytes.Count(text, []byte("[")) <= depth {
		return false
	}
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
// exactly the value. The name is overwritten by what is read next.
func object(d *jsontext.Decoder, member func(name []byte) error) error {
	if d.PeekKind() != '{' {
		return errJSON
	}
	if _, err := d.ReadToken(); err != nil {
		return errJSON
	}
	for d.PeekKind() == '"' {
		quoted, err := d.ReadValue() // as a token it would be copied
		if err != nil {
			return errJSON
		}
		name, err := unquoted(quoted)
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
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

// unquoted is what a JSON string says. What has no escapes is not copied.
func unquoted(v jsontext.Value) ([]byte, error) {
	if text := v[1 : len(v)-1]; bytes.IndexByte(text, '\\') < 0 {
		return text, nil
	}
	text, err := jsontext.AppendUnquote(nil, []byte(v))
	if err != nil {
		return nil, errJSON
	}
	return text, nil
}

// arena is room for the bytes that a document holds in base64url, taken at once: they
// are fewer than those of the document. The zero arena has no room.
type arena struct{ free []byte }

func newArena(document []byte) arena {
	return arena{make([]byte, strict64.DecodedLen(len(document)))}
}

// octets reads a base64url string. It reports false for null.
func (a *arena) octets(d *jsontext.Decoder, name string) ([]byte, bool, error) {
	v, err := d.ReadValue()
	switch {
	case err != nil:
		return nil, false, errJSON
	case v.Kind() == 'n':
		return nil, false, nil
	case v.Kind() != '"':
		return nil, false, &memberError{name, errNotString}
	}
	text, err := unquoted(v)
	if err != nil {
		return nil, false, err
	}
	size := strict64.DecodedLen(len(text))
	if a.free == nil || size > len(a.free) { // no bytes are not nil: nil is null
		a.free = make([]byte, size)
	}
	out := a.free[:size:size]
	if err := decode64(out, text); err != nil {
		return nil, false, &memberError{name, err}
	}
	a.free = a.free[size:]
	return out, true, nil
}
