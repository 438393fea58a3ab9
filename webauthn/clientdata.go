package webauthn

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits of client data. Browsers send some 150 bytes, and 700 more for a long
// challenge.
const (
	maxClientData      = 4 << 10
	maxClientDataDepth = 8
)

// The client data types of the two ceremonies (§5.8.1).
const (
	typeCreate = "webauthn.create"
	typeGet    = "webauthn.get"
)

// clientData is CollectedClientData (§5.8.1). Whatever else stands in the JSON is
// ignored, as the standard asks; the hash is over raw.
type clientData struct {
	raw         []byte
	typ         string
	challenge   []byte
	origin      string
	crossOrigin bool
	framed      bool // topOrigin is present
	topOrigin   string
}

var (
	errNotBool      = errors.New("not true or false")
	errTokenBinding = errors.New("not an object with a known status")
)

// parseClientData does the UTF-8 decoding and parsing of 7.1 steps 5 and 6, 7.2
// steps 8 and 9. One leading byte order mark is dropped, as "UTF-8 decode" does.
//
// d is any decoder that is not in use.
func parseClientData(d *jsontext.Decoder, raw []byte) (*clientData, error) {
	if len(raw) > maxClientData {
		return nil, errTooLong
	}
	if !utf8.Valid(raw) {
		return nil, errUTF8
	}
	if err := begin(d, bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), maxClientDataDepth); err != nil {
		return nil, err
	}
	c := &clientData{raw: raw}
	var seen struct{ typ, challenge, origin bool }
	var one arena
	err := object(d, func(name []byte) (err error) {
		switch string(name) {
		case "type":
			c.typ, seen.typ, err = str(d, "type")
		case "challenge":
			c.challenge, seen.challenge, err = one.octets(d, "challenge")
		case "origin":
			c.origin, seen.origin, err = str(d, "origin")
		case "crossOrigin":
			c.crossOrigin, err = boolean(d, "crossOrigin")
		case "topOrigin":
			if c.topOrigin, c.framed, err = str(d, "topOrigin"); err == nil && !c.framed {
				err = &memberError{"topOrigin", errNotString}
			}
		case "tokenBinding":
			err = tokenBinding(d)
		default:
			err = skip(d)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, m := range []struct {
		name string
		seen bool
	}{{"type", seen.typ}, {"challenge", seen.challenge}, {"origin", seen.origin}} {
		if !m.seen {
			return nil, &memberError{m.name, errMissing}
		}
	}
	return c, end(d)
}

// boolean reads true or false, nothing else.
func boolean(d *jsontext.Decoder, name string) (bool, error) {
	t, err := d.ReadToken()
	switch {
	case err != nil:
		return false, errJSON
	case t.Kind() != 't' && t.Kind() != 'f':
		return false, &memberError{name, errNotBool}
	}
	return t.Bool(), nil
}

// tokenBinding judges the shape of a member that Level 3 only reserves. Old
// browsers send it, and a shape they never sent is a forgery or a fault.
func tokenBinding(d *jsontext.Decoder) error {
	fault := &memberError{"tokenBinding", errTokenBinding}
	if d.PeekKind() != '{' {
		return fault
	}
	known := false
	err := object(d, func(name []byte) error {
		if string(name) != "status" {
			return skip(d)
		}
		s, _, err := str(d, "tokenBinding.status")
		known = s == "present" || s == "supported" || s == "not-supported"
		return err
	})
	if err == nil && !known {
		err = fault
	}
	return err
}
