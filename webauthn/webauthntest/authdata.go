package webauthntest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
)

// Flags is the flags byte of authenticator data (§6.1).
type Flags byte

// The flags that have a meaning.
const (
	FlagUP Flags = 1 << 0 // user present
	FlagUV Flags = 1 << 2 // user verified
	FlagBE Flags = 1 << 3 // backup eligible
	FlagBS Flags = 1 << 4 // backed up
	FlagAT Flags = 1 << 6 // attested credential data included
	FlagED Flags = 1 << 7 // extension data included
)

// authData is authenticator data in parts.
type authData struct {
	rpIDHash   [32]byte
	flags      Flags
	set, clear Flags // faults, applied after the flags follow from the content
	signCount  uint32
	attested   bool
	aaguid     [16]byte
	id         []byte
	key        []byte // COSE key, encoded
	extensions []byte
}

// authDataBytes makes the authenticator data for an answer by c, with the plan's faults.
func (a *Authenticator) authDataBytes(p *plan, c Credential, attested bool) ([]byte, error) {
	key, err := p.keyBytes(c)
	if err != nil {
		return nil, err
	}
	d := &authData{
		rpIDHash:  sha256.Sum256([]byte(c.RPID)),
		flags:     a.flags(),
		signCount: c.SignCount,
		attested:  attested,
		aaguid:    a.model.AAGUID,
		id:        c.ID,
		key:       key,
	}
	if p.attested != nil {
		d.attested = *p.attested
	}
	apply(p.authData, d)
	return applyBytes(p.authBytes, d.marshal()), nil
}

func (p *plan) keyBytes(c Credential) ([]byte, error) {
	b := c.PublicKey
	if len(p.cose) > 0 {
		cose := make(map[int64]any, len(c.key.cose))
		for label, v := range c.key.cose {
			if b, ok := v.([]byte); ok {
				v = bytes.Clone(b)
			}
			cose[label] = v
		}
		apply(p.cose, cose)
		var err error
		if b, err = encode(cose); err != nil {
			return nil, err
		}
	}
	return applyBytes(p.coseBytes, bytes.Clone(b)), nil
}

func (d *authData) marshal() []byte {
	flags := d.flags
	if d.attested {
		flags |= FlagAT
	}
	if d.extensions != nil {
		flags |= FlagED
	}
	b := make([]byte, 0, 64+len(d.id)+len(d.key)+len(d.extensions))
	b = append(b, d.rpIDHash[:]...)
	b = append(b, byte(flags|d.set)&^byte(d.clear))
	b = binary.BigEndian.AppendUint32(b, d.signCount)
	if d.attested {
		b = append(b, d.aaguid[:]...)
		b = binary.BigEndian.AppendUint16(b, uint16(len(d.id))) // what does not fit wraps, as a fault may want
		b = append(b, d.id...)
		b = append(b, d.key...)
	}
	return append(b, d.extensions...)
}
