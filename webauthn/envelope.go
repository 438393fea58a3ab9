package webauthn

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits of what is posted. A registration carries its authenticator data twice
// when the browser's toJSON made it.
const (
	maxRegistrationBody = 256 << 10
	maxAssertionBody    = 64 << 10
	maxBodyDepth        = 16
	maxCredentialID     = 1023 // §4, credential ID
	minCredentialID     = 16   // §4: 100 bits of entropy at least
	maxUserHandle       = 64   // §5.4.3
	maxTransports       = 16
	maxTransport        = 32
)

// envelope is what the two responses share.
type envelope struct {
	id         []byte
	client     *clientData
	attachment string
	outputs    extensionOutputs
}

// members are the members of the JSON as they stood there; nil is absent or null.
type members struct {
	envelope
	rawID    []byte
	typ      string
	hasType  bool
	response response

	decoder *jsontext.Decoder // has read them
	bytes   arena             // they stand in it
}

// response is the member of that name, of either ceremony.
type response struct {
	present           bool
	clientData        []byte
	attestationObject []byte
	authenticatorData []byte
	signature         []byte
	userHandle        []byte
	transports        []string
}

// malformed is a fault of the envelope.
func malformed(err error) *Error { return refuse(CodeRequestMalformed, err) }

// absent is the fault of a member that must be there and not empty.
func absent(name string, v []byte) error {
	if v == nil {
		return &memberError{name, errMissing}
	}
	return &memberError{name, errEmpty}
}

// parseEnvelope reads the JSON and judges what both ceremonies demand of it. The
// first two steps it works for carry the same numbers in both procedures: 3, the
// kind of response, and 4, the extension outputs.
func parseEnvelope(body []byte, max int, section string) (*members, error) {
	if len(body) > max {
		return nil, at(section+"3", malformed(errTooLong))
	}
	d, err := document(body, maxBodyDepth)
	if err != nil {
		return nil, at(section+"3", malformed(err))
	}
	m := &members{decoder: d, bytes: newArena(body)}
	if err = object(d, func(name []byte) error { return m.member(d, name, section) }); err == nil {
		err = end(d)
	}
	var e *Error
	switch {
	case errors.As(err, &e):
		return nil, at(section+"4", e)
	case err != nil:
		return nil, at(section+"3", malformed(err))
	}
	return m, at(section+"3", m.judge())
}

// member reads one member of the outermost object.
func (m *members) member(d *jsontext.Decoder, name []byte, section string) (err error) {
	switch string(name) {
	case "id":
		m.id, _, err = m.bytes.octets(d, "id")
	case "rawId":
		m.rawID, _, err = m.bytes.octets(d, "rawId")
	case "type":
		m.typ, m.hasType, err = str(d, "type")
	case "authenticatorAttachment":
		var s string
		if s, _, err = str(d, "authenticatorAttachment"); s == "platform" || s == "cross-platform" {
			m.attachment = s
		}
	case "clientExtensionResults":
		v, readErr := d.ReadValue()
		if readErr != nil {
			return errJSON
		}
		if e := m.outputs.parse(v, section == registrationSection); e != nil {
			return e
		}
	case "response":
		m.response.present = true
		err = object(d, func(name []byte) error { return m.response.member(d, name, &m.bytes) })
	default:
		err = skip(d)
	}
	return err
}

// member reads one member of the response. The loose copies that a browser makes
// of a registration's key are passed over: only the attestation object counts.
func (r *response) member(d *jsontext.Decoder, name []byte, bytes *arena) (err error) {
	switch string(name) {
	case "clientDataJSON":
		r.clientData, _, err = bytes.octets(d, "clientDataJSON")
	case "attestationObject":
		r.attestationObject, _, err = bytes.octets(d, "attestationObject")
	case "authenticatorData":
		r.authenticatorData, _, err = bytes.octets(d, "authenticatorData")
	case "signature":
		r.signature, _, err = bytes.octets(d, "signature")
	case "userHandle":
		r.userHandle, _, err = bytes.octets(d, "userHandle")
	case "transports":
		r.transports, err = transports(d)
	default:
		err = skip(d)
	}
	return err
}

// transports reads an array of strings, or null.
func transports(d *jsontext.Decoder) ([]string, error) {
	fault := &memberError{"transports", errors.New("not an array of few short strings")}
	switch t, err := d.ReadToken(); {
	case err != nil:
		return nil, errJSON
	case t.Kind() == 'n':
		return nil, nil
	case t.Kind() != '[':
		return nil, fault
	}
	var out []string
	for d.PeekKind() != ']' {
		s, ok, err := str(d, "transports")
		if err != nil {
			return nil, err
		}
		if !ok || len(s) > maxTransport || len(out) == maxTransports {
			return nil, fault
		}
		out = append(out, s)
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, errJSON
	}
	return out, nil
}

// judge demands what step 3 does of either response, but for what tells the two
// apart.
func (m *members) judge() *Error {
	switch {
	case len(m.id) == 0:
		return malformed(absent("id", m.id))
	case len(m.rawID) == 0:
		return malformed(absent("rawId", m.rawID))
	case !m.hasType:
		return malformed(&memberError{"type", errMissing})
	case !m.response.present:
		return malformed(&memberError{"response", errMissing})
	case m.typ != PublicKey:
		return refuse(CodeResponseTypeInvalid, errors.New("type is not public-key"))
	case !bytes.Equal(m.id, m.rawID):
		return refuse(CodeCredentialIDMismatch, errors.New("id and rawId differ"))
	case len(m.response.clientData) == 0:
		return malformed(absent("clientDataJSON", m.response.clientData))
	}
	return nil
}
