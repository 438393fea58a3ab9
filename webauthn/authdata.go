package webauthn

import (
	"encoding/binary"
	"errors"
)

// Flags of authenticator data (§6.1). The bits in between are reserved and
// ignored.
const (
	flagUP = 1 << 0
	flagUV = 1 << 2
	flagBE = 1 << 3
	flagBS = 1 << 4
	flagAT = 1 << 6
	flagED = 1 << 7
)

const (
	fixedLength = 37 // RP ID hash, flags, signature counter
	idOffset    = 55 // where the credential ID begins: after AAGUID and its own length
)

// authenticatorData is the structure of §6.1. Its slices are of the bytes it was
// parsed from.
type authenticatorData struct {
	raw          []byte
	rpIDHash     []byte
	flags        byte
	signCount    uint32
	aaguid       [16]byte
	credentialID []byte
	key          coseKey
}

func (a *authenticatorData) has(flag byte) bool { return a.flags&flag != 0 }

var (
	errShort      = errors.New("too short")
	errTrailing   = errors.New("bytes left over")
	errAttested   = errors.New("attested credential data where there must be none, or the reverse")
	errExtensions = errors.New("extension outputs are not one canonical map of identifiers to what they stand for")
)

// parseAuthenticatorData reads authenticator data by the lengths it declares. The
// AT flag must be set in a registration's and clear in an assertion's; extension
// outputs stand there when ED says so, and nothing follows.
func parseAuthenticatorData(raw []byte, registration bool) (*authenticatorData, error) {
	if len(raw) < fixedLength {
		return nil, errShort
	}
	a := &authenticatorData{
		raw:       raw,
		rpIDHash:  raw[:32],
		flags:     raw[32],
		signCount: binary.BigEndian.Uint32(raw[33:fixedLength]),
	}
	if a.has(flagAT) != registration {
		return nil, errAttested
	}
	rest := raw[fixedLength:]
	if registration {
		n, err := a.attested(raw)
		if err != nil {
			return nil, err
		}
		rest = raw[n:]
	}
	if a.has(flagED) {
		outputs, n, err := authenticatorCBOR.entries(rest)
		if err != nil || !soundOutputs(outputs, registration) {
			return nil, errExtensions
		}
		rest = rest[n:]
	}
	if len(rest) != 0 {
		return nil, errTrailing
	}
	return a, nil
}

// attested reads attested credential data (§6.5.2) and returns where they end.
func (a *authenticatorData) attested(raw []byte) (int, error) {
	if len(raw) < idOffset {
		return 0, errShort
	}
	copy(a.aaguid[:], raw[fixedLength:])
	end := idOffset + int(binary.BigEndian.Uint16(raw[idOffset-2:]))
	if len(raw) < end {
		return 0, errShort
	}
	a.credentialID = raw[idOffset:end]
	if a.key.es256 = es256First(raw[end:]); a.key.es256 != nil {
		a.key.raw = a.key.es256
		return end + len(a.key.raw), nil
	}
	value, n, err := authenticatorCBOR.item(raw[end:])
	if err != nil {
		return 0, &memberError{"credentialPublicKey", err}
	}
	a.key.raw = raw[end : end+n]
	a.key.members, _ = value.(map[any]any)
	return end + n, nil
}
