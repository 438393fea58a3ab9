package record

import (
	"bytes"
	"slices"

	"github.com/keyturn/keyturn/internal/store"
)

const codeSession = "session_record_tampered"

// Session is a session row that was opened and authenticated.
type Session struct {
	facts   SessionFacts
	version uint64
}

// SealSession makes the session's row at version. Times are kept to the
// millisecond. The error is *Invalid for facts that could not be opened again.
func (v *Vault) SealSession(f SessionFacts, version uint64) (store.Session, error) {
	if f.ID == (ID{}) || f.Account == (ID{}) {
		return store.Session{}, &Invalid{"a session without ID or account"}
	}
	f.AuthTime, f.ProvedAt, f.Created = milli(f.AuthTime), milli(f.ProvedAt), milli(f.Created)
	f.LastSeen, f.Expires, f.RotatedAt = milli(f.LastSeen), milli(f.Expires), milli(f.RotatedAt)
	plain, err := v.codec.session.encode(f)
	if err != nil {
		return store.Session{}, err
	}
	row := store.Session{
		Row:     store.Row{Key: slices.Clone(f.ID[:]), Version: version},
		Account: slices.Clone(f.Account[:]),
		Expires: f.Expires,
	}
	row.Body, err = v.sealBody(store.TableSessions, row.Key, version, plain)
	return row, err
}

// OpenSession opens a session row. The error is *Tampered with the code
// "session_record_tampered". It does not judge whether the session still lives.
func (v *Vault) OpenSession(row store.Session) (Session, error) {
	tampered := func(err error) (Session, error) {
		return Session{}, &Tampered{Code: codeSession, Key: row.Key, Err: err}
	}
	plain, err := v.openBody(store.TableSessions, row.Row)
	if err != nil {
		return tampered(err)
	}
	f, err := v.codec.session.decode(plain)
	if err != nil {
		return tampered(err)
	}
	if !bytes.Equal(row.Key, f.ID[:]) || !bytes.Equal(row.Account, f.Account[:]) || !row.Expires.Equal(f.Expires) {
		return tampered(errColumns)
	}
	return Session{facts: f, version: row.Version}, nil
}

// Facts is a deep copy: change it, and seal the next edition.
func (s Session) Facts() SessionFacts {
	f := s.facts
	f.SecretHash = bytes.Clone(f.SecretHash)
	f.Credential = bytes.Clone(f.Credential)
	f.AMR = slices.Clone(f.AMR)
	return f
}

// Version is the edition of the row that was opened.
func (s Session) Version() uint64 { return s.version }

// Ref names the edition that was opened, for verbs that condition on it.
func (s Session) Ref() store.Ref {
	return store.Ref{Key: bytes.Clone(s.facts.ID[:]), Version: s.version}
}
