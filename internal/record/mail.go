package record

import (
	"bytes"
	"slices"

	"github.com/keyturn/keyturn/internal/store"
)

const codeMail = "mail_record_tampered"

// mailVersion is the only edition of a mail's body: what moves stands beside it.
const mailVersion = 1

// SealMail makes the row of a mail that is owed from its Created on. The error is
// *Invalid for facts that could not be opened again.
func (v *Vault) SealMail(f MailFacts) (store.Mail, error) {
	if f.ID == (ID{}) || f.Kind == "" || f.Address == "" {
		return store.Mail{}, &Invalid{"a mail without ID, kind or address"}
	}
	f.Created, f.Expires = milli(f.Created), milli(f.Expires)
	plain, err := encode(v.codec, f)
	if err != nil {
		return store.Mail{}, err
	}
	row := store.Mail{Key: slices.Clone(f.ID[:]), Due: f.Created}
	row.Body, err = v.sealBody(store.TableMails, row.Key, mailVersion, plain)
	return row, err
}

// OpenMail opens the row of a mail. The error is *Tampered with the code
// "mail_record_tampered": such a mail is not sent. Due and Taken are under no seal:
// they decide when, never what or to whom.
func (v *Vault) OpenMail(row store.Mail) (MailFacts, error) {
	tampered := func(err error) (MailFacts, error) {
		return MailFacts{}, &Tampered{Code: codeMail, Key: row.Key, Err: err}
	}
	plain, err := v.openBody(store.TableMails, store.Row{Key: row.Key, Version: mailVersion, Body: row.Body})
	if err != nil {
		return tampered(err)
	}
	f, err := decode[MailFacts](v.codec, plain)
	if err != nil {
		return tampered(err)
	}
	if !bytes.Equal(row.Key, f.ID[:]) {
		return tampered(errColumns)
	}
	return f, nil
}

// LinkID is the ID of the ticket in the link of a mail: the same however often the
// mail is sent, so that all its copies are one single-use link.
func (v *Vault) LinkID(mail ID) [16]byte { return [16]byte(v.index.MAC("outbox", mail[:])[:16]) }

// LinkCode is the number behind the code that is typed in place of a link: 30 bits,
// the same whenever asked for.
func (v *Vault) LinkCode(link [16]byte) uint32 {
	m := v.index.MAC("code", link[:])
	return (uint32(m[0])<<24 | uint32(m[1])<<16 | uint32(m[2])<<8 | uint32(m[3])) >> 2
}

// LimitKey is the key of the hits of a thing that is limited, by what kind it is.
func (v *Vault) LimitKey(kind string, parts ...[]byte) []byte {
	return v.index.MAC("limit", append([][]byte{[]byte(kind)}, parts...)...)
}

// MessageID names a mail to the world: 16 bytes, the same however often it is sent, so
// that whoever gets it twice can tell. It says nothing of the mail's key or its link.
func (v *Vault) MessageID(mail ID) []byte { return v.index.MAC("message", mail[:])[:16] }
