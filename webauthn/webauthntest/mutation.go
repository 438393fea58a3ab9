package webauthntest

import (
	"crypto/sha256"
	"maps"
	"strings"
)

// Mutation is one fault to build into an answer, or one choice to force. They are
// applied layer by layer in the order in which an answer is made, and within a
// layer in the order given.
type Mutation func(*plan)

// plan is what the mutations of one answer ask for.
type plan struct {
	ignoreExcluded bool
	algorithm      *int64
	newID          []byte // of a credential being made
	use            []byte // ID of the credential that answers

	clientData      []func(*members)
	clientDataBytes []func([]byte) []byte

	cose      []func(map[int64]any)
	coseBytes []func([]byte) []byte
	authData  []func(*authData)
	attested  *bool
	authBytes []func([]byte) []byte

	signWithNew bool
	signWith    *key
	signature   []func([]byte) []byte

	statement   []func(map[string]any)
	attestation []func(map[string]any)
	attestBytes []func([]byte) []byte

	json      []func(map[string]any)
	jsonBytes []func([]byte) []byte
}

func newPlan(mutations []Mutation) *plan {
	p := &plan{}
	for _, m := range mutations {
		m(p)
	}
	return p
}

func apply[T any](edits []func(T), v T) {
	for _, edit := range edits {
		edit(v)
	}
}

func applyBytes(edits []func([]byte) []byte, b []byte) []byte {
	for _, edit := range edits {
		b = edit(b)
	}
	return b
}

// IgnoreExcluded registers even when excludeCredentials names a credential here.
func IgnoreExcluded() Mutation { return func(p *plan) { p.ignoreExcluded = true } }

// UseAlgorithm makes a key of alg, offered or not, the model's or not.
func UseAlgorithm(alg int64) Mutation { return func(p *plan) { p.algorithm = &alg } }

// UseCredentialID gives the new credential this ID, everywhere.
func UseCredentialID(id []byte) Mutation { return func(p *plan) { p.newID = id } }

// UseCredential answers with this credential of the authenticator, asked for or not.
func UseCredential(id []byte) Mutation { return func(p *plan) { p.use = id } }

// SetClientData sets a member of the client data to any JSON value; one that is
// not there yet is added at the end.
func SetClientData(name string, value any) Mutation {
	return func(p *plan) { p.clientData = append(p.clientData, func(m *members) { m.set(name, value) }) }
}

// DropClientData leaves a member of the client data out.
func DropClientData(name string) Mutation {
	return func(p *plan) { p.clientData = append(p.clientData, func(m *members) { m.drop(name) }) }
}

// EditClientData changes the bytes of the client data.
func EditClientData(edit func([]byte) []byte) Mutation {
	return func(p *plan) { p.clientDataBytes = append(p.clientDataBytes, edit) }
}

// SetFlags sets bits of the flags byte and changes nothing else: with FlagAT or
// FlagED the data they announce does not come along.
func SetFlags(f Flags) Mutation { return editAuthData(func(d *authData) { d.set |= f; d.clear &^= f }) }

// ClearFlags clears bits of the flags byte and changes nothing else.
func ClearFlags(f Flags) Mutation {
	return editAuthData(func(d *authData) { d.clear |= f; d.set &^= f })
}

// SetRPID puts the hash of another RP ID into the authenticator data.
func SetRPID(id string) Mutation {
	return editAuthData(func(d *authData) { d.rpIDHash = sha256.Sum256([]byte(id)) })
}

// SetSignCount sets the counter of this answer; the authenticator's own stays.
func SetSignCount(n uint32) Mutation { return editAuthData(func(d *authData) { d.signCount = n }) }

// SetAAGUID sets the AAGUID of attested credential data.
func SetAAGUID(id [16]byte) Mutation { return editAuthData(func(d *authData) { d.aaguid = id }) }

// SetAttestedID sets the credential ID in attested credential data alone.
func SetAttestedID(id []byte) Mutation { return editAuthData(func(d *authData) { d.id = id }) }

// SetExtensions appends extension data (CBOR) and sets FlagED.
func SetExtensions(data []byte) Mutation {
	return editAuthData(func(d *authData) { d.extensions = data })
}

// Attested puts attested credential data with FlagAT into the authenticator data,
// or leaves both out. An answer to Create has it, one to Get has not.
func Attested(on bool) Mutation { return func(p *plan) { p.attested = &on } }

// EditKey changes the members of the COSE key in attested credential data. Values
// are int64 and []byte; what is put there is encoded as CBOR.
func EditKey(edit func(map[int64]any)) Mutation {
	return func(p *plan) { p.cose = append(p.cose, edit) }
}

// EditKeyBytes changes the encoded COSE key.
func EditKeyBytes(edit func([]byte) []byte) Mutation {
	return func(p *plan) { p.coseBytes = append(p.coseBytes, edit) }
}

// EditAuthenticatorData changes the bytes of the authenticator data.
func EditAuthenticatorData(edit func([]byte) []byte) Mutation {
	return func(p *plan) { p.authBytes = append(p.authBytes, edit) }
}

// SignWithNewKey signs with a key that nobody knows, of the right algorithm.
func SignWithNewKey() Mutation { return func(p *plan) { p.signWithNew = true } }

// SignWithKeyOf signs with the key of another credential, of any authenticator.
func SignWithKeyOf(c Credential) Mutation { return func(p *plan) { p.signWith = c.key } }

// EditSignature changes the finished signature: of the assertion, or of a packed
// attestation statement.
func EditSignature(edit func([]byte) []byte) Mutation {
	return func(p *plan) { p.signature = append(p.signature, edit) }
}

// EditStatement changes the members of the finished attestation statement.
func EditStatement(edit func(map[string]any)) Mutation {
	return func(p *plan) { p.statement = append(p.statement, edit) }
}

// EditAttestation changes the members of the attestation object: "fmt" (string),
// "attStmt" (map[string]any) and "authData" ([]byte).
func EditAttestation(edit func(map[string]any)) Mutation {
	return func(p *plan) { p.attestation = append(p.attestation, edit) }
}

// EditAttestationBytes changes the encoded attestation object.
func EditAttestationBytes(edit func([]byte) []byte) Mutation {
	return func(p *plan) { p.attestBytes = append(p.attestBytes, edit) }
}

// SetMember sets a member of the answer's JSON by its dotted path, such as "rawId"
// or "response.userHandle". Bytes are given as base64url text.
func SetMember(path string, value any) Mutation {
	return editMember(path, func(m map[string]any, name string) { m[name] = value })
}

// DropMember leaves out a member of the answer's JSON, by its dotted path.
func DropMember(path string) Mutation {
	return editMember(path, func(m map[string]any, name string) { delete(m, name) })
}

// EditMembers changes the answer's JSON as a tree of map[string]any.
func EditMembers(edit func(map[string]any)) Mutation {
	return func(p *plan) { p.json = append(p.json, edit) }
}

// EditJSON changes the bytes of the answer's JSON.
func EditJSON(edit func([]byte) []byte) Mutation {
	return func(p *plan) { p.jsonBytes = append(p.jsonBytes, edit) }
}

func editAuthData(edit func(*authData)) Mutation {
	return func(p *plan) { p.authData = append(p.authData, edit) }
}

func editMember(path string, edit func(m map[string]any, name string)) Mutation {
	names := strings.Split(path, ".")
	last := len(names) - 1
	return EditMembers(func(m map[string]any) {
		for _, name := range names[:last] {
			child, ok := m[name].(map[string]any)
			if !ok {
				child = map[string]any{}
			}
			child = maps.Clone(child)
			m[name] = child
			m = child
		}
		edit(m, names[last])
	})
}
