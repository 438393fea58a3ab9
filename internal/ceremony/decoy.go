package ceremony

import (
	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/webauthn"
)

// decoys answers for names that nobody has: credential IDs that look like real ones
// and are the same at every call, because they are drawn by a keyed hash of the name
// (WebAuthn §14.6.2). What is drawn must never change, or decoys move at an upgrade
// and real credentials do not.
type decoys struct {
	vault *record.Vault
	rpID  string
}

const (
	maxDecoys  = 4
	longestID  = 64            // bytes
	decoyBytes = 1 + longestID // of what is drawn for one: a byte for its shape, and its ID
)

// list gives the decoy credentials of a name. It draws for as many as there may be, so
// that its time does not tell how many there are.
func (d *decoys) list(name string) []webauthn.Descriptor {
	kind, canonical := account.Canonical(name)
	drawn := d.vault.Decoy("list", 1+maxDecoys*decoyBytes, []byte(d.rpID), []byte(kind), []byte(canonical))
	list := make([]webauthn.Descriptor, decoyCount(drawn[0]))
	for i := range list {
		one := drawn[1+i*decoyBytes:][:decoyBytes]
		size, transports := decoyShape(one[0])
		list[i] = webauthn.Descriptor{Type: publicKey, ID: one[1:][:size:size], Transports: transports}
	}
	return list
}

// decoyCount tells how many passkeys a name has: mostly one, seldom more than two.
func decoyCount(drawn byte) int {
	switch {
	case drawn < 192: // 75 %
		return 1
	case drawn < 238: // 18 %
		return 2
	case drawn < 250: // 5 %
		return 3
	default:
		return maxDecoys
	}
}

// decoyShape tells how long an ID is and what its authenticator says of itself. Every
// shape that is common among real passkeys must be among them: one that no decoy has
// would tell a real account.
func decoyShape(drawn byte) (size int, transports []string) {
	switch {
	case drawn < 102: // 40 %: iCloud Keychain
		return 20, []string{"hybrid", "internal"}
	case drawn < 179: // 30 %: Google Password Manager and most other managers
		return 16, []string{"hybrid", "internal"}
	case drawn < 217: // 15 %: Windows Hello, and Chrome on a Mac
		return 32, []string{"internal"}
	case drawn < 230: // 5 %: other managers
		return 32, []string{"hybrid", "internal"}
	case drawn < 246: // 6 %: security keys
		return 48, []string{"nfc", "usb"}
	default: // 4 %: security keys, without room for the key
		return longestID, []string{"nfc", "usb"}
	}
}
