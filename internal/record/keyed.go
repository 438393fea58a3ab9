package record

// The keyed functions are under the index root: their values never change, so that
// uniqueness, decoys and signed-in people survive a rotation. The first part says
// which function it is, so that no two collide whatever strangers put into the rest.

// LookupCredential is the key of the row of a credential: 32 bytes.
func (v *Vault) LookupCredential(rpID string, credentialID []byte) []byte {
	return v.index.MAC("lookup", []byte("credential"), []byte(rpID), credentialID)
}

// LookupIdentifier is the key of the row of a canonical name of a kind: 32 bytes.
func (v *Vault) LookupIdentifier(kind, canonical string) []byte {
	return v.index.MAC("lookup", []byte("identifier"), []byte(kind), []byte(canonical))
}

// Decoy is n bytes that look random and are the same whenever asked for with the
// same label and parts: what an unknown name is answered with. A shorter answer is
// a prefix of a longer one; give n its own label where that would show.
func (v *Vault) Decoy(label string, n int, parts ...[]byte) []byte {
	return v.index.Stream("decoy", n, append([][]byte{[]byte(label)}, parts...)...)
}

// HashSecret is what a row keeps of a secret that a client holds: 32 bytes, the
// same after a restart or a rotation. purpose keeps kinds of secrets apart.
// Compare hashes in constant time.
func (v *Vault) HashSecret(purpose string, secret []byte) []byte {
	return v.index.MAC("secret", []byte(purpose), secret)
}

// EventID names an event to the person it concerns: a UUID of version 8, the same for
// ever. Chain and number would tell how much happens on the whole server.
func (v *Vault) EventID(chain uint32, n uint64) ID {
	id := ID(v.index.MAC("event", number(uint64(chain)), number(n))[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}
