package record

import (
	"bytes"
	"slices"

	"github.com/keyturn/keyturn/internal/store"
)

const codeTicket = "ticket_record_tampered"

// ticketVersion is the only edition of a ticket's row: it is put, and consumed.
const ticketVersion = 1

// TicketKey is the key of the stored half of the ticket with this ID. It is a
// keyed hash: a reader of the database learns no ticket's ID.
func (v *Vault) TicketKey(id [16]byte) []byte { return v.index.MAC("ticket", id[:]) }

// SealTicketRow makes the stored half of a long-lived ticket. A zero Account is a
// ticket that names none.
func (v *Vault) SealTicketRow(f TicketFacts) (store.Ticket, error) {
	if f.ID == [16]byte{} || f.Purpose == "" {
		return store.Ticket{}, &Invalid{"a stored ticket without ID or purpose"}
	}
	f.Created, f.Expires = milli(f.Created), milli(f.Expires)
	plain, err := encode(v.codec, f)
	if err != nil {
		return store.Ticket{}, err
	}
	row := store.Ticket{
		Row:     store.Row{Key: v.TicketKey(f.ID), Version: ticketVersion},
		Account: accountColumn(f.Account),
		Expires: f.Expires,
	}
	row.Body, err = v.sealBody(store.TableTickets, row.Key, row.Version, plain)
	return row, err
}

// OpenTicketRow opens the stored half of a ticket. The error is *Tampered with the
// code "ticket_record_tampered". It does not judge whether the ticket still lives.
func (v *Vault) OpenTicketRow(row store.Ticket) (TicketFacts, error) {
	tampered := func(err error) (TicketFacts, error) {
		return TicketFacts{}, &Tampered{Code: codeTicket, Key: row.Key, Err: err}
	}
	plain, err := v.openBody(store.TableTickets, row.Row)
	if err != nil {
		return tampered(err)
	}
	f, err := decode[TicketFacts](v.codec, plain)
	if err != nil {
		return tampered(err)
	}
	if !bytes.Equal(row.Key, v.TicketKey(f.ID)) || !bytes.Equal(row.Account, accountColumn(f.Account)) || !row.Expires.Equal(f.Expires) {
		return tampered(errColumns)
	}
	return f, nil
}

func accountColumn(id ID) []byte {
	if id == (ID{}) {
		return nil
	}
	return slices.Clone(id[:])
}
