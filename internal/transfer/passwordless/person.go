package passwordless

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/transfer"
)

// The forms of a user handle: "u|" and the user's name, "s|" and the sub, or the bare sub
// of somebody whose name it is.
const (
	nameForm = "u|"
	subForm  = "s|"
)

// person gathers the items of one user handle.
type person struct {
	cfg      Config
	handle   string
	name     string // of the user pool; empty: not known
	email    string // claimed
	leave    func(transfer.LeftOut)
	passkeys []record.MovingPasskey
	left     int // items that were left out
}

// begin finds out who somebody is by the user handle, and by what the user pool says.
func (t *Table) begin(handle string, leave func(transfer.LeftOut)) *person {
	p := &person{cfg: t.cfg, handle: handle, leave: leave}
	known := User{}
	switch {
	case strings.HasPrefix(handle, nameForm):
		p.name = strings.TrimPrefix(handle, nameForm)
		known = t.cfg.Users.named(p.name)
	case strings.HasPrefix(handle, subForm):
		known = t.cfg.Users[strings.TrimPrefix(handle, subForm)]
	default:
		known = t.cfg.Users[handle]
	}
	if known.Name != "" {
		p.name = known.Name
	}
	p.email = known.Email
	return p
}

// firstState is the State of a credential that has not been suspended.
const firstState = 1

// add takes one item, or leaves it out.
func (p *person) add(i item) {
	leave := func(why transfer.Why, err error) {
		p.left++
		p.leave(transfer.LeftOut{Username: p.name, Item: i.text(attrPart) + " " + i.text(attrSort), Why: why, Err: err})
	}
	id := i.bytes("credentialId")
	if len(id) == 0 || len(id) > 1023 || i.text("rpId") == "" { // §4: credential IDs are at most 1023 bytes
		leave(transfer.WhyMalformed, nil)
		return
	}
	key, algorithm, err := coseKey(i.fields("jwk"))
	if err != nil {
		leave(transfer.WhyKey, err)
		return
	}
	count, err := i.count("signCount")
	if err != nil {
		leave(transfer.WhyMalformed, err)
		return
	}
	var aaguid [16]byte
	copy(aaguid[:], i.bytes("aaguid"))
	made := i.moment("createdAt")
	verified := i.flag("flagUserVerified")
	p.passkeys = append(p.passkeys, record.MovingPasskey{
		Way: record.Way{Kind: record.WayPasskey, State: firstState, Verified: verified},
		Facts: record.CredentialFacts{
			Passkey: p.identifier("passkey", made, id), ID: bytes.Clone(id), RPID: i.text("rpId"),
			PublicKey: key, Algorithm: algorithm, AAGUID: aaguid, Transports: i.texts("transports"),
			BackupEligible: i.flag("flagBackupEligibility"), Format: "none", Trust: "none", Created: made,
		},
		Use: record.UseFacts{
			Edition: 1, SignCount: count, BackupState: i.flag("flagBackupState") && i.flag("flagBackupEligibility"), UVInitialized: verified,
		},
		Name: i.text("friendlyName"), LastUsed: i.moment("lastSignIn"),
	})
}

// moving is the account. ok is false when there is nothing of it to move.
func (p *person) moving() (m record.Moving, ok bool) {
	if len(p.passkeys) == 0 {
		return m, false
	}
	if len(p.handle) < 1 || len(p.handle) > 64 { // §5.4.3: user handles are 1 to 64 bytes
		p.leave(transfer.LeftOut{Username: p.name, Item: userPrefix + p.handle, Why: transfer.WhyMalformed})
		return m, false
	}
	slices.SortStableFunc(p.passkeys, func(a, b record.MovingPasskey) int {
		return a.Facts.Created.Compare(b.Facts.Created)
	})
	made := p.passkeys[0].Facts.Created
	m.Passkeys = p.passkeys
	m.Account = record.AccountFacts{
		ID: p.identifier("account", made, nil), UserHandle: []byte(p.handle),
		State: record.StateActive, Role: record.RoleMember, Created: made, HadWay: p.left > 0,
	}
	username, err := account.Username(p.name)
	if err == nil {
		m.Account.Username = username
	}
	// A name that cannot be had here is still what its person knows.
	if shown, bad := account.DisplayName(p.name); err != nil && bad == nil && p.name != p.handle {
		m.Account.DisplayName = shown
	}
	for _, address := range []string{p.email, p.name} {
		if claimed, err := account.Email(address); err == nil {
			m.Account.PendingEmail = claimed
			break
		}
	}
	return m, true
}

// identifier is a UUIDv7 (RFC 9562 §5.7) that follows from what it names, so that who
// reads the table a second time finds the same. It tells nothing of it but when it was
// made.
func (p *person) identifier(kind string, made time.Time, of []byte) record.ID {
	name := binary.BigEndian.AppendUint32(nil, uint32(len(p.handle)))
	name = append(append(name, p.handle...), of...)
	id := record.ID(p.cfg.Keyed("passwordless/"+kind, name)[:16])
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(max(made.UnixMilli(), 0)))
	copy(id[:6], at[2:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}
