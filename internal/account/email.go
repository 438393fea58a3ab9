package account

import (
	"fmt"
	"io"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// ProofLife is how long the link of a mail that proves an address lives.
const ProofLife = 24 * time.Hour

// OweProof makes what asking somebody to prove an address owes: the mail, and the stored
// right that its link shows (purpose "email_proof"), which whoever proves the address
// consumes. f is the account as it will be. Nothing is owed where no mail is sent.
func (d *Directory) OweProof(f record.AccountFacts, address, door string, by audit.Caller) (audit.Owed, error) {
	if !d.cfg.Policy.Mail {
		return audit.Owed{}, nil
	}
	now := d.cfg.Now()
	right := record.TicketFacts{
		Purpose: purposeProof, Account: f.ID, Email: address, Created: now, Expires: now.Add(ProofLife),
	}
	if _, err := io.ReadFull(d.cfg.Rand, right.ID[:]); err != nil {
		return audit.Owed{}, fmt.Errorf("account: draw a right: %w", err)
	}
	row, err := d.cfg.Vault.SealTicketRow(right)
	if err != nil {
		return audit.Owed{}, fmt.Errorf("account: seal a right: %w", err)
	}
	owed, err := d.cfg.Mail.Owe(record.MailFacts{
		Kind: string(mail.KindProof), Language: by.Language, Account: f.ID, Address: address,
		Network: network(by), Agent: audit.Agent(by.UserAgent), Door: door,
		TicketEpoch: f.TicketEpoch, SessionEpoch: f.SessionEpoch, Right: right.ID, Expires: right.Expires,
	})
	if err != nil {
		return audit.Owed{}, fmt.Errorf("account: owe a mail: %w", err)
	}
	return audit.Owed{Mails: []store.Mail{owed}, Tickets: []store.Ticket{row}}, nil
}

func network(by audit.Caller) string {
	if n := by.Network(); n.IsValid() {
		return n.String()
	}
	return ""
}

// MailHits are what one mail to an address that somebody asks for counts as, the network's
// own first. A browser that has signed in with the address before has an allowance of its
// own, in whatever network it is: strangers cannot use that up. Of what strangers have, a
// network may use half, so that the address can be written to from another.
func (d *Directory) MailHits(address string, known bool, by audit.Caller) []store.Hit {
	if known {
		return []store.Hit{d.addressHit("mail-address-known", address)}
	}
	_, canonical := Canonical(address)
	return []store.Hit{
		d.NetworkHit(by),
		d.addressHit("mail-address", address),
		{
			Key:   d.cfg.Vault.LimitKey("mail-network-address", []byte(network(by)), []byte(canonical)),
			Rates: []store.Rate{{Count: 3, Per: time.Hour}, {Count: 5, Per: 24 * time.Hour}},
		},
	}
}

// addressHit is one mail to an address: at most one in 30 s, 5 an hour, 10 a day, however
// the address is written.
func (d *Directory) addressHit(kind, address string) store.Hit {
	_, canonical := Canonical(address)
	return store.Hit{
		Key: d.cfg.Vault.LimitKey(kind, []byte(canonical)),
		Rates: []store.Rate{
			{Count: 1, Per: MailAgain}, {Count: 5, Per: time.Hour}, {Count: 10, Per: 24 * time.Hour},
		},
	}
}

// MailAgain is how long whoever asked for a mail waits before asking again.
const MailAgain = 30 * time.Second

// NetworkHit is one mail that a network asks for, whether or not it is sent: at most 20 an
// hour.
func (d *Directory) NetworkHit(by audit.Caller) store.Hit {
	return store.Hit{
		Key:   d.cfg.Vault.LimitKey("mail-network", []byte(network(by))),
		Rates: []store.Rate{{Count: 20, Per: time.Hour}},
	}
}
