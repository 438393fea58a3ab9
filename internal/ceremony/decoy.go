package ceremony

import (
	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/webauthn"
)

// decoys answers for names that nobody has: credential IDs that look like real ones
// and are the same at every call, because they are drawn by a keyed hash of the name
// (WebAuthn §14.6.2).
type decoys struct {
	vault *record.Vault
	rpID  string
}

// list gives the decoy credentials of a name. Most accounts have one passkey and some
// have two; the common providers use IDs of 16, 20 and 32 bytes.
func (d *decoys) list(name string) []webauthn.Descriptor {
	kind, canonical := account.Canonical(name)
	draw := func(label string, n int, i byte) []byte {
		return d.vault.Decoy(label, n, []byte(d.rpID), []byte(kind), []byte(canonical), []byte{i})
	}
	count := 1
	if draw("count", 1, 0)[0] < 256/6 {
		count = 2
	}
	list := make([]webauthn.Descriptor, count)
	for i := range list {
		shape := draw("shape", 1, byte(i))[0]
		size, transports := 32, []string{"internal"}
		switch {
		case shape < 256*5/10:
			size, transports = 20, []string{"hybrid", "internal"}
		case shape < 256*8/10:
			size, transports = 16, []string{"hybrid", "internal"}
		}
		list[i] = webauthn.Descriptor{Type: "public-key", ID: draw("id", size, byte(i)), Transports: transports}
	}
	return list
}
